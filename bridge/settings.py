"""Every setting of the bridge: its type, default, meaning and, for secrets, the example value that is refused.

One YAML file, overridden by environment variables such as FIRM_BRIDGE_HOMESERVER__URL. Descriptions here are the
documentation: the sample file and docs/settings.md are made from them.
"""

from __future__ import annotations

import json
import re
from datetime import time
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

APPSERVICE_ID = "firm-bridge"
"""The application service's id in the registration."""
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
"""What stands in a content policy: no path, no star, nothing that would end it."""
EXAMPLE_SECRET = "change-me"  # noqa: S105 - the value that is refused

Percent = Annotated[int, Field(ge=0, le=100)]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=16)]


def _time_of_day(given: Any) -> str:
    # YAML reads an unquoted 10:30 as a number in base 60, and 08:30 as text.
    text = f"{given // 60:02}:{given % 60:02}" if type(given) is int else str(given)
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise PydanticCustomError("time_of_day", "It must be hours and minutes, such as 08:00")
    return text


def _network(given: Any) -> str:
    try:
        return str(ip_network(str(given), strict=False))
    except ValueError:
        raise PydanticCustomError("network", "It must be a network, such as 10.0.3.0/24") from None


Network = Annotated[str, BeforeValidator(_network)]
TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


class _Section(BaseModel):
    # Numbers as text, because YAML reads an unquoted room_version: 11 as a number.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class HomeserverSettings(_Section):
    """The firm's Synapse."""

    url: str = Field("http://127.0.0.1:8008", description="Where the bridge reaches the homeserver.")
    server_name: str = Field("localhost", description="The part after the colon in everybody's Matrix id.")
    room_version: str = Field(
        "11", description="The version of rooms the bridge makes. Older clients do not know version 12."
    )
    concurrency: int = Field(4, ge=1, le=64, description="Requests about different rooms under way at once.")
    request_timeout: float = Field(60.0, gt=0, description="Seconds before one request is given up.")
    deadline: float = Field(
        180.0, gt=0, description="Seconds after which a request is no longer repeated and counts as failed."
    )


class AppserviceSettings(_Section):
    """How the homeserver and the bridge know each other. Must agree with the registration file."""

    as_token: Secret = Field(
        SecretStr(EXAMPLE_SECRET),
        description="The token with which the bridge calls the homeserver.",
        validate_default=False,
    )
    hs_token: Secret = Field(
        SecretStr(EXAMPLE_SECRET),
        description="The token with which the homeserver calls the bridge.",
        validate_default=False,
    )
    sender_localpart: str = Field("_firm_bridge", description="The application service's own user. Staff never see it.")
    bot_localpart: str = Field("bot", description="The bot that staff write commands to and that owns the rooms.")
    bot_name: Name = Field("Firm Bot", description="The bot's display name.")
    url: str = Field("http://127.0.0.1:9009", description="Where the homeserver reaches the bridge.")
    listen_host: str = Field("127.0.0.1", description="The address the bridge listens on.")
    listen_port: Port = Field(9009, description="The port the bridge listens on.")


class FirmSettings(_Section):
    """The firm's own choices."""

    name: Name = Field("The Firm", description="The name of the staff space.")
    admin_roles: tuple[str, ...] = Field(
        ("Owner", "Practice Manager", "IT"), description="Roles in the directory whose holders are firm admins."
    )
    timezone: str = Field("UTC", description="The firm's time zone, which decides on what day a wall begins or ends.")
    date_format: Literal["2026-12-31", "31/12/2026", "12/31/2026", "31.12.2026", "31 Dec 2026", "Dec 31, 2026"] = Field(
        "2026-12-31", description="How the bot writes a day, shown by the last day of 2026."
    )
    firm_wide_channel: Name = Field("Everyone", description="The channel that every active staff member is in (C4).")
    walled_are_told: Literal["reference", "memo", "matter"] = Field(
        "reference",
        description="What people behind a wall set by command are told of it in their chat with the bot: that there is"
        " one and its reference, the memo too, or also the matter or client.",
    )
    admins_room: str = Field(
        "Admins",
        description="The name of the room in which firm admins are told what somebody changed behind the bridge's back"
        " (O3) and who is refused again and again (O1); empty for none.",
    )
    first_matter_conversation: Literal["open", "on_demand"] = Field(
        "open",
        description="Whether each open matter gets its first conversation at once, or when somebody starts one.",
    )
    first_matter_conversation_title: Name = Field("General", description="The title of a matter's first conversation.")


