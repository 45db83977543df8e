"""What is logged, and that secrets and messages are not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bridge.logs import REDACTED, redact, set_up_logging
from bridge.settings import LogSettings


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    structlog.reset_defaults()
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("key", ["token", "as_token", "password", "client_secret", "Authorization", "body", "content"])
def test_V5_values_of_telling_keys_are_hidden(key: str) -> None:
    assert redact(None, "info", {"event": "x", key: "hush"}) == {"event": "x", key: REDACTED}
    nested = redact(None, "info", {"event": "x", "request": {"headers": [{key: "hush"}]}})
    assert "hush" not in str(nested)


def test_tokens_inside_texts_are_hidden() -> None:
    event = redact(None, "info", {"url": "http://h/x?access_token=hush&a=1", "reason": "sent Bearer hush"})
    assert "hush" not in str(event)
    assert "a=1" in str(event)


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogSettings(format="json"))
    structlog.get_logger("test").info("room_made", room="Ärger", steps=3)
    (line,) = logged(capsys)
    assert (line["event"], line["room"], line["steps"], line["level"]) == ("room_made", "Ärger", 3, "info")


def test_the_level_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogSettings(level="warning", format="json"))
    log = structlog.get_logger("test")
    log.info("small")
    log.warning("large")
    assert [line["event"] for line in logged(capsys)] == ["large"]


def test_libraries_log_in_the_same_form_and_only_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogSettings(level="debug", format="json"))
    library = logging.getLogger("some.library")
    library.debug("SELECT secret FROM table")
    library.warning("trouble with %s", "disk")
    (line,) = logged(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("trouble with disk", "warning", "some.library")


def test_V5_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "json"):
        set_up_logging(LogSettings.model_validate({"format": form}))
        message = "hush" + "-hush"
        try:
            int(message[:0])
        except ValueError:
            structlog.get_logger("test").exception("failed")
        written = capsys.readouterr().err
        assert "ValueError" in written
        assert "hush-hush" not in written


def test_a_value_cannot_start_a_new_line(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "json"):
        set_up_logging(LogSettings.model_validate({"format": form}))
        structlog.get_logger("test").info("joined", name="Eve\n2026-01-01 [error] all lost")
        assert len(capsys.readouterr().err.splitlines()) == 1
