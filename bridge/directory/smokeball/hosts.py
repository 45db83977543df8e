"""Where Smokeball's API and its signing in are, by region (Smokeball's documentation, Base URLs)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.directory.sources.tokens import OAuthClient
from bridge.settings import SmokeballSettings


@dataclass(frozen=True, slots=True)
class Hosts:
    """The two addresses of a region."""

    api: str
    auth: str


REGIONS = {
    "us": Hosts("https://api.smokeball.com", "https://auth.smokeball.com"),
    "au": Hosts("https://api.smokeball.com.au", "https://auth.smokeball.com.au"),
    "uk": Hosts("https://api.smokeball.co.uk", "https://auth.smokeball.co.uk"),
    "test": Hosts("https://stagingapi.smokeball.com", "https://datastaging-auth.smokeball.com"),
}


def hosts_of(settings: SmokeballSettings) -> Hosts:
    """The addresses to ask; the API's with the account in it where the bridge signs in by itself."""
    region = REGIONS[settings.region]
    api = (settings.api_url or region.api).rstrip("/")
    if settings.account_id:
        api = f"{api}/{settings.account_id}"
    return Hosts(api, (settings.auth_url or region.auth).rstrip("/"))


def client_of(settings: SmokeballSettings) -> OAuthClient:
    """The bridge as Smokeball's client."""
    auth = hosts_of(settings).auth
    return OAuthClient(
        "smokeball",
        f"{auth}/oauth2/authorize",
        f"{auth}/oauth2/token",
        f"http://localhost:{settings.connect_port}/smokeball",
        settings.connect_port,
        settings.client_id,
        settings.client_secret.get_secret_value(),
        Path(settings.key_file),
        by_itself=bool(settings.account_id),
        basic=True,
        pkce=True,
    )
