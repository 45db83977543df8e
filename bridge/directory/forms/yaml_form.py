"""Records from a YAML file, read event by event, so that a hostile or broken file costs no more than its size.

Values stay text as written: `2026-0042`, `yes` and `1` mean the same here as in a CSV file. Anchors, aliases, tags and
deep nesting, which office files have no use for, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from bridge.directory.fields import KINDS, RecordKind, name_key, suggest
from bridge.directory.forms.rows import MOST_RECORDS, SheetRow, decode, unusable
from bridge.directory.problems import ProblemList, quoted
from bridge.directory.values import Cell

_DEEPEST = 5
_MOST_ITEMS = 10_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def yaml_rows(file: str, data: bytes, problems: ProblemList) -> Iterator[SheetRow]:
    """The records of the file, section by section. Raises DirectoryError where it cannot be read any further."""
    text = decode(file, data)
    try:
        yield from _Reader(file, text, problems).rows()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "it breaks off"
        raise unusable(
            file,
            mark.line + 1 if mark else 0,
            f"The file cannot be read as YAML here: {reason}. Check the indentation, colons and quotation marks"
            " of this line and the one above.",
        ) from error
    except yaml.YAMLError as error:
        raise unusable(file, 0, f"The file cannot be read as YAML: {str(error).splitlines()[0]}.") from error


class _Reader:
    def __init__(self, file: str, text: str, problems: ProblemList) -> None:
        self._file = file
        self._problems = problems
        self._events = self._checked(text)

    def rows(self) -> Iterator[SheetRow]:
        """The records of all sections."""
        root = next(self._events, None)
        if root is None:
            return
        if not isinstance(root, yaml.MappingStartEvent):
            raise unusable(
                self._file, _line(root), "The file does not begin with a section. It should begin with the line staff:"
            )
        kinds = {name_key(kind.name): kind for kind in KINDS}
        seen: set[str] = set()
        for key in self._until(yaml.MappingEndEvent):
            name = self._key(key)
            kind = kinds.get(name_key(name))
            if kind is None:
                known = [kind.name for kind in KINDS]
                self._problems.add(
                    self._file,
                    _line(key),
                    name[:60],
                    name,
                    f"{quoted(name)} is not a section.{suggest(name, known)} Sections: {', '.join(known)}.",
                )
                self._skip(next(self._events))
                continue
            if kind.name in seen:
                raise unusable(self._file, _line(key), f"The section {kind.name} is there twice. Join the two.")
            seen.add(kind.name)
            yield from self._section(kind)
        # Ask for what comes behind, so that a second document is noticed.
        next(self._events, None)

    def _section(self, kind: RecordKind) -> Iterator[SheetRow]:
        start = next(self._events)
        if _is_empty(start):
            return
        if not isinstance(start, yaml.SequenceStartEvent):
            raise unusable(
                self._file, _line(start), f"The section {kind.name} is not a list. Begin each {kind.one} with a hyphen."
            )
        for number, event in enumerate(self._until(yaml.SequenceEndEvent), start=1):
            if number > MOST_RECORDS:
                raise unusable(self._file, _line(event), f"The section has more than {MOST_RECORDS} records.")
            path = f"{kind.name}[{number}]"
            if isinstance(event, yaml.MappingStartEvent):
                yield self._record(kind, path, event)
            elif not _is_empty(event):
                self._problems.add(
                    self._file,
                    _line(event),
                    path,
                    getattr(event, "value", ""),
                    f"This is not a {kind.one}. Write its values below each other as key: value.",
                )
                self._skip(event)

    def _record(self, kind: RecordKind, path: str, start: yaml.Event) -> SheetRow:
        row = SheetRow(kind, self._file, _line(start), path)
        known = {name_key(field.name): field.name for field in kind.fields}
        for key in self._until(yaml.MappingEndEvent):
            written = self._key(key)
            name = known.get(name_key(written), "")
            event = next(self._events)
            if not name:
                message = f"{quoted(written)} is not a key of a {kind.one}.{suggest(written, known.values())}"
                message += f" Keys: {', '.join(known.values())}."
            elif name in row.cells:
                message = "The key is there twice. Take one out."
            else:
                row.cells[name] = self._cell(event, f"{path}.{name}")
                continue
            self._problems.add(self._file, _line(key), f"{path}.{written[:60]}", written, message)
            self._skip(event)
        return row

    def _cell(self, event: yaml.Event, path: str) -> Cell:
        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return Cell(line, "" if _is_empty(event) else event.value)
        if isinstance(event, yaml.MappingStartEvent):
            return Cell(line, pairs=tuple(self._pairs(path)))
        items: list[str] = []
        pairs: list[tuple[str, str]] = []
        for item in self._until(yaml.SequenceEndEvent):
            if isinstance(item, yaml.ScalarEvent):
                items.append("" if _is_empty(item) else item.value)
            elif isinstance(item, yaml.MappingStartEvent):
                pairs.extend(self._pairs(path))
            else:
                raise unusable(self._file, _line(item), "A list stands inside a list here. Write one list.", path)
            if len(items) + len(pairs) > _MOST_ITEMS:
                raise unusable(self._file, _line(item), f"The list has more than {_MOST_ITEMS} entries.", path)
        if items and pairs:
            raise unusable(self._file, line, "Some entries of the list have a colon and some do not.", path)
        return Cell(line, pairs=tuple(pairs)) if pairs else Cell(line, items=tuple(items))

    def _pairs(self, path: str) -> Iterator[tuple[str, str]]:
        for count, key in enumerate(self._until(yaml.MappingEndEvent)):
            first = self._key(key)
            second = next(self._events)
            if not isinstance(second, yaml.ScalarEvent):
                raise unusable(self._file, _line(second), "Only one value can follow the colon here.", path, first)
            if count >= _MOST_ITEMS:
                raise unusable(self._file, _line(second), f"There are more than {_MOST_ITEMS} entries.", path)
            yield first, "" if _is_empty(second) else second.value

    def _key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise unusable(self._file, _line(event), "A name is expected before the colon here, not a list.")
        return str(event.value)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        """The events at this level up to the end of the list or mapping; the caller takes what is nested."""
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _skip(self, event: yaml.Event) -> None:
        depth = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = next(self._events)

    def _checked(self, text: str) -> Iterator[yaml.Event]:
        """The parser's events without those of stream and document, once what is not used here is ruled out."""
        depth = documents = 0
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise unusable(self._file, _line(event), "A second document begins here. Take the line --- out.")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                message = "Names with & or * in front are not read. Put the value in quotation marks."
                raise unusable(self._file, _line(event), message)
            if getattr(event, "tag", None) is not None:
                message = "Words with ! in front are not read. Put the value in quotation marks."
                raise unusable(self._file, _line(event), message)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _DEEPEST:
                    raise unusable(self._file, _line(event), "The lists are nested too deep here.")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                yield event


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _is_empty(event: yaml.Event) -> bool:
    """Whether a value says that there is none. `Null` with a capital may be somebody's name."""
    return isinstance(event, yaml.ScalarEvent) and not event.style and event.value in {"", "~", "null"}
