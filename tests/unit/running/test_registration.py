"""The registration, as the homeserver reads it."""

from __future__ import annotations

import re

import yaml

from bridge.registration import registration, registration_yaml
from bridge.settings import AppserviceSettings, HomeserverSettings, Settings


def settings(server_name: str = "firm.example") -> Settings:
    return Settings(
        homeserver=HomeserverSettings(server_name=server_name),
        appservice=AppserviceSettings.model_validate({"as_token": "a" * 32, "hs_token": "b" * 32}),
    )


def test_tokens_url_and_sender() -> None:
    made = registration(settings())
    assert (made["as_token"], made["hs_token"]) == ("a" * 32, "b" * 32)
    assert made["url"] == "http://127.0.0.1:9009"
    assert made["sender_localpart"] == "_firm_bridge"


def test_users_are_shared_and_addresses_are_the_bridges_own() -> None:
    (users,) = registration(settings())["namespaces"]["users"]
    (aliases,) = registration(settings())["namespaces"]["aliases"]
    assert (users["exclusive"], aliases["exclusive"]) == (False, True)
    assert re.match(users["regex"], "@anna.lee:firm.example")
    assert re.match(aliases["regex"], "#court-filings:firm.example")


def test_F1_other_servers_are_outside_the_namespaces() -> None:
    (users,) = registration(settings())["namespaces"]["users"]
    for stranger in ("@anna:firmXexample", "@anna:firm.example.org", "@anna:other.org", "@anna:firm.example:8448"):
        assert not re.match(users["regex"], stranger)


def test_the_bridge_is_not_limited_and_hears_what_people_read() -> None:
    made = registration(settings())
    assert made["rate_limited"] is False
    assert made["receive_ephemeral"] is True
    # Its name in a draft (MSC2409) would bring what devices send each other as well.
    assert "de.sorunome.msc2409.push_ephemeral" not in made


def test_the_file_is_the_registration() -> None:
    assert yaml.safe_load(registration_yaml(settings())) == registration(settings())
