"""Reading the configuration: one YAML file, overridden by the environment, judged whole before anything starts."""

from __future__ import annotations

import difflib
import os
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from bridge.directory.fields import KINDS
from bridge.firm.errors import BridgeError
from bridge.mapping.ids import LOCALPART, TEMPLATE_FIELDS
from bridge.oidc.metadata import may_be_asked
from bridge.retired import RETIRED, retired
from bridge.settings import EXAMPLE_SECRET, BackupSettings, MasSettings, Settings
from bridge.yaml_lines import Document, YamlError, read_yaml

DEFAULT_PATH = Path("firm-bridge.yaml")
PATH_VARIABLE = "FIRM_BRIDGE_CONFIG"
_PREFIX = "FIRM_BRIDGE_"
_AGE_KEY = re.compile(r"age1[02-9ac-hj-np-z]{58}")
"""The age specification, native X25519 recipients (Bech32)."""
_LARGEST = 1024 * 1024
_SHORTEST_KEY = 16
_SERVER_NAME = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(:[0-9]{1,5})?")
"""Matrix specification, appendices, server name."""


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One thing to put right in the configuration."""

    key: str
    """The setting, such as appservice.as_token; empty where the whole file is meant."""
    message: str
    """Whole sentences: what is wrong, and what to do."""
    where: str = ""
    """The line of the file, or the environment variable, that the value comes from."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class ConfigError(BridgeError):
    """The configuration cannot be used. The message has one line for each problem."""

    def __init__(self, *problems: SettingProblem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def configuration_path(path: Path | None) -> Path:
    """The file to read: the one given, else that of FIRM_BRIDGE_CONFIG, else firm-bridge.yaml in this folder."""
    return path or Path(os.environ.get(PATH_VARIABLE) or DEFAULT_PATH)


def load_settings(path: Path | None = None) -> Settings:
    """Read and judge the configuration. Relative paths in it are made absolute from the file's folder.

    Raises ConfigError with every problem found.
    """
    file = configuration_path(path)
    return parse_settings(_read(file), file)


def parse_settings(text: str, file: Path) -> Settings:
    """The settings that a configuration's text gives, as if it stood in this file. Raises ConfigError."""
    document = _document(text, file)
    problems = [*_unknown_variables(), *_unknown_sections(document.data)]
    # A section whose settings are all commented out is there, and empty.
    given = {name: document.data[name] for name in Settings.model_fields if document.data.get(name) is not None}
    try:
        settings = Settings(**given)
    except SettingsError as error:
        problem = SettingProblem(
            "", f"A {_PREFIX} variable of the environment cannot be read: {error}. Lists are JSON."
        )
        raise ConfigError(*_located([*problems, problem], file, document)) from error
    except ValidationError as error:
        variables = {problem.where for problem in problems}
        found = [_explain(detail) for detail in error.errors(include_url=False)]
        problems += [problem for problem in found if _variable(problem.key) not in variables]
        named = {problem.key for problem in problems}
        problems += [problem for problem in _absent_secrets(given) if problem.key not in named]
        raise ConfigError(*_located(problems, file, document)) from error
    problems += judge(settings)
    if problems:
        raise ConfigError(*_located(problems, file, document))
    return _absolute(settings, file.resolve().parent)


def judge(settings: Settings) -> Iterator[SettingProblem]:
    """What is wrong with values that are each of the right type: left-over examples, and what does not fit together."""
    yield from _secrets(settings)
    yield from _addresses(settings)
    yield from _names(settings)
    yield from _owners(settings)
    yield from _backup(settings)
    if settings.sign_on.issuer:
        yield from _sign_on(settings)
    if settings.mas.url:
        yield from _mas(settings.mas)


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST:
            raise ConfigError(
                SettingProblem("", f"{file} is larger than a configuration can be. Is it the right file?")
            )
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(SettingProblem("", _not_there(file.absolute()))) from error
    except IsADirectoryError as error:
        raise ConfigError(
            SettingProblem("", f"{file} is a folder. Name the file in it: --config {file / DEFAULT_PATH}.")
        ) from error
    except OSError as error:
        remedy = "Give its owner or group the right to read it, and run the bridge as that user."
        raise ConfigError(SettingProblem("", f"{file} cannot be read: {error.strerror}. {remedy}")) from error
    except UnicodeDecodeError as error:
        raise ConfigError(SettingProblem("", f"{file} is not text in UTF-8. Save it as UTF-8.")) from error


def _not_there(file: Path) -> str:
    """The sentences for a configuration that is missing: whether its folder is there, and what else is in it."""
    remedy = "`firm-bridge init` writes one; --config names another."
    if not file.parent.is_dir():
        return f"There is no configuration at {file}: there is no folder {file.parent}. {remedy}"
    others = [one.name for one in sorted(file.parent.glob("*.yaml")) if "appservice:" in _beginnings(one)]
    there = f" Is it {' or '.join(others[:3])}, which is there?" if others else ""
    return f"There is no configuration at {file}.{there} {remedy}"


def _beginnings(file: Path) -> list[str]:
    """The lines of a file, without their ends; none where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8").splitlines() if file.stat().st_size <= _LARGEST else []
    except (OSError, UnicodeDecodeError):
        return []


def _document(text: str, file: Path) -> Document:
    try:
        document = read_yaml(text)
    except YamlError as error:
        where = f"{file}:{error.line}" if error.line else str(file)
        raise ConfigError(SettingProblem("", str(error), where)) from error
    if document.data is None:
        return Document({})
    if not isinstance(document.data, dict):
        raise ConfigError(SettingProblem("", f"{file} has no sections. Compare it with docs/settings.md."))
    return document


def _unknown_variables() -> Iterator[SettingProblem]:
    # Only names with the double underscore: a container platform may set others, named after its own service.
    known = {_variable(key) for key in setting_fields()}
    for name in sorted(os.environ):
        if name.upper().startswith(_PREFIX) and "__" in name and name.upper() not in known:
            key = name.upper().removeprefix(_PREFIX).replace("__", ".").lower()
            told = retired(key) or f"There is no such setting.{_suggest(name.upper(), known)}"
            yield SettingProblem("", told, name)


def _unknown_sections(data: Mapping[str, Any]) -> Iterator[SettingProblem]:
    for name in [name for name in data if name not in Settings.model_fields]:
        keys = [f"{name}.{key}" for key in data[name]] if isinstance(data[name], dict) else []
        if any(map(retired, keys)):
            yield from (SettingProblem(key, told) for key in keys if (told := retired(key)))
        elif data[name] is not None or not any(key.startswith(f"{name}.") for key in RETIRED):
            yield SettingProblem(name, f"There is no such section.{_suggest(name, set(Settings.model_fields))}")


def setting_fields() -> dict[str, FieldInfo]:
    """Every setting's declaration by section.key, in the order of declaration."""
    return {f"{name}.{key}": field for name, section in sections() for key, field in section.model_fields.items()}


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section with its name, in the order of declaration."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def _variable(key: str) -> str:
    return _PREFIX + key.replace(".", "__").upper()


def _suggest(written: str, known: set[str]) -> str:
    close = difflib.get_close_matches(written, sorted(known), n=1, cutoff=0.7)
    return f" Did you mean {close[0]}?" if close else " Take it out; docs/settings.md lists every setting."


def _explain(detail: ErrorDetails) -> SettingProblem:
    path = [str(part) for part in detail["loc"]]
    key, kind = ".".join(path), detail["type"]
    keys = set(setting_fields())
    if kind == "extra_forbidden":
        return SettingProblem(key, retired(key) or f"There is no such setting.{_suggest(key, keys)}")
    if len(path) == 1:
        return SettingProblem(key, "This is a section. Put its settings below it, indented, or take it out.")
    if _is_secret(".".join(path[:2])):
        if detail["input"] == EXAMPLE_SECRET:
            return SettingProblem(key, f"It is missing or still the example. {_RANDOM}")
        return SettingProblem(key, f"{_wrong(detail)} {_RANDOM}")
    return SettingProblem(
        key, f"{detail['input']!r} cannot be used. {_wrong(detail)} Correct it; see docs/settings.md."
    )


_RANDOM = "Put in a long random value, such as `openssl rand -hex 32` prints."


def _wrong(detail: ErrorDetails) -> str:
    if detail["type"] in {"too_short", "string_too_short"}:
        least = detail.get("ctx", {}).get("min_length")
        return "It is empty." if least == 1 else f"It has fewer than {least} characters."
    if detail["type"] == "string_type":
        return "It must be text. Put it in quotation marks."
    return detail["msg"].replace("Input should be", "It must be") + "."


def _is_secret(key: str) -> bool:
    return setting_fields()[key].annotation is SecretStr


def _absent_secrets(given: Mapping[str, Any]) -> Iterator[SettingProblem]:
    # Where other settings are wrong, there are no settings yet in which to look for left-over examples.
    variables = {name.upper() for name in os.environ}
    for key, field in setting_fields().items():
        section, name = key.split(".")
        is_example = isinstance(field.default, SecretStr) and field.default.get_secret_value() == EXAMPLE_SECRET
        written = given.get(section)
        if is_example and _variable(key) not in variables and not (isinstance(written, dict) and name in written):
            yield SettingProblem(key, f"It is missing or still the example. {_RANDOM}")


def _secrets(settings: Settings) -> Iterator[SettingProblem]:
    for key in setting_fields():
        section, name = key.split(".")
        value = getattr(getattr(settings, section), name)
        if isinstance(value, SecretStr) and EXAMPLE_SECRET in value.get_secret_value():
            yield SettingProblem(key, f"It is missing or still the example. {_RANDOM}")
    key = settings.guard.key.get_secret_value()
    if 0 < len(key) < _SHORTEST_KEY and EXAMPLE_SECRET not in key:
        yield SettingProblem("guard.key", f"It has fewer than {_SHORTEST_KEY} characters. {_RANDOM}")
    service = settings.appservice
    if service.as_token == service.hs_token and EXAMPLE_SECRET not in service.as_token.get_secret_value():
        yield SettingProblem("appservice.hs_token", f"It is the same as appservice.as_token. {_RANDOM}")


def _addresses(settings: Settings) -> Iterator[SettingProblem]:
    if not _SERVER_NAME.fullmatch(settings.homeserver.server_name):
        shown = repr(settings.homeserver.server_name)
        yield SettingProblem(
            "homeserver.server_name",
            f"{shown} is not a server name. Write what stands after the colon in a Matrix id, without https://.",
        )
    addresses = [("homeserver.url", settings.homeserver.url), ("appservice.url", settings.appservice.url)]
    if settings.panel.url:
        addresses.append(("panel.url", settings.panel.url))
    for key, url in addresses:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            yield SettingProblem(
                key, f"{url!r} is not an address. Write it with http:// or https:// and the host's name."
            )
        elif parts.path.rstrip("/") or parts.query or parts.fragment or parts.username:
            yield SettingProblem(key, f"{url!r} has more than host and port. Leave only those.")
    databases = [("database.url", settings.database.url.get_secret_value())]
    if of_synapse := settings.backup.synapse_database.get_secret_value():
        databases.append(("backup.synapse_database", of_synapse))
    for key, url in databases:
        if not re.match(r"sqlite:///.|postgres(ql)?://.", url):
            yield SettingProblem(
                key,
                "It is not an address of a database. Write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.",
            )


def _backup(settings: Settings) -> Iterator[SettingProblem]:
    given = settings.backup
    for key in given.recipients:
        if not _AGE_KEY.fullmatch(key):
            # Not shown: it may be the secret key, which must not stand here.
            yield SettingProblem(
                "backup.recipients",
                "One is no public key of age. It begins with age1, and `age-keygen` prints it; the secret key, which"
                " begins with AGE-SECRET-KEY, belongs on another machine.",
            )
    if bool(given.folder) != bool(given.recipients):
        missing = "backup.recipients" if given.folder else "backup.folder"
        yield SettingProblem(missing, "It is missing. A backup needs a folder, and a key to be encrypted to.")


def _mas(wanted: MasSettings) -> Iterator[SettingProblem]:
    parts = urlsplit(wanted.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        yield SettingProblem(
            "mas.url", f"{wanted.url!r} is not an address. Write it with http:// or https:// and the host's name."
        )
    if not wanted.client_id:
        yield SettingProblem(
            "mas.client_id", "It is missing. It stands among the clients in the service's configuration."
        )
    if not wanted.client_secret_file:
        yield SettingProblem("mas.client_secret_file", "It is missing. Name a file that has the client's secret.")


def _sign_on(settings: Settings) -> Iterator[SettingProblem]:
    wanted = settings.sign_on
    parts = urlsplit(wanted.issuer)
    if not may_be_asked(wanted.issuer) or parts.query or parts.fragment or parts.username:
        yield SettingProblem(
            "sign_on.issuer",
            f"{wanted.issuer!r} is not an issuer. It begins with https://, and has nothing behind a question mark.",
        )
    if not settings.panel.url:
        yield SettingProblem(
            "panel.url", "It is empty, so there is no panel to sign in to. Give it, or empty sign_on.issuer."
        )
    if not wanted.client_id:
        yield SettingProblem("sign_on.client_id", "It is missing. The provider shows it where the panel is registered.")
    if "openid" not in wanted.scopes:
        yield SettingProblem("sign_on.scopes", "openid is missing, without which nobody is named.")
    if wanted.claim != "email" and not wanted.directory_provider:
        yield SettingProblem(
            "sign_on.directory_provider",
            f"It is missing. Write the provider's id in external_ids of the directory, with which {wanted.claim} is"
            " compared, or take email as sign_on.claim.",
        )


def _names(settings: Settings) -> Iterator[SettingProblem]:
    service = settings.appservice
    for key, localpart in (
        ("appservice.sender_localpart", service.sender_localpart),
        ("appservice.bot_localpart", service.bot_localpart),
    ):
        if not LOCALPART.fullmatch(localpart):
            yield SettingProblem(
                key, f"{localpart!r} cannot be a user's name. Use the letters a to z, digits and . _ = - / +"
            )
    if service.sender_localpart == service.bot_localpart:
        yield SettingProblem(
            "appservice.bot_localpart", "It is the same as appservice.sender_localpart. Name the bot otherwise."
        )
    try:
        ZoneInfo(settings.firm.timezone)
    except (KeyError, ValueError, OSError):
        yield SettingProblem(
            "firm.timezone",
            f"There is no time zone {settings.firm.timezone!r}. Write one such as Europe/London or Australia/Sydney.",
        )
    yield from _template(settings.accounts.localpart_template)


def _owners(settings: Settings) -> Iterator[SettingProblem]:
    """What directory.sources gives to a source that nobody can own, or to two."""
    known = {kind.name for kind in KINDS} | {f"{kind.name}.{each.name}" for kind in KINDS for each in kind.fields}
    owners: dict[str, str] = {}
    for source, owned in settings.directory.sources.items():
        for one in owned:
            key = f"directory.sources.{source}"
            if one not in known:
                yield SettingProblem(key, f"{one!r} is neither a kind of record nor a field.{_suggest(one, known)}")
            if owners.setdefault(one, source) != source:
                yield SettingProblem(key, f"{one!r} is owned by {owners[one]} already. Take it out of one of the two.")


def _template(template: str) -> Iterator[SettingProblem]:
    known = ", ".join(f"{{{name}}}" for name in TEMPLATE_FIELDS)
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        yield SettingProblem("accounts.localpart_template", f"{template!r} cannot be read: {error}. Use {known}.")
        return
    for name in used:
        if name not in TEMPLATE_FIELDS:
            yield SettingProblem("accounts.localpart_template", f"{{{name}}} is not known. Use {known}.")
    if not used:
        yield SettingProblem(
            "accounts.localpart_template", f"Everybody would get the same name. Use at least one of {known}."
        )


def _located(problems: list[SettingProblem], file: Path, document: Document) -> Iterator[SettingProblem]:
    variables = {name.upper() for name in os.environ}
    for problem in problems:
        where, path = problem.where, tuple(problem.key.split("."))
        if not where and _variable(problem.key) in variables:
            where = _variable(problem.key)
        elif not where and problem.key:
            line = next((document.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in document.lines), 0)
            where = f"{file}:{line}" if line else str(file)
        yield SettingProblem(problem.key, problem.message, where)


def _absolute(settings: Settings, folder: Path) -> Settings:
    directory = settings.directory.model_copy(update={"path": str(folder / settings.directory.path)})
    url = _absolute_database(settings.database.url.get_secret_value(), folder)
    database = settings.database.model_copy(update={"url": SecretStr(url)})
    backup = _absolute_backup(settings.backup, folder)
    cabinet = settings.filing.url.get_secret_value()
    if "://" not in cabinet:
        cabinet = str(folder / cabinet)
    filing = settings.filing.model_copy(update={"url": SecretStr(cabinet)})
    changed: dict[str, Any] = {
        "directory": directory,
        "database": database,
        "backup": backup,
        "filing": filing,
    }
    for key, file in settings.secret_files.items():
        section, name = key.split(".")
        before = changed.get(section, getattr(settings, section))
        changed[section] = before.model_copy(update={name: str(folder / file)})
    return settings.model_copy(update=changed)


def _absolute_database(url: str, folder: Path) -> str:
    given = url.removeprefix("sqlite:///")
    return url if given == url else f"sqlite:///{folder / given}"


def _absolute_backup(given: BackupSettings, folder: Path) -> BackupSettings:
    return given.model_copy(
        update={
            "folder": str(folder / given.folder) if given.folder else "",
            "synapse_database": SecretStr(_absolute_database(given.synapse_database.get_secret_value(), folder)),
            "synapse_files": tuple(str(folder / file) for file in given.synapse_files),
        }
    )
