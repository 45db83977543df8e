"""Where the guard keeps what it was told: in memory, and on disk before it says that it has it.

The file has one line for each push: its signature, a blank, its body. The first line tells everything, those behind
it are changes, and the next whole push begins the file anew. A last line without an end was never answered, and is
dropped.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bridge import __version__
from bridge.firm.errors import BridgeError
from bridge.firm.facts import Facts, FactsError, digest_of, records_of, with_changes
from bridge.guard.protocol import (
    FORM,
    MAX_BYTES,
    OTHER_RELEASE,
    OUTDATED,
    form_of,
    is_signed,
    other_release,
    sign_asking_facts,
    sign_facts,
    sign_page,
    sign_push,
    sign_question,
    sign_taken,
)
from bridge.guard.refusals import Attempt
from bridge.guard.spool import Spool

_LONGEST_QUESTION = 100_000
_CHANGES_REMEMBERED = 500
_LONGEST_RELEASE = 40


class PushRefusedError(BridgeError):
    """A push that is not taken. The message says why."""

    def __init__(self, status: int, errcode: str, message: str, version: int | None = None) -> None:
        """`version` is the one in force, for those who may know."""
        super().__init__(message)
        self.status = status
        self.errcode = errcode
        self.version = version


class PolicyLostError(BridgeError):
    """What is on disk cannot be used. The message says why, and what happens now."""


@dataclass(frozen=True)
class Policy:
    """One version of what the guard knows."""

    version: int
    facts: Facts
    zone: ZoneInfo

    @cached_property
    def digest(self) -> str:
        """By which the bridge sees whether this is what it knows."""
        return digest_of(self.facts)

    def today(self) -> date:
        """The firm's day, by which walls begin and end, whether or not the bridge runs."""
        return datetime.now(self.zone).date()


