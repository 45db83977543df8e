"""YAML read with the line of every key, and with a key given twice refused. Nothing but plain data is ever made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from bridge.firm.errors import BridgeError

Path = tuple[str, ...]
_Loader = yaml.SafeLoader | yaml.BaseLoader
_PLAIN_MAPPING = "tag:yaml.org,2002:map"


@dataclass(frozen=True)
class Document:
    """A YAML document: its data, and the line on which each key stands, counted from 1."""

    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)


class YamlError(BridgeError, ValueError):
    """The text is not YAML, or gives a key twice. `line` is where, counted from 1, or 0."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_yaml(text: str, *, as_text: bool = False) -> Document:
    """Read one document; with `as_text` yes, no, numbers and days as the text that they are written as.
    Raises YamlError."""
    loader: _Loader = yaml.BaseLoader(text) if as_text else yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        data = None if node is None else _build(loader, node, (), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(
            mark.line + 1 if mark else 0,
            f"This is not YAML: {error.problem or error.context}. Correct this line or the one before.",
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(0, f"This is not YAML: {error}.") from error
    finally:
        loader.dispose()
    return Document(data, lines)


def _build(loader: _Loader, node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    if not isinstance(node, yaml.MappingNode) or node.tag != _PLAIN_MAPPING:
        return loader.construct_object(node, deep=True)
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        line = key_node.start_mark.line + 1
        where = (*path, key)
        if key in built:
            first = lines[where]
            raise YamlError(line, f"The key {'.'.join(where)} is given twice, first in line {first}. Leave one.")
        lines[where] = line
        built[key] = _build(loader, value_node, where, lines)
    return built