class AccountSettings(_Section):
    """The Matrix accounts of the staff."""

    localpart_template: str = Field(
        "{email}",
        description="How a localpart is made: {email} is the part before the @, and {first}, {last}, {initials}, {id}"
        " are the person's. A localpart never changes once given.",
    )
    avatars: bool = Field(
        True,
        description="Whether accounts, rooms and the bot get pictures: initials, or a matter's number, on a colour.",
    )


SourceName = Literal["files", "smokeball", "scim"]
Owned = Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-z_]+)?$")]


class DirectorySettings(_Section):
    """Where staff, matters, access and walls come from."""

    path: str = Field(
        "directory.yaml", description="A YAML file, or a folder with staff.csv, matters.csv, access.csv and walls.csv."
    )
    sources: dict[SourceName, tuple[Owned, ...]] = Field(
        {"files": ()},
        min_length=1,
        description="The systems that the directory is read from, in order, each with the kinds of record that it owns,"
        " such as staff or matters, and fields, such as staff.role. Whatever nobody owns is said by the first that has"
        " the record. Names: files (those of directory.path), smokeball, scim.",
    )
    removal_limit: Percent = Field(
        20, description="The share of staff or access, in percent, whose removal in one change waits for a firm admin."
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


class ScimSettings(_Section):
    """SCIM as a source of the directory. It counts where directory.sources names it, and needs the panel's address."""

    roles: dict[str, str] = Field(
        {},
        description="The role that members of a group have, by the group's name in Entra or Okta, such as"
        " {Firm admins: IT}; of several the first. Nothing else that SCIM says makes a role, so it makes nobody a firm"
        " admin unless this does.",
    )


class SmokeballSettings(_Section):
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

    @field_validator("policy_reference")
    @classmethod
    def _names_the_matter(cls, given: str) -> str:
        # Another name would be the same for all matters, and one matter's deny-list that of each.
        if not re.fullmatch(r"[A-Za-z0-9/:._-]*\{matter\}[A-Za-z0-9/:._-]*", given):
            raise PydanticCustomError("policy_reference", "It must have {matter} in it once, for the matter's id")
        return given


class DatabaseSettings(_Section):
    """Where the bridge keeps what it must not forget."""

    url: SecretStr = Field(
        SecretStr("sqlite:///bridge.db"), description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME."
    )


class BackupSettings(_Section):
    """What `firm-bridge backup` keeps, where, and for whose key."""

    folder: str = Field(
        "",
        description="The folder that backups are written to, best on another disk; empty for none. Of the newest there"
        " the bridge tells the age.",
    )
    recipients: tuple[str, ...] = Field(
        (),
        description="The public keys of age (age1…) that backups are encrypted to. The secret ones stay elsewhere.",
    )
    synapse_database: SecretStr = Field(
        SecretStr(""),
        description="Synapse's database, to be backed up too: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME;"
        " empty where something else does that.",
    )
    synapse_files: tuple[str, ...] = Field(
        (), description="Files of Synapse's that a new machine needs too, such as homeserver.yaml and the signing key."
    )
    alarm_hours: int = Field(
        26,
        ge=0,
        description="Hours after which the newest backup in the folder is too old, which an alarm, `firm-bridge check`"
        " and a metric tell; 0 for never.",
    )


class SecuritySettings(_Section):
    """Secrets of the bridge itself."""

    alias_key: Secret = Field(
        SecretStr(EXAMPLE_SECRET),
        description="The key that makes the addresses of private rooms unguessable. Never change it.",
        validate_default=False,
    )


class GuardSettings(_Section):
    """The guard: the module inside Synapse that refuses forbidden memberships before they happen."""

    key: SecretStr = Field(
        SecretStr(""),
        description="The key with which the bridge signs what it tells the guard; the same stands in homeserver.yaml."
        " Empty where the guard is not installed.",
    )
    tell_refusals: int = Field(
        20,
        ge=0,
        description="How often somebody must be refused within ten minutes for the firm admins to be told in their room"
        " (once a day for each person); 0 for never. All refusals are in the audit log.",
    )


class DriftSettings(_Section):
    """The full check of every room for what somebody changed behind the bridge's back (O3)."""

    check_time: TimeOfDay = Field(
        "03:00", description="When the day's check begins, as hours and minutes in the firm's time zone."
    )
    rooms_per_second: float = Field(10.0, gt=0, le=1000, description="How many rooms it looks at in a second, at most.")

    @property
    def check_at(self) -> time:
        """The time of day at which the check begins."""
        return time.fromisoformat(self.check_time)


class CareSettings(_Section):
    """What the bridge looks after by itself."""

    archive_empty_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days after which a channel that nobody is in is archived, with a notice in it and to whoever made"
        " it; 0 for never.",
    )
    digest: bool = Field(
        False,
        description="Whether staff get a message from the bot in the morning that lists the matters in which they have"
        " unread messages. Each person may do without: `!digest off`.",
    )
    digest_time: TimeOfDay = Field(
        "08:00",
        description="When the digest is sent, from Monday to Friday, as hours and minutes in the firm's time zone.",
    )

    @property
    def digest_at(self) -> time:
        """The time of day at which the digest is sent."""
        return time.fromisoformat(self.digest_time)


