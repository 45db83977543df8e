"""Names that are written from right to left turn nothing round them, wherever a sentence names them (P2)."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.asking.matter_numbers import read_matter
from bridge.firm.audit import with_ids
from bridge.firm.conversation import channel_key
from bridge.firm.model import Firm, Matter, Staff
from bridge.firm.names import Called, has_words, searched
from bridge.firm.text.directions import apart, together
from bridge.mapping.text import typed_text
from bridge.reconcile.planning.foreseen import of_firm
from bridge.web.panel.rendering import message
from bridge.wording.markdown import code, escape, plain
from bridge.wording.people import plain_names

YAEL, LAYLA, HIDDEN = "יעל כהן", "ليلى حداد", "א\u202e\u2069ב"
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def named(name: str, staff_id: str = "yael") -> Staff:
    return Staff(staff_id, "", name, email=f"{staff_id}@f.example")


def test_P2_only_a_name_from_right_to_left_is_kept_apart() -> None:
    for name in ("Ruth", "Inès Moreau", "Pavel Novák", "佐藤 花", "", "2026-0042"):
        assert apart(name) == name
    for name in (YAEL, LAYLA, f"Ruth {YAEL}", "𐤀"):
        assert apart(name) == f"\u2068{name}\u2069"
        assert together(apart(name)) == name


def test_P2_what_would_end_it_is_shown_as_a_mark() -> None:
    assert apart(HIDDEN) == "\u2068א\ufffd\ufffdב\u2069"
    assert apart("\u202eexe.pdf") == "\u2068\ufffdexe.pdf\u2069"
    assert apart("\u2068\u2068a\u2069") == "\u2068\ufffd\u2069\u2068a\u2069"


@given(st.lists(st.text(alphabet=f"aג ب1.{TURNING}")))
def test_P2_whatever_a_name_is_it_turns_nothing_and_is_kept_apart_once(parts: list[str]) -> None:
    said = " and ".join(map(apart, parts))
    depth = 0
    for character in said:
        depth += {"\u2068": 1, "\u2069": -1}.get(character, 0)
        assert depth in {0, 1}
        assert character not in set(TURNING) - {"\u2068", "\u2069"}
        assert depth or unicodedata.bidirectional(character) not in {"R", "AL"}
    assert depth == 0
    assert apart(said) == said


def test_P2_two_names_stand_in_their_order_and_an_answer_keeps_them_apart() -> None:
    people = [named(YAEL), named(LAYLA, "layla"), named("Ruth Adeyemi", "ruth")]
    said = plain_names(people)
    assert said == f"\u2068{YAEL}\u2069, \u2068{LAYLA}\u2069 and Ruth Adeyemi"
    assert plain(f"**{escape(said)}** are in it.") == f"{said} are in it."
    assert escape(escape(YAEL)) == escape(YAEL)


def test_P2_O1_what_is_to_be_typed_and_what_the_log_keeps_has_no_marks() -> None:
    assert code(f"!add {YAEL}") == f"`!add {YAEL}`"
    assert with_ids(f"the channel {apart(YAEL)}", ["c1"]) == f"the channel {YAEL} [c1]"


@pytest.mark.parametrize("title", ["עיזבון", "Estate of יעל"])
def test_P2_O2_a_held_change_names_people_and_matters_in_their_order(title: str) -> None:
    matter = Matter("m1", "2026-0042", title)
    old = Firm(staff={"yael": named(YAEL)}, matters={"m1": matter})
    new = Firm(staff={"yael": replace(named(LAYLA), role="שותף")}, matters={"m1": replace(matter, title=f"{title} ב")})
    person, other = of_firm(old, new)
    assert person.text == f"\u2068{LAYLA}\u2069: was \u2068{YAEL}\u2069; the role (none) becomes \u2068שותף\u2069"
    assert other.text == f"Matter 2026-0042 \u2068{title}\u2069: becomes 2026-0042 \u2068{title} ב\u2069"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("pay\u2068\u2069pal", "pay\ufffd\ufffdpal"),
        ("invoice\u2068.\u2069pdf", "invoice\ufffd.\ufffdpdf"),
        ("\u2068\u200b\u2069x", "\ufffd\ufffd\ufffdx"),
        (f"\u2068{YAEL}\u200b\u2069, 1", f"\u2068{YAEL}\ufffd\u2069, 1"),
        (f"{apart(YAEL)}, 1", f"\u2068{YAEL}\u2069, 1"),
        (apart("\u202eexe.pdf"), "\ufffdexe.pdf"),
    ],
)
def test_P2_a_page_marks_what_keeps_nothing_apart(text: str, seen: str) -> None:
    assert f">{seen}<" in str(message("Found", text, 200).text)


def test_P2_a_name_copied_from_an_answer_is_looked_up_like_the_name() -> None:
    """Also where it was cut off, so that only one end came along."""
    copied = apart(YAEL)
    for one in (copied, copied[:-1], copied[1:]):
        assert Called([named(YAEL)]).found(one) == [named(YAEL)]
        assert channel_key(one) == channel_key(YAEL)
        assert has_words(searched(YAEL), one.split())
    matter = Matter("m1", "תיק-12", "")
    firm = Firm(staff={"yael": named(YAEL)}, matters={"m1": matter})
    assert read_matter(apart("תיק-12"), firm, named(YAEL), date(2026, 1, 1)) == (matter, "")
    content = {"msgtype": "m.text", "body": f'!channel rename "{copied}" to {copied}'}
    assert typed_text(content) == f'!channel rename "{YAEL}" to {YAEL}'
