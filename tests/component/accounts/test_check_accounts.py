"""What `check` says of who keeps the accounts: both sides must say the same, and MAS must let people do no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.check.accounts import accounts_findings, judge_config, keeper_of
from bridge.check.finding import Finding, Verdict
from bridge.check.http import asker
from bridge.settings import MasSettings, Settings
from tests.component.on_fake import settings_for
from tests.fakes.faults import Answer
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.mas.service import FakeMas

NONE = Answer(404, b'{"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}')
AWAY = Answer(500, b'{"errcode": "M_UNKNOWN", "error": "Internal server error"}')


def of_issuer(issuer: str) -> Answer:
    return Answer(200, orjson.dumps({"issuer": issuer, "account_management_uri": issuer}))


async def found(fake: FakeHomeserver, said: Answer, mas: MasSettings, **settings: Any) -> list[Finding]:
    fake.keep_to_no_script()
    fake.script("GET", "/auth_metadata$", said)
    whole: Settings = settings_for(fake, **settings).model_copy(update={"mas": mas})
    async with asker(fake.url) as asking, keeper_of(whole) as keeper:
        return [one async for one in accounts_findings(asking, whole, keeper)]


async def test_each_disagreement_is_found_with_what_to_do(fake: FakeHomeserver, tmp_path: Path) -> None:
    async with FakeMas(homeserver=fake.url) as mas:
        fake.mas = mas.records
        right, issuer = mas.settings(tmp_path), of_issuer(f"{mas.url}/")
        (own,) = await found(fake, NONE, MasSettings())
        assert own.state is Verdict.OK
        first, *more = await found(fake, issuer, right)
        assert first.state is Verdict.OK and "lets the bridge in" in first.what
        assert {one.state for one in more} == {Verdict.OK}

        for said, settings, words in (
            (issuer, MasSettings(), "the configuration says nothing"),
            (NONE, right, "Synapse keeps the accounts itself"),
            (AWAY, right, "does not say"),
            (of_issuer("https://another.example/"), right, "another.example"),
            (issuer, mas.settings(tmp_path, client_id="another"), "admin_clients"),
            (issuer, mas.settings(tmp_path, url="http://127.0.0.1:1"), "not reached"),
        ):
            (wrong,) = await found(fake, said, settings)
            assert wrong.state is Verdict.MISSING and words in wrong.what and wrong.remedy, words

        mas.records.server_name = "another.example"
        (wrong,) = await found(fake, issuer, right)
        assert "another.example" in wrong.what


@pytest.mark.parametrize(
    "allowed",
    [
        "password_registration_enabled",
        "displayname_change_allowed",
        "email_change_allowed",
        "account_deactivation_allowed",
    ],
)
def test_F1_F2_F3_what_people_could_do_in_mas_is_found(allowed: str) -> None:
    names = [one.name.removeprefix("mas ") for one in judge_config({})]
    config = dict.fromkeys(names, False)
    assert {one.state for one in judge_config(config)} == {Verdict.OK}
    (missing,) = [one for one in judge_config({**config, allowed: True}) if one.state is not Verdict.OK]
    assert missing.state is Verdict.MISSING and f"{allowed}: false" in missing.remedy
