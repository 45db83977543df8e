"""The directory service on real files and a real store: what is taken over, held, refused, and kept."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from peewee import fn
from structlog.testing import capture_logs

from bridge.directory import file as directory_file
from bridge.directory import keeping
from bridge.directory import read as directory_read
from bridge.directory.change import DirectoryChange, compared
from bridge.directory.file import DirectoryFile
from bridge.directory.following.outcomes import Applied, Held, Invalid, Unchanged
from bridge.directory.forms.sheet_form import SheetForm
from bridge.directory.read import Snapshot, firm_of, read_directory
from bridge.firm.model import Firm
from bridge.refusal import Kind, Refusal
from bridge.settings import DirectorySettings
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import ReadUnit
from bridge.store.models import DirectoryRecord, DirectoryVersion, HeldChange
from bridge.wording.directory import status_text

ROOT = Path(__file__).parents[3]
NAMES = ("Ann", "Ben", "Cat", "Dan", "Eve")


def staff(*names: str, role: str = "Associate") -> str:
    entries = [
        f"  - {{id: {name.lower()}, first_name: {name}, last_name: Finch, email: {name}@firm.example, role: {role}}}\n"
        for name in names
    ]
    return "staff:\n" + "".join(entries)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "directory.yaml"
    written.write_text(staff(*NAMES))
    return written


def service(path: Path, store: Store) -> DirectoryFile:
    settings = DirectorySettings(path=str(path))
    return DirectoryFile(settings, store, today=lambda: date(2026, 11, 23), settle_seconds=0)


def replace_text(path: Path, text: str) -> None:
    """As careful programs write: whole, under another name, then renamed."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def take_away(path: Path) -> None:
    path.rename(path.with_suffix(".away"))


def put_back(path: Path) -> None:
    path.with_suffix(".away").rename(path)


async def stored(store: Store) -> dict[tuple[str, str], str]:
    def work(unit: ReadUnit) -> dict[tuple[str, str], str]:
        return {(row.kind, row.record_id): row.data for row in unit.all(DirectoryRecord.select())}

    return await store.run(work)


async def held_rows(store: Store) -> list[tuple[str, str]]:
    return await store.run(lambda unit: [(row.fingerprint, row.confirmed_by) for row in unit.all(HeldChange.select())])


async def test_the_first_directory_is_applied_and_the_second_look_does_nothing(path: Path, store: Store) -> None:
    directory = service(path, store)
    assert not (await directory.load()).staff
    assert isinstance(await directory.refresh(), Applied)
    assert directory.firm == read_directory(path)
    assert len(await stored(store)) == 5
    assert await directory.refresh() == Unchanged()


