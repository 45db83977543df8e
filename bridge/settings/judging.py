"""What is wrong with values that are each of the right type: left-over examples, and what does not fit together."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from bridge.directory.fields import KINDS
from bridge.mapping.ids import LOCALPART, TEMPLATE_FIELDS
from bridge.oidc.metadata import may_be_asked
from bridge.settings import EXAMPLE_SECRET, MasSettings, Settings
from bridge.settings.fields import setting_fields, suggest

RANDOM = "Put in a long random value, such as `openssl rand -hex 32` prints."
_AGE_KEY = re.compile(r"age1[02-9ac-hj-np-z]{58}")
"""The age specification, native X25519 recipients (Bech32)."""
_SHORTEST_KEY = 16
_SERVER_NAME = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(:[0-9]{1,5})?")
"""Matrix specification, appendices, server name."""


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One thing to put right in the configuration."""

    key: str
    """The setting, such as appservice.as_token; empty where the whole file is meant."""
    message: str
    """Whole sentences: what is wrong, and what to do."""
    where: str = ""
    """The line of the file, or the environment variable, that the value comes from."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


def judge(settings: Settings) -> Iterator[SettingProblem]:
    """What is wrong with values that are each of the right type: left-over examples, and what does not fit together."""
    yield from _secrets(settings)
    yield from _addresses(settings)
    yield from _names(settings)
    yield from _owners(settings)
    yield from _backup(settings)
    if settings.sign_on.issuer:
        yield from _sign_on(settings)
    if settings.mas.url:
        yield from _mas(settings.mas)


def _secrets(settings: Settings) -> Iterator[SettingProblem]:
    for key in setting_fields():
        section, name = key.split(".")
        value = getattr(getattr(settings, section), name)
        if isinstance(value, SecretStr) and EXAMPLE_SECRET in value.get_secret_value():
            yield SettingProblem(key, f"It is missing or still the example. {RANDOM}")
    key = settings.guard.key.get_secret_value()
    if 0 < len(key) < _SHORTEST_KEY and EXAMPLE_SECRET not in key:
        yield SettingProblem("guard.key", f"It has fewer than {_SHORTEST_KEY} characters. {RANDOM}")
    service = settings.appservice
    if service.as_token == service.hs_token and EXAMPLE_SECRET not in service.as_token.get_secret_value():
        yield SettingProblem("appservice.hs_token", f"It is the same as appservice.as_token. {RANDOM}")


def _addresses(settings: Settings) -> Iterator[SettingProblem]:
    if not _SERVER_NAME.fullmatch(settings.homeserver.server_name):
        shown = repr(settings.homeserver.server_name)
        yield SettingProblem(
            "homeserver.server_name",
            f"{shown} is not a server name. Write what stands after the colon in a Matrix id, without https://.",
        )
    addresses = [("homeserver.url", settings.homeserver.url), ("appservice.url", settings.appservice.url)]
    if settings.panel.url:
        addresses.append(("panel.url", settings.panel.url))
    for key, url in addresses:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            yield SettingProblem(
                key, f"{url!r} is not an address. Write it with http:// or https:// and the host's name."
            )
        elif parts.path.rstrip("/") or parts.query or parts.fragment or parts.username:
            yield SettingProblem(key, f"{url!r} has more than host and port. Leave only those.")
    databases = [("database.url", settings.database.url.get_secret_value())]
    if of_synapse := settings.backup.synapse_database.get_secret_value():
        databases.append(("backup.synapse_database", of_synapse))
    for key, url in databases:
        if not re.match(r"sqlite:///.|postgres(ql)?://.", url):
            yield SettingProblem(
                key,
                "It is not an address of a database. Write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.",
            )


def _backup(settings: Settings) -> Iterator[SettingProblem]:
    given = settings.backup
    for key in given.recipients:
        if not _AGE_KEY.fullmatch(key):
            # Not shown: it may be the secret key, which must not stand here.
            yield SettingProblem(
                "backup.recipients",
                "One is no public key of age. It begins with age1, and `age-keygen` prints it; the secret key, which"
                " begins with AGE-SECRET-KEY, belongs on another machine.",
            )
    if bool(given.folder) != bool(given.recipients):
        missing = "backup.recipients" if given.folder else "backup.folder"
        yield SettingProblem(missing, "It is missing. A backup needs a folder, and a key to be encrypted to.")


def _mas(wanted: MasSettings) -> Iterator[SettingProblem]:
    parts = urlsplit(wanted.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        yield SettingProblem(
            "mas.url", f"{wanted.url!r} is not an address. Write it with http:// or https:// and the host's name."
        )
    if not wanted.client_id:
        yield SettingProblem(
            "mas.client_id", "It is missing. It stands among the clients in the service's configuration."
        )
    if not wanted.client_secret_file:
        yield SettingProblem("mas.client_secret_file", "It is missing. Name a file that has the client's secret.")


def _sign_on(settings: Settings) -> Iterator[SettingProblem]:
    wanted = settings.sign_on
    parts = urlsplit(wanted.issuer)
    if not may_be_asked(wanted.issuer) or parts.query or parts.fragment or parts.username:
        yield SettingProblem(
            "sign_on.issuer",
            f"{wanted.issuer!r} is not an issuer. It begins with https://, and has nothing behind a question mark.",
        )
    if not settings.panel.url:
        yield SettingProblem(
            "panel.url", "It is empty, so there is no panel to sign in to. Give it, or empty sign_on.issuer."
        )
    if not wanted.client_id:
        yield SettingProblem("sign_on.client_id", "It is missing. The provider shows it where the panel is registered.")
    if "openid" not in wanted.scopes:
        yield SettingProblem("sign_on.scopes", "openid is missing, without which nobody is named.")
    if wanted.claim != "email" and not wanted.directory_provider:
        yield SettingProblem(
            "sign_on.directory_provider",
            f"It is missing. Write the provider's id in external_ids of the directory, with which {wanted.claim} is"
            " compared, or take email as sign_on.claim.",
        )


def _names(settings: Settings) -> Iterator[SettingProblem]:
    service = settings.appservice
    for key, localpart in (
        ("appservice.sender_localpart", service.sender_localpart),
        ("appservice.bot_localpart", service.bot_localpart),
    ):
        if not LOCALPART.fullmatch(localpart):
            yield SettingProblem(
                key, f"{localpart!r} cannot be a user's name. Use the letters a to z, digits and . _ = - / +"
            )
    if service.sender_localpart == service.bot_localpart:
        yield SettingProblem(
            "appservice.bot_localpart", "It is the same as appservice.sender_localpart. Name the bot otherwise."
        )
    try:
        ZoneInfo(settings.firm.timezone)
    except (KeyError, ValueError, OSError):
        yield SettingProblem(
            "firm.timezone",
            f"There is no time zone {settings.firm.timezone!r}. Write one such as Europe/London or Australia/Sydney.",
        )
    yield from _template(settings.accounts.localpart_template)


def _owners(settings: Settings) -> Iterator[SettingProblem]:
    """What directory.sources gives to a source that nobody can own, or to two."""
    known = {kind.name for kind in KINDS} | {f"{kind.name}.{each.name}" for kind in KINDS for each in kind.fields}
    owners: dict[str, str] = {}
    for source, owned in settings.directory.sources.items():
        for one in owned:
            key = f"directory.sources.{source}"
            if one not in known:
                yield SettingProblem(key, f"{one!r} is neither a kind of record nor a field.{suggest(one, known)}")
            if owners.setdefault(one, source) != source:
                yield SettingProblem(key, f"{one!r} is owned by {owners[one]} already. Take it out of one of the two.")


def _template(template: str) -> Iterator[SettingProblem]:
    known = ", ".join(f"{{{name}}}" for name in TEMPLATE_FIELDS)
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        yield SettingProblem("accounts.localpart_template", f"{template!r} cannot be read: {error}. Use {known}.")
        return
    for name in used:
        if name not in TEMPLATE_FIELDS:
            yield SettingProblem("accounts.localpart_template", f"{{{name}}} is not known. Use {known}.")
    if not used:
        yield SettingProblem(
            "accounts.localpart_template", f"Everybody would get the same name. Use at least one of {known}."
        )
