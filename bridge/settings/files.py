"""Files: what may be sent, where it is filed, and transcripts."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from bridge.settings.values import Section


def _file_type(given: Any) -> str:
    text = str(given).strip().casefold().removeprefix(".")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_+-]{0,20}|[a-z]+/([a-z0-9][a-z0-9.+_-]*|\*)", text):
        raise PydanticCustomError("file_type", "It must be the end of a name, such as pdf, or a media type, as video/*")
    return text


FileType = Annotated[str, BeforeValidator(_file_type)]


class FileRuleSettings(Section):
    """Which files may be sent (V4). A type is the end of a name, such as pdf, or a media type, such as video/*."""

    max_megabytes: int = Field(
        100,
        ge=0,
        le=100_000,
        description="The largest file, in megabytes; 0 for no limit. The homeserver's max_upload_size holds as well.",
    )
    programs: bool = Field(
        False, description="Whether programs, scripts and shortcuts may be sent, which run when they are opened."
    )
    forbidden: tuple[FileType, ...] = Field((), description="Further types that may not be sent.")
    allowed: tuple[FileType, ...] = Field(
        (), description="The only types that may be sent; empty for all that are not forbidden."
    )
    encrypted: bool = Field(
        True,
        description="Whether files may be sent that somebody's client encrypted, into which the homeserver cannot look."
        " Some clients send no others.",
    )
    quarantine_deleted: bool = Field(
        False,
        description="Whether nobody can download a file any more once its message is deleted. The homeserver then takes"
        " no other upload of the same content, either.",
    )


def _on_or_off(given: Any) -> Any:
    # YAML reads an unquoted on and off as yes and no.
    return {True: "on", False: "off"}[given] if isinstance(given, bool) else given


class FilingSettings(Section):
    """The filing cabinet, in which the files of matter conversations are stored where the firm keeps its matters."""

    mode: Annotated[Literal["off", "on", "by_matter"], BeforeValidator(_on_or_off)] = Field(
        "off",
        description="Whether files are filed: of no matter, of every matter but those switched off, or of those"
        " switched on alone (`!matter filing`).",
    )
    url: SecretStr = Field(
        SecretStr("cabinet"),
        description="Where the cabinet stands: a folder, which must be there, or a place that fsspec knows, such as"
        " s3://BUCKET/FOLDER, webdav://HOST/FOLDER or sftp://USER@HOST/FOLDER.",
    )
    options: SecretStr = Field(
        SecretStr(""),
        description="What fsspec needs for that place besides, credentials for example, as JSON; empty for nothing.",
    )
    timeout_seconds: float = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds after which a cabinet that does not answer is given up for now; a second more for each MB"
        " of the file.",
    )

    @field_validator("options")
    @classmethod
    def _is_mapping(cls, given: SecretStr) -> SecretStr:
        text = given.get_secret_value()
        try:
            told = json.loads(text) if text else {}
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise PydanticCustomError("options", 'It must be JSON such as {{"key": "…", "secret": "…"}}')
        return given

    @property
    def backend_options(self) -> dict[str, Any]:
        """The options, read."""
        text = self.options.get_secret_value()
        told: dict[str, Any] = json.loads(text) if text else {}
        # httpx, behind WebDAV, wants name and password as a tuple, which JSON has not; asyncssh, behind SFTP, takes a
        # tuple of keys for something else than a list.
        return {key: tuple(told[key]) if key == "auth" and isinstance(told[key], list) else told[key] for key in told}


class TranscriptSettings(Section):
    """Transcripts of matter conversations."""

    nightly: bool = Field(
        True,
        description="Whether the transcripts of closed matters are stored in the filing cabinet at night. Without a"
        " filing cabinet (filing.mode) none is.",
    )
