"""The chain of the audit log: whatever is changed in it shows (O1)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.audit import NO_DIGEST, AuditEntry, Deed, Outcome, chained

texts = st.text(max_size=20)
entries = st.builds(
    AuditEntry,
    at_ms=st.integers(0, 2**53),
    deed=st.sampled_from(Deed),
    actor=texts,
    subject=texts,
    person=texts,
    reason=texts,
    cause=texts,
    outcome=st.sampled_from(Outcome),
)


def head_of(log: list[AuditEntry]) -> str:
    digest = NO_DIGEST
    for entry in log:
        digest = chained(digest, entry)
    return digest


@given(st.lists(entries, min_size=1, max_size=6), st.data())
def test_O1_another_log_has_another_head(log: list[AuditEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(log) - 1))
    other = data.draw(entries)
    changed = [*log[:place], other, *log[place + 1 :]]
    left_out = [*log[:place], *log[place + 1 :]]
    added = [*log[:place], other, *log[place:]]
    for tampered in (changed, left_out, added):
        assert (head_of(tampered) == head_of(log)) is (tampered == log)


def test_O1_text_does_not_flow_from_one_field_into_the_next() -> None:
    entry = AuditEntry(1, Deed.RENAMED, actor="ab", subject="c")
    assert chained("", entry) != chained("", replace(entry, actor="a", subject="bc"))
