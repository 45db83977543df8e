"""Markdown as plain text: for clients without HTML, lock screens, and notifications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markdown_it.token import Token


def plain_text(tokens: Iterable[Token]) -> str:
    """What parsed Markdown says, without its marks. Lists stay lists; blank lines stay where they were."""
    parts: list[str] = []
    lists: list[int | None] = []
    """The number of the next item of each list around this place; None where items have none."""
    marker = ""
    end: int | None = None
    for token in tokens:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            lists.append(int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None)
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            lists.pop()
        elif token.type == "list_item_open":
            number = lists[-1]
            marker = "- " if number is None else f"{number}. "
            lists[-1] = None if number is None else number + 1
        elif token.content and token.map is not None:
            said = _inline(token.children, listed=bool(lists)) if token.children else token.content.rstrip("\n")
            indent = "  " * max(0, len(lists) - 1)
            hanging = "\n" + indent + " " * len(marker)
            parts.append("" if end is None else "\n" if token.map[0] == end else "\n\n")
            parts.append(indent + marker + said.replace("\n", hanging))
            end, marker = token.map[1], ""
    return "".join(parts)


def _inline(tokens: Sequence[Token], *, listed: bool) -> str:
    """One line or paragraph. A link's address follows its label, but in a list, which would be hard to read with it."""
    parts: list[str] = []
    opened: list[tuple[str, int]] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "link_open":
            opened.append((str(token.attrs.get("href", "")), len(parts)))
        elif token.type == "link_close":
            address, start = opened.pop()
            if not listed and "".join(parts[start:]) != address:
                parts.append(f" ({address})")
        elif token.type == "code_inline":
            parts.append(_typed(token.content, following))
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append("\n")
        else:
            parts.append(token.content)
    return "".join(parts)


def _typed(text: str, following: Token | None) -> str:
    """Something to type, in quotation marks where words come behind it and one would not see where it ends."""
    runs_on = following is not None and following.type == "text" and following.content.startswith(" ")
    return f"“{text}”" if runs_on and " " in text else text
