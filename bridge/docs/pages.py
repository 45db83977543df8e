"""Every page that is made from the code, and the command that writes or compares them."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bridge.check.table import HOMESERVER_SETTINGS
from bridge.cli.app import app as cli
from bridge.cli.exits import Exit
from bridge.commands.all import COMMANDS
from bridge.commands.asking.table import Command
from bridge.commands.asking.where import CHAT, EVERYWHERE, Where
from bridge.commands.permissions_page import permission_parts
from bridge.directory.reference import directory_reference
from bridge.docs.api import api_parts
from bridge.docs.endpoints import endpoint_parts
from bridge.docs.rules import rule_parts
from bridge.docs.watching import ALARMS, Alarm, alerts_yaml, dashboard, runbook_parts
from bridge.docs.webhooks import webhook_parts
from bridge.metrics import Metrics
from bridge.sample import one_line, plain, sample_yaml
from bridge.settings.fields import meaning, sections

ROOT = Path(__file__).parents[2]
_MADE = "<!-- Made by `python -m bridge.docs` from {source}. Change that, not this page. -->"


def pages() -> dict[Path, str]:
    """Every page by its path in the repository."""
    return {
        Path("docs/settings.md"): settings_page(),
        Path("docs/homeserver.md"): homeserver_page(),
        Path("docs/cli.md"): cli_page(),
        Path("docs/commands.md"): commands_page(COMMANDS),
        Path("docs/permissions.md"): permissions_page(),
        Path("docs/endpoints.md"): endpoints_page(),
        Path("docs/api-reference.md"): api_page(),
        Path("docs/webhooks.md"): webhooks_page(),
        Path("docs/metrics.md"): metrics_page(),
        Path("docs/directory.md"): directory_reference(),
        Path("docs/rules.md"): rules_page(),
        Path("config/firm-bridge.sample.yaml"): sample_yaml(),
        Path("config/alerts.yaml"): alerts_yaml(),
        Path("config/grafana.json"): dashboard(),
        **{Path("docs/runbooks", alarm.page): runbook_page(alarm) for alarm in ALARMS},
    }


def settings_page() -> str:
    """docs/settings.md."""
    parts = [
        *_head("Settings", "bridge/settings/"),
        "The configuration is one YAML file: the one that `--config` names, else `$FIRM_BRIDGE_CONFIG`, else"
        " `firm-bridge.yaml` in the current folder. `firm-bridge init` writes one;"
        " [firm-bridge.sample.yaml](../config/firm-bridge.sample.yaml) shows it whole.",
        "The environment overrides the file: `FIRM_BRIDGE_HOMESERVER__URL` is `url` in the section `homeserver`. Lists"
        " are written as JSON there. Relative paths start at the folder of the configuration.",
        "A setting that does not exist is refused, and so is an example secret that was left in.",
    ]
    for name, model in sections():
        rows = [
            (
                f"`{key}`",
                "secret" if field.annotation is SecretStr and key != "url" else f"`{one_line(plain(field.default))}`",
                meaning(field),
            )
            for key, field in model.model_fields.items()
        ]
        parts += [f"## {name}", model.__doc__ or "", _table(("Setting", "Default", "Meaning"), rows)]
    return _page(parts)


def homeserver_page() -> str:
    """docs/homeserver.md."""
    parts = [
        *_head("What the homeserver needs", "bridge/check/table.py"),
        "These settings of Synapse prevent what the bridge could only put right afterwards, and they hold while the"
        " bridge is down. `firm-bridge check` tries each on the running server and says which are missing. The whole"
        " file is [synapse-dev/homeserver.yaml](../synapse-dev/homeserver.yaml). The letters name rules of the firm,"
        " explained in [rules.md](rules.md).",
    ]
    for setting in HOMESERVER_SETTINGS:
        seen = "" if setting.probe else " `check` cannot see it from outside: compare it with your file."
        rule = f" ({', '.join(setting.rules)})" if setting.rules else " (advised)"
        lines = setting.yaml.replace("{bot}", "@bot:example.org")
        way = ""
        if setting.gives_way:
            way = " Not where [the guard](admin-guide.md#the-guard) is installed, which decides case by case."
        parts += [f"## {setting.name}", f"{setting.why}{rule}{seen}{way}", f"```yaml\n{lines}\n```"]
    return _page(parts)


def cli_page() -> str:
    """docs/cli.md."""
    group = typer.main.get_command(cli)
    parts = [
        *_head("The command line", "bridge/cli/"),
        "Staff and firm admins write to the bot instead ([commands.md](commands.md)). These commands are for whoever"
        " runs the server. `firm-bridge --version` prints the version.",
        *_cli_commands(group, "firm-bridge"),
        "## Exit codes",
        _table(("Code", "Meaning"), [(str(code.value), code.meaning) for code in Exit]),
    ]
    return _page(parts)


def _cli_commands(group: Any, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _cli_commands(command, f"{prefix} {name}")
            continue
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option"]
        shown = " ".join([f"{prefix} {name}", *(_cli_argument(param) for param in arguments)])
        yield f"## `{shown}`"
        yield command.help
        rows = [(f"`{_cli_argument(param)}`", param.help or "") for param in arguments]
        rows += [(", ".join(f"`{opt}`" for opt in param.opts), _cli_help(param)) for param in options]
        if rows:
            yield _table(("Option", "Meaning"), rows)


def _cli_argument(param: Any) -> str:
    name = param.name.upper()
    return name if param.required else f"[{name}]"


def _cli_help(param: Any) -> str:
    has_default = param.default not in {None, False, ""} and not callable(param.default)
    return f"{param.help} Default: `{param.default}`." if has_default else str(param.help)


def commands_page(commands: Iterable[Command]) -> str:
    """docs/commands.md."""
    parts = [
        *_head("What you can ask the bot", "bridge/commands/"),
        "Write to the bot in your chat with it, or in any room of the firm. People are named by mention, `@name`,"
        " e-mail address or full name. `!help` shows what makes sense where you type it, `!help all` lists every"
        " command, `!help COMMAND` explains one.",
    ]
    group = ""
    for command in sorted(commands, key=_by_first_appearance(commands)):
        if command.group != group:
            group = command.group
            parts.append(f"## {group}")
        parts += [f"### `{command.usage}`", f"{command.summary}. For {command.who}."]
        if command.help:
            parts.append(command.help)
        if command.also:
            parts.append(f"Also: {', '.join(f'`!{word}`' for word in command.also)}.")
        if command.where:
            parts.append(f"`!help` shows it in {_places(command.where)}.")
        if command.examples:
            parts.append("\n".join(["```", *command.examples, "```"]))
    return _page(parts)


def _places(where: frozenset[Where]) -> str:
    """Kinds of place as a reader lists them. What is shown in open ones is not said again of the others."""
    if where >= EVERYWHERE - CHAT:
        return "every conversation"
    open_kinds = {place.kind for place in where & {Where.MATTER, Where.CHANNEL}}
    covering = {Where.MATTER, Where.CHANNEL} & where
    items = [place.shown for place in Where if place in where and (place.kind not in open_kinds or place in covering)]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _by_first_appearance(commands: Iterable[Command]) -> Callable[[Command], int]:
    order = list(dict.fromkeys(command.group for command in commands))
    return lambda command: order.index(command.group)


def permissions_page() -> str:
    """docs/permissions.md."""
    return _page([*_head("Who may do what", "bridge/commands/"), *permission_parts(_table)])


def endpoints_page() -> str:
    """docs/endpoints.md."""
    return _page([*_head("What the bridge answers to", "bridge/docs/endpoints.py"), *endpoint_parts(_table)])


def api_page() -> str:
    """docs/api-reference.md."""
    return _page([*_head("The API, address by address", "bridge/web/api/"), *api_parts(_table)])


def webhooks_page() -> str:
    """docs/webhooks.md."""
    return _page([*_head("Webhooks", "bridge/docs/webhooks.py"), *webhook_parts(_table)])


def metrics_page() -> str:
    """docs/metrics.md."""
    rows = []
    for metric in vars(Metrics(CollectorRegistry())).values():
        if not hasattr(metric, "describe"):
            continue
        family = next(iter(metric.describe()))
        suffix = "_total" if family.type == "counter" else ""
        labels = ", ".join(metric._labelnames)
        rows.append((f"`{family.name}{suffix}`", family.type, labels, family.documentation))
    parts = [
        *_head("Metrics", "bridge/metrics.py"),
        "`GET /metrics` gives these for Prometheus.",
        _table(("Name", "Type", "Labels", "Meaning"), rows),
        "## Alarms",
        "[config/alerts.yaml](../config/alerts.yaml) has them as rules for Prometheus, and"
        " [config/grafana.json](../config/grafana.json) is a dashboard for Grafana with every metric.",
        _table(("Alarm", "Says"), [(f"[{one.name}](runbooks/{one.page})", one.summary) for one in ALARMS]),
    ]
    return _page(parts)


def runbook_page(alarm: Alarm) -> str:
    """A page of docs/runbooks."""
    return _page([*_head(alarm.name, "bridge/docs/watching.py"), *runbook_parts(alarm)])


def rules_page() -> str:
    """docs/rules.md."""
    return _page([*_head("The firm's rules", "bridge/firm/rules.py, the code and the tests"), *rule_parts(ROOT)])


def _head(title: str, source: str) -> tuple[str, str]:
    return f"# {title}", _MADE.format(source=source)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"


def differences(root: Path) -> str:
    """What differs between the pages in the tree and the code, as a diff; empty where nothing does."""
    found: list[str] = []
    for path, text in pages().items():
        file = root / path
        present = file.read_text(encoding="utf-8") if file.exists() else ""
        found += difflib.unified_diff(
            present.splitlines(keepends=True), text.splitlines(keepends=True), str(path), f"{path} (from the code)"
        )
    return "".join(found)


def main(arguments: list[str]) -> int:
    """Write the pages; with --check, print what differs instead and return 1."""
    if arguments == ["--check"]:
        difference = differences(ROOT)
        if difference:
            sys.stderr.write(f"{difference}\nThese pages are not what the code says. Run: python -m bridge.docs\n")
        return 1 if difference else 0
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0
