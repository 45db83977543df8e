"""Names that begin as a matter's number does (F3), found without telling of any matter that one must not see (M3)."""

from __future__ import annotations

import pytest

from bridge.firm.matters.number_forms import begins_as_a_number
from bridge.firm.model import Firm, Matter

SEEN = ("2026-0042", "2026-0042/1", "2026-2019", "LIT 17", "20481", "7", "26/3", "1042", "A12", "K-0815")
HIDDEN = ("2026-0055", "ACQ-0001")
FIRM = Firm(matters={number: Matter(number, number, "x") for number in (*SEEN, *HIDDEN)})


def begins(text: str, own: str = "") -> bool:
    return begins_as_a_number(FIRM, text, lambda matter: matter.number in SEEN, own)


@pytest.mark.parametrize(
    "text",
    [
        "2026-0055",
        "2026-0055 Sale of Tidewell Brewing",
        "2026-0055: costs",
        "1999-0001",
        "2026–0055 Sale",
        "2026 0055 Sale",
        "[2026-0055] Sale",
        " · 2026-0055 Sale",
        "２０２６-００５５ Sale",
        "2026-0042/2",
        "lit-99",
        "99999 and more",
        "2026-2019 and what is so called",
        "K 4711",
    ],
)
def test_F3_M3_what_begins_as_a_number_does_is_found_whether_there_is_such_a_matter_or_not(text: str) -> None:
    assert begins(text)


@pytest.mark.parametrize(
    "text",
    [
        "Disclosure",
        "2 witnesses",
        "3rd party costs",
        "26/7 hearing",
        "2026 budget",
        "Costs of 2026-0055",
        "2026, and then 0055",
        "2026-00421",
        "1234 Main Street",
        "2024-2025 accounts",
        "1914/1918 archive",
        "A40 crash",
        "a11y",
        "litigation 17",
        "",
        "—",
    ],
)
def test_what_does_not_is_free(text: str) -> None:
    assert not begins(text)


@pytest.mark.parametrize("text", ["ACQ-0001 Falcon", "ACQ-0002"])
def test_M3_a_form_that_only_hidden_matters_have_is_not_known(text: str) -> None:
    assert not begins(text)


def test_a_matters_own_number_is_not_anothers() -> None:
    assert not begins("2026-0042 papers", own="2026-0042")
    assert not begins("2026–0042 papers", own="2026-0042")
    assert begins("2026-0042/1 papers", own="2026-0042")
    assert begins("2026-0043 papers", own="2026-0042")
    assert begins("2026-0042 papers", own="2026-0042/1")