class Keeper:
    """Takes pushes and keeps the policy that is in force. Any thread may call it."""

    def __init__(self, path: Path, key: str, max_bytes: int = MAX_BYTES) -> None:
        """Nothing of the policy is read before `load`."""
        self.policy: Policy | None = None
        """What is in force; None where nothing is known, and nobody is let in."""
        self.refused: Counter[str] = Counter()
        """How often something was refused since the start, by rule."""
        self.spool = Spool(path.with_name(path.name + ".refusals"))
        """What was refused and is not in the audit log yet."""
        self._path = path
        self._key = key
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._may_append = False
        self._changes: deque[tuple[int, int, str, str]] = deque(maxlen=_CHANGES_REMEMBERED)
        """The last changes, each with its base, its version, its signature and its body, the newest last."""

    def load(self) -> None:
        """Read what was kept. Raises PolicyLostError where there is something that cannot be used."""
        with self._lock:
            try:
                raw = self._path.read_bytes()
            except FileNotFoundError:
                return
            except OSError as error:
                raise PolicyLostError(f"{self._path} cannot be read: {error.strerror}.") from error
            whole, _, torn = raw.rpartition(b"\n")
            policy: Policy | None = None
            try:
                for line in whole.split(b"\n"):
                    signature, _, body = line.partition(b" ")
                    policy = _applied(self._opened(body, signature.decode("ascii", "replace")), policy)
            except PushRefusedError as error:
                known = f"what follows version {policy.version}" if policy else "it"
                raise PolicyLostError(f"{self._path} holds a policy, but {known} cannot be used: {error}") from error
            if torn:
                os.truncate(self._path, len(raw) - len(torn))
            self.policy, self._may_append = policy, True

    def note(self, tried: Attempt) -> None:
        """Note what was refused, for the audit log (O1)."""
        self.refused[tried.rule] += 1
        self.spool.note(tried)

    def hand_over(self, body: bytes, signature: str) -> dict[str, str]:
        """What waits for the audit log, to a bridge that says what it has. Raises PushRefusedError."""
        if len(body) > _LONGEST_QUESTION or not is_signed(sign_taken(self._key, body), signature):
            raise _forged()
        try:
            asked = json.loads(body)
            spool, after, others = asked["spool"], asked["after"], asked.get("others", {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PushRefusedError(400, "M_BAD_JSON", "The bridge says what it has as a spool and a number.") from error
        numbers = [after, *others.values()] if isinstance(others, dict) else [None]
        if not isinstance(spool, str) or any(type(one) is not int or not 0 <= one < 2**63 for one in numbers):
            raise PushRefusedError(400, "M_BAD_JSON", "A spool is a text, and what it was read to a number.")
        page = json.dumps(self.spool.page(spool, after))
        return {"page": page, "signature": sign_page(self._key, page)}

    def accept(self, body: bytes, signature: str) -> int:
        """Take a push and return its version, once it is on disk. Raises PushRefusedError, and OSError from the
        disk."""
        with self._lock:
            push = self._opened(body, signature)
            policy = _applied(push, self.policy)
            line = signature.encode() + b" " + body + b"\n"
            if "base" in push:
                self._append(line)
            else:
                write_anew(self._path, line)
            self.policy, self._may_append = policy, True
            if "base" in push:
                self._changes.append((push["base"], push["version"], signature, body.decode()))
            else:
                self._changes.clear()
            return policy.version

    def pushes_after(self, version: int) -> tuple[int, list[list[str]]]:
        """The version in force, and the signed pushes that lead to it for somebody who has this one: the changes since
        then, or one that tells everything; none where nothing is known or nothing is new."""
        with self._lock:
            policy, changes = self.policy, list(self._changes)
        if policy is None or policy.version == version:
            return policy.version if policy else 0, []
        newer: list[list[str]] = []
        wanted = policy.version
        for base, made, signature, body in reversed(changes):
            if made != wanted:
                break
            newer.insert(0, [signature, body])
            if base == version:
                return policy.version, newer
            wanted = base
        told = {"form": FORM, "release": __version__, "version": policy.version, "records": records_of(policy.facts)}
        whole = json.dumps(told)
        return policy.version, [[sign_push(self._key, whole.encode()), whole]]

    def follow(self, version: int, pushes: Sequence[Sequence[str]]) -> None:
        """Have in memory what another process has on disk: its version, by the pushes that lead to it from here.

        Raises PushRefusedError, and nothing is changed.
        """
        with self._lock:
            policy = self.policy if version else None
            for signature, body in pushes:
                push = self._opened(body.encode(), signature)
                policy = _applied(push, policy if "base" in push else None)
            if (policy.version if policy else 0) != version:
                raise PushRefusedError(409, OUTDATED, f"What was told does not lead to version {version}.")
            self.policy = policy

    def status(self, signature: str) -> dict[str, Any]:
        """How things stand, for somebody who has the key. Raises PushRefusedError."""
        if not is_signed(sign_question(self._key), signature):
            raise _forged()
        policy = self.policy
        return {
            "form": FORM,
            "release": __version__,
            "version": policy.version if policy else 0,
            "digest": policy.digest if policy else "",
            "refused": dict(self.refused),
            **self.spool.waiting(),
        }

    def facts(self, signature: str) -> dict[str, str]:
        """All that is known, signed, for somebody who has the key. Raises PushRefusedError."""
        if not is_signed(sign_asking_facts(self._key), signature):
            raise _forged()
        policy = self.policy
        version, facts = (policy.version, policy.facts) if policy else (0, Facts())
        told = json.dumps({"version": version, "records": records_of(facts)})
        return {"facts": told, "signature": sign_facts(self._key, told)}

    def _opened(self, body: bytes, signature: str) -> dict[str, Any]:
        """A push whose signature and form are right. Raises PushRefusedError."""
        if len(body) > self._max_bytes:
            raise PushRefusedError(413, "M_TOO_LARGE", f"A push has at most {self._max_bytes} bytes.")
        if not is_signed(sign_push(self._key, body), signature):
            raise _forged()
        try:
            push = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise PushRefusedError(400, "M_NOT_JSON", "The push is not JSON.") from error
        numbers = [push.get("version"), push.get("base", 0)] if isinstance(push, dict) else [None]
        if b"\n" in body or any(type(number) is not int or not 0 <= number < 2**63 for number in numbers):
            raise PushRefusedError(400, "M_BAD_JSON", "A push is an object on one line, with a version.")
        if form_of(push) != FORM:
            told = other_release(__version__, str(push.get("release", "another release"))[:_LONGEST_RELEASE])
            raise PushRefusedError(400, OTHER_RELEASE, told)
        opened: dict[str, Any] = push
        return opened

    def _append(self, line: bytes) -> None:
        if not self._may_append:
            current = self.policy.version if self.policy else 0
            raise PushRefusedError(409, OUTDATED, "The last change could not be written; tell everything.", current)
        # Until it is written whole, nothing may be put behind it.
        self._may_append = False
        with self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _applied(push: dict[str, Any], before: Policy | None) -> Policy:
    """The policy after this push. Raises PushRefusedError."""
    version, base = push["version"], push.get("base")
    current = before.version if before else 0
    if version <= current or base not in {None, current}:
        raise PushRefusedError(409, OUTDATED, f"Version {current} is in force.", current)
    try:
        if base is None:
            facts = with_changes(Facts(), push["records"], {})
        else:
            facts = with_changes(before.facts if before else Facts(), push["put"], push["drop"])
        return Policy(version, facts, ZoneInfo(facts.timezone))
    except (FactsError, KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        told = str(error) if isinstance(error, FactsError) else f"The push has no meaning ({type(error).__name__})."
        raise PushRefusedError(400, "M_BAD_JSON", told) from error


def _forged() -> PushRefusedError:
    return PushRefusedError(403, "M_FORBIDDEN", "The signature is not made with the guard's key.")


def write_anew(path: Path, line: bytes) -> None:
    """Replace the file: whoever reads it sees the old one or the new one, on disk. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
