"""Where the firm comes from."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from bridge.settings.values import Percent, Port, Section

SourceName = Literal["files", "smokeball", "clio", "scim"]


Owned = Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-z_]+)?$")]


class DirectorySettings(Section):
    """Where staff, matters, access and walls come from."""

    path: str = Field(
        "directory.yaml", description="A YAML file, or a folder with staff.csv, matters.csv, access.csv and walls.csv."
    )
    sources: dict[SourceName, tuple[Owned, ...]] = Field(
        {"files": ()},
        min_length=1,
        description="The systems that the directory is read from, in order, each with the kinds of record that it owns,"
        " such as staff or matters, and fields, such as staff.role. Whatever nobody owns is said by the first that has"
        " the record. Names: files (those of directory.path), smokeball, clio, scim.",
    )
    removal_limit: Percent = Field(
        20,
        description="The share of staff, of access, or of walls and restrictions, in percent, whose removal waits"
        " for a firm admin. What went in the 24 hours before counts with it, unless an admin confirmed it.",
    )
    encoding: Literal["utf-8", "windows-1252"] = Field(
        "utf-8",
        description="What the files are written in where a program cannot write Unicode. UTF-8 and UTF-16 are"
        " recognised whatever this says.",
    )
    dates: Literal["year-first", "day-first", "month-first"] = Field(
        "year-first",
        description="What comes first in the dates of CSV files that are written in numbers, such as 03/04/2026."
        " Year-month-day is always read, and so is a month in English letters.",
    )
    extra_columns: Literal["refuse", "ignore"] = Field(
        "refuse",
        description="Whether CSV files may have columns that the directory does not know. One whose name looks like a"
        " column's that is not there is refused in any case: a misspelled restricted would open matters.",
    )


class ScimSettings(Section):
    """SCIM as a source of the directory. It counts where directory.sources names it, and needs the panel's address."""

    roles: dict[str, str] = Field(
        {},
        description="The role that members of a group have, by the group's name in Entra or Okta, such as"
        " {Firm admins: IT}; of several the first. Nothing else that SCIM says makes a role, so it makes nobody a firm"
        " admin unless this does.",
    )


class SmokeballSettings(Section):
    """Smokeball as a source of the directory. It counts where directory.sources names it."""

    region: Literal["us", "au", "uk", "test"] = Field(
        "us", description="Whose hosts are asked: the United States, Australia, the United Kingdom, or the test ones."
    )
    api_url: str = Field("", description="Another address of the API than the region's; empty for that.")
    auth_url: str = Field("", description="Another address for signing in than the region's; empty for that.")
    api_key: SecretStr = Field(SecretStr(""), description="The key that Smokeball gave the firm for its API.")
    client_id: str = Field("", description="The client id that Smokeball gave.")
    client_secret: SecretStr = Field(SecretStr(""), description="The client secret that belongs to it.")
    account_id: str = Field(
        "",
        description="The firm's account, where the bridge signs in by itself (client credentials); empty where somebody"
        " let it in with `firm-bridge smokeball connect`.",
    )
    key_file: str = Field(
        "smokeball.key",
        description="The file with the key that encrypts Smokeball's tokens in the database. `firm-bridge smokeball"
        " connect` makes it.",
    )
    connect_port: Port = Field(
        9011, description="The port on this machine to which Smokeball's page leads back after consent."
    )
    requests_per_second: float = Field(5.0, gt=0, le=100, description="How many requests Smokeball allows in a second.")
    poll_seconds: int = Field(60, ge=5, le=86_400, description="Seconds between looks at what changed.")
    policy_minutes: int = Field(
        240,
        ge=1,
        le=10_080,
        description="Minutes within which the deny-list and the roles of each matter are looked at again. At five"
        " requests a second some 2,500 matters take half an hour.",
    )
    deny: Literal["restriction", "wall"] = Field(
        "restriction",
        description="What somebody on a matter's deny-list is: shut out unless they have a role on the matter, as"
        " Smokeball has it (restriction), or behind a wall, whatever their role (wall).",
    )
    policy_reference: str = Field(
        "{matter}",
        description="How Smokeball's policy of a matter is called, by its id. Until a policy of some matter was found"
        " so, every matter of Smokeball's stays with its team.",
    )
    webhook_url: str = Field(
        "",
        description="The address at which Smokeball reaches the bridge's panel, with /webhooks/smokeball at its end;"
        " empty for no webhooks: then changes are seen at the next look.",
    )

    notify_minutes: int = Field(
        0,
        ge=0,
        le=1440,
        description="Minutes after which Smokeball shows a note to somebody who was mentioned in a message and has not"
        " read it; 0 for no notes. The note names the matter, and nothing of the message.",
    )

    @field_validator("policy_reference")
    @classmethod
    def _names_the_matter(cls, given: str) -> str:
        # Another name would be the same for all matters, and one matter's deny-list that of each.
        if not re.fullmatch(r"[A-Za-z0-9/:._-]*\{matter\}[A-Za-z0-9/:._-]*", given):
            raise PydanticCustomError("policy_reference", "It must have {matter} in it once, for the matter's id")
        return given


class ClioSettings(Section):
    """Clio Manage as a source of the directory. It counts where directory.sources names it."""

    region: Literal["us", "ca", "eu", "au"] = Field(
        "us",
        description="Whose host is asked: the United States, Canada, the European Union or Australia. A client of"
        " another region is refused as if its secret were wrong.",
    )
    url: str = Field("", description="Another address than the region's; empty for that.")
    client_id: str = Field("", description="The client id (application key) that Clio gave.")
    client_secret: SecretStr = Field(SecretStr(""), description="The client secret that belongs to it.")
    key_file: str = Field(
        "clio.key",
        description="The file with the key that encrypts Clio's tokens in the database. `firm-bridge clio connect`"
        " makes it.",
    )
    connect_port: Port = Field(
        9012, description="The port on this machine to which Clio's page leads back after consent."
    )
    requests_per_minute: int = Field(
        50, ge=10, le=1000, description="How many requests Clio allows in a minute; its own default is 50."
    )
    poll_seconds: int = Field(60, ge=15, le=86_400, description="Seconds between looks at what changed.")
    whole_minutes: int = Field(
        60,
        ge=5,
        le=1440,
        description="Minutes after which all matters are read again, 200 with one request: what Clio changes without"
        " changing the matter's own time, such as a client's name, is seen then.",
    )
    access: Literal["team", "groups"] = Field(
        "team",
        description="Who may see a matter, of those whom Clio's matter permissions let in: the attorney responsible for"
        " it and the one who brought it in (team), or all of them (groups). Clio does not tell the bridge whom it"
        " blocks from a matter, so choose groups only where nobody is blocked in Clio, and set walls here instead.",
    )
    roles: dict[str, str] = Field(
        {},
        description="The role of those who have a role in Clio, such as {admin: IT}; of several the first. Nothing else"
        " that Clio says makes a role, so it makes nobody a firm admin unless this does.",
    )
    webhook_url: str = Field(
        "",
        description="The address, with https://, at which Clio reaches the bridge's panel, with /webhooks/clio at its"
        " end, to which the bridge adds a key; empty for no webhooks: then changes are seen at the next look.",
    )