class PinSettings(_Section):
    """Pinned messages."""

    who: Literal["participants", "firm_admins"] = Field(
        "participants",
        description="Who pins and unpins in matter conversations and channels: everybody who is in them, or the firm"
        " admins among them. In direct conversations it is always everybody.",
    )
    announce: bool = Field(
        False, description="Whether the bot says in a matter conversation or channel that somebody pinned a message."
    )


def _file_type(given: Any) -> str:
    text = str(given).strip().casefold().removeprefix(".")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_+-]{0,20}|[a-z]+/([a-z0-9][a-z0-9.+_-]*|\*)", text):
        raise PydanticCustomError("file_type", "It must be the end of a name, such as pdf, or a media type, as video/*")
    return text


FileType = Annotated[str, BeforeValidator(_file_type)]


class FileRuleSettings(_Section):
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


class FilingSettings(_Section):
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


class TranscriptSettings(_Section):
    """Transcripts of matter conversations."""

    nightly: bool = Field(
        True,
        description="Whether the transcripts of closed matters are stored in the filing cabinet at night. Without a"
        " filing cabinet (filing.mode) none is.",
    )


class PanelSettings(_Section):
    """The panel: conversations, files and people in a browser (P1)."""

    url: str = Field(
        "",
        description="The address at which staff open the panel, such as https://panel.example.com; empty for no panel."
        " Browsers keep its sessions only where it begins with https:// or is on localhost.",
    )
    listen_host: str = Field("127.0.0.1", description="The address the panel listens on.")
    listen_port: Port = Field(9010, description="The port the panel listens on.")
    client: str = Field(
        "https://matrix.to/#/",
        description="What stands before a room's id in links that open it in the firm's client, such as"
        " https://chat.example.com/#/room/.",
    )
    widget: tuple[str, ...] = Field(
        (),
        description="The addresses of the firm's clients, such as https://chat.example.com, that show the panel's page"
        " of a conversation beside its messages, as a widget. Empty for no widgets.",
    )

    @field_validator("widget")
    @classmethod
    def _are_origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            if not _ORIGIN.fullmatch(one):
                raise PydanticCustomError(
                    "origin",
                    "'{one}' is no address of a client. Write it with https:// and without anything behind the name,"
                    " such as https://chat.example.com",
                    {"one": one},
                )
        return given


