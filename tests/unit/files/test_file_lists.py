"""What a file is found by, and how a line tells of it (V3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.files.filters import FILTERS, taken_apart
from bridge.firm.names import spellings
from bridge.mapping.file_words import WORD_MAX, WORDS_MAX, in_conversation, in_matter, of_type, sent_by, sought, words
from bridge.refusal import CommandError
from bridge.wording.files import mark_of, size, type_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lease_v2-final.PDF", ["lease", "v2", "final", "pdf"]),
        ("Bail Résidentiel", ["bail", "residentiel"]),
        ("Re\u0301sidentiel RÉSIDENTIEL", ["residentiel"]),
        ("Straße ﬁle Ｗide", ["strasse", "file", "wide"]),
        ("Ελληνικά 合同 договор", ["ελληνικα", "合同", "договор"]),
        ("Łukasz Ærø Müller", ["lukasz", "aero", "muller", "aeroe", "mueller"]),
        ("O’Brien's", ["o", "brien", "s"]),
        ("*:'\"()&|!-^", []),
        ("x" * 500, ["x" * WORD_MAX]),
    ],
)
def test_V3_words_are_folded(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_V3_a_word_has_letters_and_digits_only_and_is_found_again(text: str) -> None:
    found = words(text)
    assert all(word.isalnum() and len(word) <= WORD_MAX for word in found)
    assert words(" ".join(found)) == found


@pytest.mark.parametrize(
    "name", ["Müller", "Søren", "Łukasz", "Đorđe", "Ærø", "Þór", "Großmann", "Zoë", "Nguyễn", "Ελένη", "田中"]
)
def test_V3_what_is_looked_for_is_found_by_everybodys_spelling(name: str) -> None:
    """As people and matters are: whichever of two spells it in which way."""
    for kept in spellings(name):
        for typed in (name, name.upper(), *spellings(kept)):
            (ways,) = sought(typed)
            assert {name_word for one in (name, kept) for name_word in words(one)} & set(ways), (kept, typed)
    (ways,) = sought(name)
    assert all(set(words(kept)) & set(ways) for kept in spellings(name))


def test_V3_there_is_a_bound_to_the_words_of_a_file() -> None:
    assert len(words(" ".join(map(str, range(5000))))) == WORDS_MAX


def test_V3_marks_of_different_things_differ() -> None:
    assert len({make("x") for make in (in_conversation, in_matter, of_type, sent_by)}) == 4


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, ""),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (90_000_000, "90 MB"),
        (1_500_000_000, "1.5 GB"),
        (2**53 - 1, "9007 TB"),
    ],
)
def test_V3_sizes_are_in_plain_units(count: int | None, shown: str) -> None:
    assert size(count) == shown


_TYPED = st.lists(st.sampled_from([*(f"{name}:" for name in FILTERS), "@bob", '"', "“a b”", " ", "x", "Re:", "\n"]))


@given(st.text() | _TYPED.map("".join))
def test_V3_whatever_is_typed_is_read_or_answered_with_a_sentence(text: str) -> None:
    try:
        typed = taken_apart(text)
    except CommandError as error:
        assert str(error).endswith(".")
    else:
        assert typed.filters.keys() <= set(FILTERS)


@pytest.mark.parametrize(
    ("name", "media_type", "mark"),
    [
        ("brief.PDF", "application/pdf", "PDF"),
        ("brief", "application/pdf", "pdf"),
        ("letter.pages", "", "PAGE"),
        ("a.gdoc.sheet", "text/plain", "SHEE"),
        ("letter", "", "file"),
    ],
)
def test_a_file_is_marked_with_four_letters_of_its_type_at_most(name: str, media_type: str, mark: str) -> None:
    assert mark_of(type_of(name, media_type, "file")) == mark
