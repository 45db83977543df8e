"""All commands together, and the way from an error to an exit code.

Only what a command needs is imported, and only when it runs, so that the running bridge stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated

import typer

from bridge import __version__
from bridge.cli import firm, passwords, setup
from bridge.cli.audit import audit
from bridge.cli.backups import backup, restore
from bridge.cli.clio import clio
from bridge.cli.converting import directory_convert
from bridge.cli.exits import Exit, Stop, exit_for
from bridge.cli.pages import pages_folder
from bridge.cli.shell import Config, complain, say
from bridge.cli.smokeball import smokeball
from bridge.cli.tokens import token
from bridge.cli.webhooks import webhook
from bridge.configuration import load_settings

app = typer.Typer(
    name="firm-bridge",
    help="Direct messages, matter conversations and channels for a law firm, on its own Matrix homeserver.",
    epilog=f"The documentation and the sample files that messages name are in {pages_folder()}.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        say(f"firm-bridge {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """What stands before a command."""


app.command()(setup.init)
app.command("registration")(setup.show_registration)
app.command()(setup.check)


@app.command()
def run(config: Config = None) -> None:
    """Run the bridge until it is stopped by Ctrl-C or SIGTERM."""
    settings = load_settings(config)
    from bridge import app as bridge_app

    bridge_app.run(settings)


def dev() -> None:
    """Set up and run a local Synapse, the bridge and the demo firm, for trying and developing.

    SYNAPSE_PORT, BRIDGE_PORT, PANEL_PORT and VAR in the environment choose the ports and the folder (8008, 9009, 9010,
    var).
    """
    from bridge.dev import main as run_dev

    raise typer.Exit(run_dev())


if find_spec("bridge.dev") is not None:
    # Only a checkout has it.
    app.command()(dev)
app.command()(backup)
app.command()(restore)
app.command()(firm.plan)
app.command()(firm.sync)
firm.staff.command("set-password")(passwords.set_password)
app.add_typer(firm.staff, name="staff")
firm.directory.command("convert")(directory_convert)
app.add_typer(firm.directory, name="directory")
app.add_typer(firm.dead_letters, name="dead-letters")
app.add_typer(audit, name="audit")
app.add_typer(token, name="token")
app.add_typer(smokeball, name="smokeball")
app.add_typer(clio, name="clio")
app.add_typer(webhook, name="webhook")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error nobody foresaw is raised."""
    try:
        app(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.OK
    except Stop as stop:
        complain(str(stop))
        return stop.code
    except Exception as error:
        code = exit_for(error)
        if code is None:
            raise
        complain(str(error))
        return code
    return Exit.OK
