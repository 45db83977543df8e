"""Clio Manage as a source of the directory."""

from __future__ import annotations

import typer

from bridge.cli.connecting import let_in
from bridge.cli.shell import Config, read_settings

clio = typer.Typer(help="Clio Manage as a source of the directory.", no_args_is_help=True)


@clio.command()
def connect(config: Config = None) -> None:
    """Let the bridge into Clio Manage: opens Clio's page for consent, and keeps what it gives, encrypted.

    Consent as an administrator of the firm's Clio account: the bridge sees what that person sees. Do this on the
    bridge's server as the bridge's user, while the bridge is stopped. Where the server has no browser, open the address
    that is shown on your own machine, after `ssh -L 9012:127.0.0.1:9012 SERVER`.
    """
    from bridge.directory.clio.hosts import client_of

    settings = read_settings(config)
    let_in(settings, client_of(settings.clio))