async def test_an_unchanged_file_is_not_read_again(path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = service(path, store)
    await directory.refresh()
    monkeypatch.setattr("bridge.directory.following.watched.fetch", None)
    assert await directory.refresh() == Unchanged()


async def test_a_file_only_touched_is_not_taken_apart_again(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = service(path, store)
    await directory.refresh()
    os.utime(path, ns=(1, 1))
    monkeypatch.setattr(directory_file, "firm_of", None)
    assert await directory.refresh() == Unchanged()


async def test_R1_whoever_takes_over_does_not_take_apart_what_was_accepted(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = service(path, store)
    await before.refresh()
    monkeypatch.setattr(directory_file, "firm_of", None)
    after = service(path, store)
    assert await after.refresh() == Unchanged()
    assert after.firm == before.firm


async def test_what_may_have_become_something_else_is_taken_apart_at_a_start(path: Path, store: Store) -> None:
    await service(path, store).refresh()
    # What is held is let go where the files say again what the firm is.
    replace_text(path, staff("Ann"))
    assert isinstance(await service(path, store).refresh(), Held)
    replace_text(path, staff(*NAMES))
    assert await service(path, store).refresh() == Unchanged()
    assert await held_rows(store) == []
    # Another firm was accepted since.
    await store.run(lambda unit: unit.run(DirectoryRecord.delete().where(DirectoryRecord.record_id == "eve")))
    await store.run(lambda unit: unit.run(DirectoryVersion.update(version=DirectoryVersion.version + 1)))
    assert isinstance(await service(path, store).refresh(), Applied)
    # Another day, on which something may begin.
    tomorrow = service(path, store)
    tomorrow.today = lambda: date(2026, 11, 24)
    read: list[str] = []

    def heard(snapshot: Snapshot, form: SheetForm) -> Firm:
        read.append(snapshot.digest)
        return firm_of(snapshot, form)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directory_file, "firm_of", heard)
        assert await tomorrow.refresh() == Unchanged()
    assert read


async def test_a_comment_changes_nothing(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    replace_text(path, "# Reviewed.\n" + staff(*NAMES))
    assert await directory.refresh() == Unchanged()


async def test_only_changed_records_are_written(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    await store.run(lambda unit: unit.run(DirectoryRecord.update(data=DirectoryRecord.data.concat(" "))))
    replace_text(path, staff("Ann", "Ben", "Cat", "Dan", "Fay") + "channels:\n  - {name: Court Filings}\n")
    outcome = await directory.refresh()
    assert isinstance(outcome, Applied)
    assert outcome.change.kinds["staff"].added == ("fay",)
    records = await stored(store)
    assert {key for key, data in records.items() if not data.endswith(" ")} == {
        ("staff", "fay"),
        ("channel", "Court Filings"),
    }
    assert ("staff", "eve") not in records


async def test_the_last_accepted_firm_is_there_after_a_restart_without_the_file(path: Path, store: Store) -> None:
    first = service(path, store)
    await first.refresh()
    take_away(path)
    second = service(path, store)
    assert await second.load() == first.firm
    outcome = await second.refresh()
    assert isinstance(outcome, Invalid)
    assert "No such file" in str(outcome.problems[0])
    assert second.firm == first.firm


BAD = {
    "bad row": staff(*NAMES) + "  - {id: fay, first_name: Fay, email: x@}\n",
    "duplicate id": staff(*NAMES, "Ann"),
    "unknown person": staff(*NAMES) + "matters:\n  - {id: m, number: 1, title: Estate, responsible: nobody}\n",
    "nonsense": "[" * 10 * 2**20,
    "empty": "",
    "too large": "#" * (2**25 + 1),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
async def test_a_bad_file_changes_nothing_and_is_reported_once(path: Path, store: Store, text: str) -> None:
    directory = service(path, store)
    await directory.refresh()
    before, firm = await stored(store), directory.firm
    replace_text(path, text)
    with capture_logs() as logs:
        outcome = await directory.refresh()
        assert isinstance(outcome, Invalid)
        assert await directory.refresh() == outcome
    assert await stored(store) == before
    assert directory.firm is firm
    assert directory.problems == outcome.problems != ()
    assert [entry["problems"] for entry in logs] == [[str(problem) for problem in outcome.problems]]
    assert str(outcome.problems[0]) in status_text(await directory.status(), str)
    replace_text(path, staff(*NAMES))
    assert await directory.refresh() == Unchanged()
    assert directory.problems == ()


WALLED = (
    f"{staff(*NAMES)}matters:\n  - {{id: m1, number: 2026-0042, title: Sale of Tidewell}}\n"
    "  - {id: m3, number: 2026-0003, title: Lease}\n"
    "walls:\n  - {id: w1, matter: 2026-0042, people: [ann], memo: Kin., set_by: ben}\n"
)


async def test_M3_what_is_wrong_with_matters_is_told_in_chat_by_its_place_alone(path: Path, store: Store) -> None:
    replace_text(path, WALLED)
    directory = service(path, store)
    await directory.refresh()
    # A new matter, of which nobody can tell yet who may see it, with the number of another.
    twice = "  - {id: m2, number: 2026-0042, title: Trust, restricted: yes}\nwalls:"
    replace_text(path, WALLED.replace("walls:", twice))
    assert isinstance(await directory.refresh(), Invalid)
    to_ann, to_ben, to_the_server = [status_text(await directory.status(reader), str) for reader in ("ann", "ben", "")]
    for said in (to_ann, to_ben):
        assert "2026-0042" not in said
        assert "`firm-bridge check` on the server says what is wrong here." in said
    assert "2026-0042" in to_the_server
    assert "1 matter that you can see" in to_ann
    assert "2 matters that you can see" in to_ben


async def test_M3_a_held_change_is_told_as_far_as_each_admin_may_see(path: Path, store: Store) -> None:
    replace_text(path, WALLED)
    directory = service(path, store)
    await directory.refresh()
    less = WALLED.replace("  - {id: m3, number: 2026-0003, title: Lease}\n", "").replace("Kin.", "Cousins.")
    new = "  - {id: m4, number: 2026-0099, title: Secret, restricted: yes, allowed: [ben]}\nwalls:"
    replace_text(path, less.replace("walls:", new))
    assert isinstance(await directory.refresh(), Held)
    to_ann, to_ben, to_the_server = [status_text(await directory.status(reader), str) for reader in ("ann", "ben", "")]
    assert "Matter: 1 removed (2026-0003)." in to_ann
    assert "Wall" not in to_ann
    assert "Matter: 1 added (2026-0099), 1 removed (2026-0003)." in to_ben
    assert "Wall: 1 changed (w1)." in to_ben
    assert " of 9 " in to_the_server
    assert " of 9 " not in to_ann + to_ben


async def test_what_is_wrong_with_people_is_told_to_every_admin(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    replace_text(path, BAD["bad row"])
    await directory.refresh()
    to_the_server = await directory.status()
    assert await directory.status("ann") == replace(to_the_server, whole=False)


async def test_a_vanished_file_that_comes_back_is_well_again(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    take_away(path)
    assert isinstance(await directory.refresh(), Invalid)
    put_back(path)
    assert await directory.refresh() == Unchanged()
    assert directory.problems == ()


async def test_a_change_that_takes_too_much_waits_for_its_confirmation(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    before, firm = await stored(store), directory.firm
    replace_text(path, staff("Ann", "Ben", "Cat"))
    outcome = await directory.refresh()
    assert isinstance(outcome, Held)
    fingerprint = outcome.change.fingerprint()
    assert directory.held == outcome.change
    assert await directory.refresh() == outcome
    assert (await stored(store), directory.firm) == (before, firm)
    assert await held_rows(store) == [(fingerprint, "")]
    assert "Dan Finch, Eve Finch" in status_text(await directory.status(), str)

    with pytest.raises(Refusal, match=Kind.CHANGE_WAITS_NO_MORE):
        await directory.confirm("ann", "another")
    assert isinstance(await directory.refresh(), Held)
    await directory.confirm("ann", fingerprint)
    assert isinstance(await directory.refresh(), Applied)
    assert directory.firm.active_staff == {"ann", "ben", "cat"}
    assert directory.held is None
    assert await held_rows(store) == []


async def test_a_confirmation_from_another_process_counts_and_outlives_a_restart(path: Path, store: Store) -> None:
    running = service(path, store)
    await running.refresh()
    replace_text(path, staff("Ann"))
    outcome = await running.refresh()
    assert isinstance(outcome, Held)
    await service(path, store).confirm("ann", outcome.change.fingerprint())
    assert isinstance(await service(path, store).refresh(), Applied)
    assert await service(path, store).refresh() == Unchanged()


async def test_another_process_applying_the_held_change_is_followed(path: Path, store: Store) -> None:
    running = service(path, store)
    await running.refresh()
    replace_text(path, staff("Ann"))
    assert isinstance(await running.refresh(), Held)
    command = service(path, store)
    assert isinstance(await command.refresh(), Held)
    await command.confirm("ann")
    assert isinstance(await command.refresh(), Applied)
    assert isinstance(await running.refresh(), Applied)
    assert running.firm == command.firm


async def test_a_confirmation_is_for_exactly_that_content(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    replace_text(path, staff("Ann", "Ben", "Cat"))
    outcome = await directory.refresh()
    assert isinstance(outcome, Held)
    await directory.confirm("ann", outcome.change.fingerprint())
    replace_text(path, staff("Ann"))
    assert isinstance(await directory.refresh(), Held)
    assert len(directory.firm.active_staff) == 5


async def test_a_held_change_is_judged_once_an_hour_and_on_each_day_and_not_at_every_look(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = service(path, store)
    await directory.refresh()
    replace_text(path, staff("Ann"))
    outcome = await directory.refresh()
    assert isinstance(outcome, Held)
    judged: list[date] = []

    def judge(old: Firm, new: Firm, today: date, *day_ago: Firm) -> DirectoryChange:
        judged.append(today)
        return compared(old, new, today, *day_ago)

    monkeypatch.setattr("bridge.directory.file.compared", judge)
    assert await directory.refresh() == outcome
    assert judged == []
    monkeypatch.setattr(directory, "today", lambda: date(2026, 11, 24))
    for _ in range(2):
        assert isinstance(await directory.refresh(), Held)
    assert judged == [date(2026, 11, 24)]


async def test_a_held_change_that_the_file_takes_back_is_dropped(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    replace_text(path, staff("Ann"))
    assert isinstance(await directory.refresh(), Held)
    replace_text(path, staff(*NAMES))
    assert await directory.refresh() == Unchanged()
    assert directory.held is None
    assert await held_rows(store) == []
    with pytest.raises(Refusal, match=Kind.NO_CHANGE_WAITS):
        await directory.confirm("ann")


async def test_a_held_change_is_logged_once(path: Path, store: Store) -> None:
    directory = service(path, store)
    await directory.refresh()
    replace_text(path, staff("Ann"))
    with capture_logs() as logs:
        await directory.refresh()
        await directory.refresh()
    assert [entry["event"] for entry in logs] == ["directory_change_held"]


async def test_a_set_of_files_written_during_the_read_is_not_applied(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "csv"
    shutil.copytree(ROOT / "config/example-csv", folder)
    directory = service(folder, store)
    await directory.refresh()
    firm = directory.firm
    shutil.copytree(ROOT / "config/example-csv", tmp_path / "whole")
    read_file = directory_read.read_bytes

    def read_while_written(file: Path, max_bytes: int) -> bytes:
        data = read_file(file, max_bytes)
        if file.name == "walls.csv":
            shutil.copyfile(tmp_path / "whole/walls.csv", folder / "walls.csv")
        return data

    # An export in progress: the walls are cut to their header when reading begins, and whole when it ends.
    (folder / "walls.csv").write_text((folder / "walls.csv").read_text().splitlines()[0] + "\n")
    with monkeypatch.context() as patched:
        patched.setattr(directory_read, "read_bytes", read_while_written)
        assert await directory.refresh() == Unchanged()
    assert directory.firm is firm
    assert directory.problems == ()
    assert await directory.refresh() == Unchanged()
    assert len(directory.firm.walls) == 3


async def test_files_just_written_are_left_to_settle(path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = DirectorySettings(path=str(path))
    directory = DirectoryFile(settings, store, settle_seconds=5)
    waited: list[float] = []

    async def written_meanwhile(seconds: float) -> None:
        waited.append(seconds)
        replace_text(path, staff(*NAMES, "Fay"))

    monkeypatch.setattr("bridge.directory.following.watched.asyncio.sleep", written_meanwhile)
    assert await directory.refresh() == Unchanged()
    assert not directory.firm.staff
    os.utime(path, (1, 1))
    assert isinstance(await directory.refresh(), Applied)
    assert waited == [5]


async def test_a_change_that_could_not_be_stored_is_taken_again(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = service(path, store)
    await directory.refresh()
    replace_text(path, staff(*NAMES, "Fay"))

    def fail(_unit: object, _change: object, **_: object) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "accept", fail)
        with pytest.raises(StoreError):
            await directory.refresh()
    assert "fay" not in directory.firm.staff
    assert isinstance(await directory.refresh(), Applied)
    assert "fay" in directory.firm.staff


async def test_a_large_firm_is_stored_in_full(path: Path, store: Store) -> None:
    replace_text(path, staff(*(f"P{number}" for number in range(450))))
    await service(path, store).refresh()
    assert await store.run(lambda unit: unit.value(DirectoryRecord.select(fn.COUNT("*")))) == 450
    assert len((await service(path, store).load()).staff) == 450
