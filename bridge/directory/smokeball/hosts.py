"""Where Smokeball's API and its signing in are, by region (Smokeball's documentation, Base URLs)."""

from __future__ import annotations

from dataclasses import dataclass

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
