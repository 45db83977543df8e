"""The index of files in the database: versions, edits, removal, and lists page by page, on both databases (V3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.mapping.file_words import FileSearch, Order, of_type, sent_by, sought, words
from bridge.mapping.files import file_in
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.files.files import (
    NewFile,
    add_file,
    edit_file,
    file_row,
    note_found,
    remove_file,
    take_back_edit,
)
from bridge.store.files.lists import Key, files_after, listed, versions_after
from bridge.store.models import File

T = TypeVar("T")
DAY = 86_400_000


def sent(event_id: str, name: str, at_ms: int = 1000, **more: Any) -> NewFile:
    """A file that Ruth sent to the conversation c1; `more` is content of the message, or where and by whom."""
    where = {key: more.pop(key) for key in ("conversation_id", "room_id", "sender", "staff_id") if key in more}
    carried = file_in({"msgtype": "m.file", "body": name, "url": f"mxc://hs/{event_id[1:]}", **more})
    assert carried is not None
    told = {"conversation_id": "c1", "room_id": "!r:hs", "sender": "@ruth:hs", "staff_id": "ruth", **where}
    return NewFile(event_id, at_ms=at_ms, carried=carried, **told)


def edit(event_id: str, of: str, name: str, at_ms: int, **more: Any) -> NewFile:
    new = {"msgtype": "m.file", "body": name, "url": more.pop("url", f"mxc://hs/{of[1:]}"), **more.pop("new", {})}
    relation = {"rel_type": "m.replace", "event_id": of}
    return sent(event_id, name, at_ms, **{"m.new_content": new, "m.relates_to": relation}, **more)


def names(unit: ReadUnit, asked: FileSearch, after: Key | None = None, limit: int = 100) -> list[str]:
    return [str(one.file.name) for one in listed(unit, files_after(unit, asked, after, limit))]


def found(unit: ReadUnit, /, text: str, **more: Any) -> list[str]:
    return names(unit, FileSearch(words=tuple(sought(text)), **more))


async def test_V3_a_file_is_noted_once(store: Store) -> None:
    def work(unit: Unit) -> list[bool]:
        return [add_file(unit, sent("$1", "a.pdf")), add_file(unit, sent("$1", "b.pdf"))]

    assert await store.run(work) == [True, False]
    assert await store.run(names, FileSearch("c1")) == ["a.pdf"]


async def test_V3_same_name_is_a_version(store: Store) -> None:
    def work(unit: Unit) -> list[tuple[str, int, int]]:
        add_file(unit, sent("$1", "Lease.pdf", 1000))
        add_file(unit, sent("$3", "LEASE.pdf ", 3000))
        # Late: it was sent between the two.
        add_file(unit, sent("$2", "lease.pdf", 2000))
        add_file(unit, sent("$4", "Lease.pdf", 4000, conversation_id="c2"))
        return [
            (str(one.file.event_id), one.versions, one.number)
            for one in listed(unit, files_after(unit, FileSearch("c1"), None, 9))
        ]

    assert await store.run(work) == [("$3", 3, 3)]
    key = "lease.pdf"
    assert [one.key for one in await store.run(versions_after, "c1", key, None, 2)] == [
        (3000 << 20,),
        (2000 << 20,),
    ]
    (last,) = await store.run(versions_after, "c1", key, (2000 << 20,), 2)
    assert last.key == (1000 << 20,)


async def test_V3_a_removed_file_leaves_the_lists_and_the_version_before_it_comes_back(store: Store) -> None:
    def work(unit: Unit) -> None:
        add_file(unit, sent("$1", "Lease.pdf", 1000, filename="Lease.pdf", body="first"))
        add_file(unit, sent("$2", "Lease.pdf", 2000, filename="Lease.pdf", body="second"))
        assert remove_file(unit, "$2", 3000, "ruth")
        assert not remove_file(unit, "$2", 4000, "somebody else")
        assert not remove_file(unit, "$unknown", 4000, "ruth")

    await store.run(work)
    row = await store.run(file_row, "$2")
    assert row is not None and (row.removed_at, row.removed_by) == (3000, "ruth")
    assert await store.run(found, "second") == []
    assert await store.run(found, "first") == ["Lease.pdf"]
    ((one,),) = [await store.run(lambda unit: listed(unit, files_after(unit, FileSearch("c1"), None, 9)))]
    assert (one.file.event_id, one.versions) == ("$1", 1)
    # Handled again after it was removed, it does not come back.
    assert not await store.run(add_file, sent("$2", "Lease.pdf", 2000))
    assert not await store.run(edit_file, edit("$e", "$2", "Other.pdf", 5000))


async def test_V3_an_edit_changes_the_file_it_replaces(store: Store) -> None:
    def work(unit: Unit) -> list[bool]:
        add_file(unit, sent("$1", "Lease.pdf", 1000))
        add_file(unit, sent("$2", "Deed.pdf", 2000))
        note_found(unit, "$2", "mxc://hs/2", "application/pdf", 7, "ab")
        return [
            edit_file(unit, edit("$e2", "$2", "Lease.pdf", 4000)),
            # Late, by somebody else, in another room, of nothing.
            edit_file(unit, edit("$e1", "$2", "Old.pdf", 3000)),
            edit_file(unit, edit("$e3", "$2", "Mine.pdf", 5000, sender="@tom:hs")),
            edit_file(unit, edit("$e4", "$2", "Mine.pdf", 5000, room_id="!other:hs")),
            edit_file(unit, edit("$e5", "$none", "Mine.pdf", 5000)),
            edit_file(unit, edit("$e2", "$2", "Lease.pdf", 4000)),
        ]

    assert await store.run(work) == [True, False, False, False, False, False]
    assert await store.run(found, "deed") == []
    (one,) = await store.run(lambda unit: listed(unit, files_after(unit, FileSearch("c1"), None, 9)))
    assert (one.file.event_id, one.versions, one.file.sha256) == ("$2", 2, "ab")
    other = {"filename": "Lease.pdf", "body": "signed"}
    await store.run(edit_file, edit("$e6", "$2", "Lease.pdf", 6000, url="mxc://hs/other", new=other))
    row = await store.run(file_row, "$2")
    assert row is not None and (row.caption, row.mxc, row.sha256, row.found_size) == (
        "signed",
        "mxc://hs/other",
        "",
        None,
    )
    # What was fetched from the old address says nothing of the new file.
    assert not await store.run(note_found, "$2", "mxc://hs/2", "application/pdf", 7, "ab")
    assert not await store.run(take_back_edit, "$e2", "!r:hs")
    assert not await store.run(take_back_edit, "$e6", "!other:hs")
    assert await store.run(take_back_edit, "$e6", "!r:hs")
    assert await store.run(found, "signed") == []
    assert await store.run(found, "deed") == ["Deed.pdf"]


async def test_V3_words_are_found_by_their_beginning_without_regard_to_accents_and_case(store: Store) -> None:
    def work(unit: Unit) -> None:
        add_file(unit, sent("$1", "Inès_Bail-2026.PDF", 1000))
        add_file(unit, sent("$2", "photo.jpg", 2000, msgtype="m.image", filename="photo.jpg", body="Straße, Tür № 7"))

    await store.run(work)
    for text, expected in {
        "ines": ["Inès_Bail-2026.PDF"],
        "INÈS bai": ["Inès_Bail-2026.PDF"],
        "202": ["Inès_Bail-2026.PDF"],
        "ail": [],
        "strass tur": ["photo.jpg"],
        "ph": ["photo.jpg"],
        "photographs": [],
        "pdf": ["Inès_Bail-2026.PDF"],
    }.items():
        assert await store.run(lambda unit, text=text: found(unit, text)) == expected, text  # type: ignore[misc]
        assert await store.run(lambda unit, text=text: found(unit, text, conversation_id="c1")) == expected, text  # type: ignore[misc]
        assert await store.run(lambda unit, text=text: found(unit, text, conversation_id="c2")) == [], text  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "a OR photo",
        "NEAR(a b)",
        "words:photo",
        "photo*",
        "-photo",
        "(",
        "'photo':*",
        "& | !",
        "\\",
        "'; DROP",
        "^p",
    ],
)
async def test_V3_what_is_typed_is_never_a_searchs_syntax(store: Store, text: str) -> None:
    await store.run(add_file, sent("$1", "photo.jpg"))
    assert await store.run(found, text) == (["photo.jpg"] if words(text) in (["photo"], ["p"], []) else [])


async def test_V3_files_are_found_by_type_person_and_date_together(store: Store) -> None:
    def work(unit: Unit) -> None:
        add_file(unit, sent("$1", "a.pdf", 1 * DAY, info={"mimetype": "application/pdf"}))
        add_file(unit, sent("$2", "b", 2 * DAY, info={"mimetype": "image/png"}))
        add_file(unit, sent("$3", "c.PDF", 3 * DAY, sender="@tom:hs", staff_id="tom"))
        add_file(unit, sent("$4", "d.mp4", 4 * DAY, msgtype="m.video", sender="@x:hs", staff_id=""))
        note_found(unit, "$2", "mxc://hs/2", "application/pdf", 9, "")

    await store.run(work)
    for asked, expected in {
        FileSearch("c1", marks=(of_type("pdf"),)): ["c.PDF", "a.pdf"],
        FileSearch("c1", marks=(of_type("application/pdf"),)): ["b", "a.pdf"],
        FileSearch("c1", marks=(of_type("image"),)): ["b"],
        FileSearch("c1", marks=(of_type("video"),)): ["d.mp4"],
        FileSearch("c1", marks=(sent_by("tom"),)): ["c.PDF"],
        FileSearch(marks=(sent_by("@x:hs"),)): ["d.mp4"],
        FileSearch("c1", marks=(of_type("pdf"), sent_by("ruth"))): ["a.pdf"],
        FileSearch("c1", since_ms=3 * DAY): ["d.mp4", "c.PDF"],
        FileSearch("c1", until_ms=3 * DAY): ["b", "a.pdf"],
        FileSearch("c1", marks=(of_type("pdf"),), since_ms=2 * DAY, until_ms=9 * DAY): ["c.PDF"],
        FileSearch("c1", words=(("c",),), marks=(of_type("pdf"),)): ["c.PDF"],
        FileSearch("c1", since_ms=-5, until_ms=1 << 60): ["d.mp4", "c.PDF", "b", "a.pdf"],
    }.items():
        assert await store.run(lambda unit, asked=asked: names(unit, asked)) == expected, asked  # type: ignore[misc]


async def test_V3_of_the_versions_that_fit_the_newest_is_shown(store: Store) -> None:
    def work(unit: Unit) -> list[list[tuple[str, int, int]]]:
        add_file(unit, sent("$1", "a.pdf", 1 * DAY, filename="a.pdf", body="draft one"))
        add_file(unit, sent("$2", "a.pdf", 2 * DAY, filename="a.pdf", body="draft two"))
        add_file(unit, sent("$3", "a.pdf", 3 * DAY, sender="@tom:hs", staff_id="tom"))

        def shown(asked: FileSearch) -> list[tuple[str, int, int]]:
            return [
                (str(one.file.event_id), one.versions, one.number)
                for one in listed(unit, files_after(unit, asked, None, 9))
            ]

        return [
            shown(FileSearch("c1", marks=(sent_by("ruth"),))),
            shown(FileSearch("c1", words=(("draft",),))),
            shown(FileSearch("c1", words=(("one",),))),
            shown(FileSearch("c1", until_ms=2 * DAY)),
            shown(FileSearch(words=(("a",),))),
        ]

    assert await store.run(work) == [[("$2", 3, 2)], [("$2", 3, 2)], [("$1", 3, 1)], [("$1", 3, 1)], [("$3", 3, 3)]]


def pages(unit: Unit, asked: FileSearch, size: int) -> list[int]:
    after, got = None, list[int]()
    while hits := files_after(unit, asked, after, size):
        got += [hit.position for hit in hits]
        after = hits[-1].key
    return got


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("word", ["", "note"])
@pytest.mark.parametrize("conversation_id", ["", "c1"])
async def test_V3_pages_together_are_the_list(store: Store, order: Order, word: str, conversation_id: str) -> None:
    def work(unit: Unit) -> tuple[list[int], list[int]]:
        for number in range(40):
            info = {"size": (number * 7) % 11}
            at = 1000 + number // 3
            add_file(
                unit, sent(f"${number}", f"Note {number % 23}.txt", at, info=info, conversation_id=f"c{number % 2 + 1}")
            )
        asked = FileSearch(conversation_id, words=((word,),) if word else (), order=order)
        return pages(unit, asked, 1000), pages(unit, asked, 3)

    whole, in_pages = await store.run(work)
    assert whole == in_pages
    assert len(whole) == len(set(whole)) == (40 if conversation_id == "" else 20)


Steps = list[tuple[str, int, int]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["add", "edit", "remove", "take back"]), st.integers(0, 5), st.integers(0, 5)))
)
async def test_V3_after_whatever_happens_each_name_has_one_newest_version(store: Store, steps: Steps) -> None:
    """And the words of those that are there, and no others, are found."""
    do: dict[str, Callable[[Unit, int, int, int], object]] = {
        "add": lambda unit, at, one, two: add_file(unit, sent(f"${one}", f"n{two}.txt", at)),
        "edit": lambda unit, at, one, two: edit_file(unit, edit(f"$e{at}", f"${one}", f"n{two}.txt", at)),
        "remove": lambda unit, at, one, two: remove_file(unit, f"${one}", at, "ruth"),
        "take back": lambda unit, at, one, two: take_back_edit(unit, f"$e{one + 10}", "!r:hs"),
    }

    def work(unit: Unit) -> None:
        unit.run(File.delete())
        unit.execute("DELETE FROM file_search")
        for at, (what, one, two) in enumerate(steps, 10):
            do[what](unit, at, one, two)
        live = unit.all(File.select().where(File.removed_at.is_null()))
        newest = {row.name_key: max(other.moment for other in live if other.name_key == row.name_key) for row in live}
        assert {(row.name_key, row.moment) for row in unit.all(File.select().where(File.newest))} == set(newest.items())
        assert set(found(unit, "n")) == {row.name for row in live}
        assert len(found(unit, "txt")) == len(newest)
        for row in live:
            assert row.name in found(unit, row.name)

    await store.run(work)
