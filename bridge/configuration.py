"""Reading the configuration: one YAML file, overridden by the environment, judged whole before anything starts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from bridge.firm.errors import BridgeError
from bridge.retired import RETIRED, retired
from bridge.settings import EXAMPLE_SECRET, BackupSettings, Settings
from bridge.settings.fields import setting_fields, suggest
from bridge.settings.judging import RANDOM, SettingProblem, judge
from bridge.yaml_lines import Document, YamlError, read_yaml

DEFAULT_PATH = Path("firm-bridge.yaml")
PATH_VARIABLE = "FIRM_BRIDGE_CONFIG"
_PREFIX = "FIRM_BRIDGE_"
_LARGEST = 1024 * 1024


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
            told = retired(key) or f"There is no such setting.{suggest(name.upper(), known)}"
            yield SettingProblem("", told, name)


def _unknown_sections(data: Mapping[str, Any]) -> Iterator[SettingProblem]:
    for name in [name for name in data if name not in Settings.model_fields]:
        keys = [f"{name}.{key}" for key in data[name]] if isinstance(data[name], dict) else []
        if any(map(retired, keys)):
            yield from (SettingProblem(key, told) for key in keys if (told := retired(key)))
        elif data[name] is not None or not any(key.startswith(f"{name}.") for key in RETIRED):
            yield SettingProblem(name, f"There is no such section.{suggest(name, set(Settings.model_fields))}")


def _variable(key: str) -> str:
    return _PREFIX + key.replace(".", "__").upper()


def _explain(detail: ErrorDetails) -> SettingProblem:
    path = [str(part) for part in detail["loc"]]
    key, kind = ".".join(path), detail["type"]
    keys = set(setting_fields())
    if kind == "extra_forbidden":
        return SettingProblem(key, retired(key) or f"There is no such setting.{suggest(key, keys)}")
    if len(path) == 1:
        return SettingProblem(key, "This is a section. Put its settings below it, indented, or take it out.")
    if _is_secret(".".join(path[:2])):
        if detail["input"] == EXAMPLE_SECRET:
            return SettingProblem(key, f"It is missing or still the example. {RANDOM}")
        return SettingProblem(key, f"{_wrong(detail)} {RANDOM}")
    return SettingProblem(
        key, f"{detail['input']!r} cannot be used. {_wrong(detail)} Correct it; see docs/settings.md."
    )


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
            yield SettingProblem(key, f"It is missing or still the example. {RANDOM}")


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