class SignOnSettings(_Section):
    """The firm's single sign-on (OpenID Connect), as a second way into the panel beside the bot's link (P4)."""

    issuer: str = Field(
        "",
        description="The provider's issuer, exactly as it writes it, such as"
        " https://login.microsoftonline.com/TENANT/v2.0; empty for no single sign-on.",
    )
    name: Name = Field("your firm account", description="What staff call it, behind *Sign in with*.")
    client_id: str = Field("", description="The id that the provider gave the panel.")
    client_secret_file: str = Field(
        "",
        description="A file with the secret that the provider gave the panel, which only the bridge's user may read;"
        " empty where it gave none. It is read at each sign-in, so a new secret needs no restart.",
    )
    scopes: tuple[str, ...] = Field(("openid", "email"), description="What the provider is asked for.")
    claim: Name = Field(
        "email",
        description="By what the provider names a person: email is their e-mail address in the directory, which the"
        " provider must have verified (email_verified); anything else, such as sub or oid, is their subject in"
        " external_ids there.",
    )
    directory_provider: str = Field(
        "",
        description="The provider's id in external_ids of the directory. Needed where claim is not email.",
    )


class WebhookSettings(_Section):
    """Webhooks: where systems may have themselves told what happens (A3)."""

    allowed_networks: tuple[Network, ...] = Field(
        (),
        description="Private networks that webhooks may go to, such as 10.0.3.0/24, also without https://. Empty: only"
        " to public addresses, with https://.",
    )


class LogSettings(_Section):
    """What the bridge writes about its work. Message bodies and secrets never are."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least severe level written.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or JSON lines for a collector.")


class Settings(BaseSettings):
    """All settings, one section each."""

    model_config = SettingsConfigDict(
        env_prefix="FIRM_BRIDGE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    homeserver: HomeserverSettings = HomeserverSettings()
    appservice: AppserviceSettings = AppserviceSettings()
    firm: FirmSettings = FirmSettings()
    accounts: AccountSettings = AccountSettings()
    directory: DirectorySettings = DirectorySettings()
    scim: ScimSettings = ScimSettings()
    smokeball: SmokeballSettings = SmokeballSettings()
    database: DatabaseSettings = DatabaseSettings()
    backup: BackupSettings = BackupSettings()
    security: SecuritySettings = SecuritySettings()
    guard: GuardSettings = GuardSettings()
    care: CareSettings = CareSettings()
    pins: PinSettings = PinSettings()
    file_rules: FileRuleSettings = FileRuleSettings()
    filing: FilingSettings = FilingSettings()
    transcripts: TranscriptSettings = TranscriptSettings()
    drift: DriftSettings = DriftSettings()
    panel: PanelSettings = PanelSettings()
    sign_on: SignOnSettings = SignOnSettings()
    webhooks: WebhookSettings = WebhookSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then what the file gives."""
        return env_settings, init_settings

    @property
    def bot_id(self) -> str:
        """The bot's Matrix id."""
        return f"@{self.appservice.bot_localpart}:{self.homeserver.server_name}"

    @property
    def sender_id(self) -> str:
        """The Matrix id of the application service's own user."""
        return f"@{self.appservice.sender_localpart}:{self.homeserver.server_name}"

    @property
    def checker_id(self) -> str:
        """The Matrix id of the account as which `firm-bridge check` tries what the homeserver refuses."""
        return f"@{self.appservice.sender_localpart}_check:{self.homeserver.server_name}"

    @property
    def sign_on_back(self) -> str:
        """Where people come back to from the firm's single sign-on; the provider must know it."""
        return f"{self.panel.url.rstrip('/')}/sign-on/back"

    @property
    def guarded(self) -> bool:
        """Whether the guard is installed."""
        return bool(self.guard.key.get_secret_value())
