"""Every setting of the bridge: its type, default, meaning and, for secrets, the example value that is refused.

One YAML file, overridden by environment variables such as FIRM_BRIDGE_HOMESERVER__URL. Descriptions here are the
documentation: the sample file and docs/settings.md are made from them.
"""

from __future__ import annotations

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.settings.directory import ClioSettings, DirectorySettings, ScimSettings, SmokeballSettings
from bridge.settings.files import FileRuleSettings, FilingSettings, TranscriptSettings
from bridge.settings.firm import AccountSettings, CareSettings, DriftSettings, FirmSettings, PinSettings
from bridge.settings.matrix import APPSERVICE_ID, AppserviceSettings, GuardSettings, HomeserverSettings, MasSettings
from bridge.settings.running import BackupSettings, DatabaseSettings, LogSettings, SecuritySettings
from bridge.settings.values import EXAMPLE_SECRET
from bridge.settings.web import PanelSettings, SignOnSettings, WebhookSettings

__all__ = [
    "APPSERVICE_ID",
    "EXAMPLE_SECRET",
    "AccountSettings",
    "AppserviceSettings",
    "BackupSettings",
    "CareSettings",
    "ClioSettings",
    "DatabaseSettings",
    "DirectorySettings",
    "DriftSettings",
    "FileRuleSettings",
    "FilingSettings",
    "FirmSettings",
    "GuardSettings",
    "HomeserverSettings",
    "LogSettings",
    "MasSettings",
    "PanelSettings",
    "PinSettings",
    "ScimSettings",
    "SecuritySettings",
    "Settings",
    "SignOnSettings",
    "SmokeballSettings",
    "TranscriptSettings",
    "WebhookSettings",
]


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
    mas: MasSettings = MasSettings()
    appservice: AppserviceSettings = AppserviceSettings()
    firm: FirmSettings = FirmSettings()
    accounts: AccountSettings = AccountSettings()
    directory: DirectorySettings = DirectorySettings()
    scim: ScimSettings = ScimSettings()
    smokeball: SmokeballSettings = SmokeballSettings()
    clio: ClioSettings = ClioSettings()
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
    def secret_files(self) -> dict[str, str]:
        """The files with secrets that settings name, by section.key: all that are called …_file, and not empty."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"{name}.{key}": getattr(section, key)
            for name, section in sections.items()
            for key in type(section).model_fields
            if key.endswith("_file") and getattr(section, key)
        }

    @property
    def guarded(self) -> bool:
        """Whether the guard is installed."""
        return bool(self.guard.key.get_secret_value())
