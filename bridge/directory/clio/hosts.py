"""Where Clio Manage's API and its signing in are, by region (Clio's documentation, Regions)."""

from __future__ import annotations

from pathlib import Path

from bridge.directory.sources.tokens import OAuthClient
from bridge.settings import ClioSettings

REGIONS = {
    "us": "https://app.clio.com",
    "ca": "https://ca.app.clio.com",
    "eu": "https://eu.app.clio.com",
    "au": "https://au.app.clio.com",
}


def host_of(settings: ClioSettings) -> str:
    """The address of everything that is asked."""
    return (settings.url or REGIONS[settings.region]).rstrip("/")


def client_of(settings: ClioSettings) -> OAuthClient:
    """The bridge as Clio's client."""
    host = host_of(settings)
    return OAuthClient(
        "clio",
        f"{host}/oauth/authorize",
        f"{host}/oauth/token",
        f"http://127.0.0.1:{settings.connect_port}/clio",
        settings.connect_port,
        settings.client_id,
        settings.client_secret.get_secret_value(),
        Path(settings.key_file),
    )
