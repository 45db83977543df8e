"""What a worker's guard asks the main process's, and what it is answered (R2). Pure.

The worker POSTs to PROCESSES_PATH of the main process, where Synapse's processes speak to each other,

    {"asked": {"name", "run", "nonce", "version", "page"} as JSON in a text, "signature": over that text}

`run` is another one each time that it starts; `page` is null, or what of its refusals waits for the audit log
(bridge/guard/spool.py), as the bridge will read it: {"page": TEXT, "signature": over that text}. It is answered at once
where there is something that it does not know, else after a few seconds, with

    {"said": {"nonce", "version", "pushes", "taken"} as JSON in a text, "signature": over that text}

`pushes` are those of the bridge, each as [SIGNATURE, BODY], that lead from the worker's version to the one in force, or
one that tells everything. `taken` is up to where the bridge has the worker's refusals. The nonce is the question's, so
that nobody can answer with what was said earlier.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from bridge.guard.keeper import PushRefusedError
from bridge.guard.protocol import is_signed, sign_said_to_worker, sign_worker_asked


@dataclass(frozen=True, slots=True)
class WorkerQuestion:
    """What a worker's guard asks."""

    name: str
    run: str
    nonce: str
    version: int
    """Of its policy; 0 for none."""
    page: dict[str, str] | None
    """What waits for the audit log."""


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """What it is answered."""

    nonce: str
    version: int
    """The one in force; 0 where the main process knows no policy."""
    pushes: list[list[str]]
    taken: int


def question_in_json(question: WorkerQuestion, key: str) -> dict[str, str]:
    """A question, signed."""
    asked = json.dumps(asdict(question))
    return {"asked": asked, "signature": sign_worker_asked(key, asked)}


def read_question(body: bytes, key: str) -> WorkerQuestion:
    """The question of a worker. Raises PushRefusedError."""
    told = _opened(body, "asked", key, sign_worker_asked)
    try:
        question = WorkerQuestion(**told)
    except TypeError as error:
        raise _other_version() from error
    texts = (question.name, question.run, question.nonce)
    if not all(isinstance(text, str) for text in texts) or type(question.version) is not int:
        raise _other_version()
    return question


def answer_in_json(answer: WorkerAnswer, key: str) -> dict[str, str]:
    """An answer, signed."""
    said = json.dumps(asdict(answer))
    return {"said": said, "signature": sign_said_to_worker(key, said)}


def read_answer(body: bytes, question: WorkerQuestion, key: str) -> WorkerAnswer:
    """The answer to this question. Raises PushRefusedError."""
    told = _opened(body, "said", key, sign_said_to_worker)
    try:
        answer = WorkerAnswer(**told)
    except TypeError as error:
        raise _other_version() from error
    if answer.nonce != question.nonce:
        raise PushRefusedError(403, "M_FORBIDDEN", "The main process answered something that was asked earlier.")
    return answer


def _opened(body: bytes, name: str, key: str, sign: Any) -> dict[str, Any]:
    try:
        told = json.loads(body)
        text, signature = told[name], told["signature"]
        if not is_signed(sign(key, text), signature):
            raise PushRefusedError(403, "M_FORBIDDEN", "The signature is not made with the guard's key.")
        opened: dict[str, Any] = json.loads(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _other_version() from error
    return opened


def _other_version() -> PushRefusedError:
    return PushRefusedError(400, "M_BAD_JSON", "The guards in Synapse's processes must be of the same version.")
