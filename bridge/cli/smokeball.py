"""Smokeball as a source of the directory."""

from __future__ import annotations

import typer

from bridge.cli.connecting import let_in
from bridge.cli.exits import Exit, Stop
from bridge.cli.shell import Config, read_settings

smokeball = typer.Typer(help="Smokeball as a source of the directory.", no_args_is_help=True)


@smokeball.command()
def connect(config: Config = None) -> None:
    """Let the bridge into Smokeball: opens Smokeball's page for consent, and keeps what it gives, encrypted.

    Do this on the bridge's server as the bridge's user, while the bridge is stopped. Where the server has no browser,
    open the address that is shown on your own machine, after `ssh -L 9011:127.0.0.1:9011 SERVER`.
    """
    from bridge.directory.smokeball.hosts import client_of

    settings = read_settings(config)
    if settings.smokeball.account_id:
        raise Stop(
            Exit.SOURCE,
            "The bridge signs in to Smokeball by itself (smokeball.account_id), so nobody has to let it in.",
        )
    let_in(settings, client_of(settings.smokeball))
