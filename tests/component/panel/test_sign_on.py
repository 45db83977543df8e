"""Signing in to the panel by the firm's single sign-on: whom it lets in, and who else would like to be (P4)."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import AsyncIterator, Callable
from copy import copy
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from oidc_provider_mock import User, run_server_in_thread
from yarl import URL

from bridge.check.finding import Verdict
from bridge.check.sign_on import sign_on_findings
from bridge.oidc.provider import AT_ONCE
from bridge.settings import SignOnSettings
from bridge.store.engine.unit import ReadUnit
from bridge.store.models import PanelSession, SignOnUsed
from bridge.web.panel.safety import COOKIE
from bridge.web.panel.sign_on import COOKIE as ATTEMPT
from bridge.web.panel.sign_on import own_address
from tests.component.panel.panel_firm import Browser, Panel, nobody
from tests.component.small_firm import DIRECTORY, write_directory
from tests.fakes.provider import CLIENT, SECRET, FakeProvider, fake_provider, key


class Door:
    """A browser at the panel's second door."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.cookies: dict[str, str] = {}

    async def get(self, address: str) -> tuple[int, str, str]:
        """Status, text and where it leads, with the cookies that are kept."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        async with self.panel.client.get(URL(address, encoded=True), headers=sent, allow_redirects=False) as answer:
            for line in answer.headers.getall("Set-Cookie", []):
                for name, morsel in SimpleCookie(line).items():
                    assert (morsel["secure"], morsel["httponly"], morsel["path"], morsel["domain"]) == (
                        True,
                        True,
                        "/",
                        "",
                    )
                    assert morsel["samesite"] == "Lax"
                    self.cookies[name] = morsel.value
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def begin(self, to: str = "") -> str:
        """Begin to sign in; where at the provider it leads."""
        status, _, address = await self.get(f"/sign-on{to}")
        assert status == 303
        return address

    async def at_provider(self, address: str) -> str:
        """Sign in there; the way back to the panel."""
        async with aiohttp.ClientSession() as session, session.get(address, allow_redirects=False) as answer:
            parts = urlsplit(answer.headers["Location"])
        assert f"{parts.scheme}://{parts.netloc}" == "https://panel.example"
        return f"{parts.path}?{parts.query}"

    async def sign_in(self, to: str = "") -> tuple[int, str, str]:
        """All of it; what the panel says at the end."""
        return await self.get(await self.at_provider(await self.begin(to)))

    @property
    def browser(self) -> Browser:
        return Browser(self.panel, self.cookies.get(COOKIE, ""))


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as found:
        yield found


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    return str(file)


@pytest.fixture
async def door(panel: Panel, provider: FakeProvider, secret: str) -> Door:
    await lead_to(panel, provider.issuer, secret)
    return Door(panel)


async def lead_to(panel: Panel, issuer: str, secret: str, **changed: Any) -> None:
    settings = SignOnSettings(issuer=issuer, client_id=CLIENT, client_secret_file=secret, name="Contoso", **changed)
    await panel.restart(sign_on=settings)


async def sessions(panel: Panel) -> int:
    def count(unit: ReadUnit) -> int:
        return len(list(unit.tuples(PanelSession.select())))

    return await panel.firm.service.store.read(count)


async def test_P4_a_real_provider_signs_in_whom_the_directory_knows(panel: Panel, secret: str) -> None:
    known = User(sub="ruth", claims={"email": "Ruth@firm.example", "email_verified": True})
    with run_server_in_thread(user_claims=[known, User(sub="eve", claims={"email": "eve@x.example"})]) as server:
        await lead_to(panel, f"http://localhost:{server.server_port}", secret)
        door = Door(panel)
        for who, status in (("ruth", 303), ("eve", 403)):
            address = await door.begin("?to=/channels")
            async with (
                aiohttp.ClientSession() as session,
                session.post(address, data={"sub": who}, allow_redirects=False) as answer,
            ):
                parts = urlsplit(answer.headers["Location"])
            assert (await door.get(f"{parts.path}?{parts.query}"))[0] == status
        assert (await door.browser.get("/channels"))[0] == 200


async def test_P4_a_session_is_as_that_of_a_link(door: Door) -> None:
    status, _, where = await door.sign_in("?to=/matter/m1%3Ffrom%3D1")
    assert (status, where) == (303, "/matter/m1?from=1")
    assert door.cookies[ATTEMPT] == ""
    assert "Ruth Adeyemi" in (await door.browser.get("/"))[1]
    assert "1. since" in await door.panel.firm.ask("ruth", "!panel sessions")
    assert "one browser" in await door.panel.firm.ask("ruth", "!panel end")
    assert (await door.browser.get("/"))[0] == 401


async def test_P4_F2_a_leavers_session_ends_and_begins_no_more(door: Door, provider: FakeProvider) -> None:
    provider.person["email"] = "tom@firm.example"
    assert (await door.sign_in())[0] == 303
    await door.panel.firm.ask("ruth", "!staff leave @tom")
    assert (await door.browser.get("/"))[0] == 401
    status, text, _ = await door.sign_in()
    assert (status, "nobody who works here" in text) == (403, True)
    assert await sessions(door.panel) == 0


async def test_P4_whom_the_directory_does_not_know_hears_the_same_as_a_leaver(
    door: Door, provider: FakeProvider
) -> None:
    await door.panel.firm.ask("ruth", "!staff leave @tom")
    said = set()
    for email in ("tom@firm.example", "nobody@firm.example", "", "ruth@firm.example.evil.example", "RUTH"):
        provider.person["email"] = email
        said.add((await door.sign_in())[:2])
    assert {status for status, _ in said} == {403}
    assert len(said) == 1


async def test_P4_an_address_is_exact(door: Door, provider: FakeProvider) -> None:
    for email in ("ruth@firm.example\0", " ruth@firm.example", "ru\u0442h@firm.example", ["ruth@firm.example"], 7):
        provider.person["email"] = email
        assert (await door.sign_in())[0] == 403, email
    # Letters that are other letters' capitals, outside of ASCII.
    staff = [{**one, "email": "kate@firm.example"} if one["id"] == "tom" else one for one in DIRECTORY["staff"]]
    write_directory(str(door.panel.firm.service.settings.directory.path), staff=staff)
    await door.panel.firm.service.directory.refresh()
    provider.person["email"] = "\N{KELVIN SIGN}ate@firm.example"
    assert (await door.sign_in())[0] == 403
    provider.person["email"] = "Kate@firm.example"
    assert (await door.sign_in())[0] == 303


async def test_P4_an_address_must_be_verified(door: Door, provider: FakeProvider) -> None:
    for verified in (False, None, "true", 1):
        provider.person["email_verified"] = verified
        status, text, _ = await door.sign_in()
        assert (status, "not verified" in text) == (403, True), verified


async def test_P4_somebody_is_named_by_the_id_that_the_directory_has(
    panel: Panel, provider: FakeProvider, secret: str
) -> None:
    staff = [{**one, "external_ids": [{"oidc-entra": one["id"]}, {"other": "x"}]} for one in DIRECTORY["staff"]]
    write_directory(str(panel.firm.service.settings.directory.path), staff=staff)
    await panel.firm.service.directory.refresh()
    await lead_to(panel, provider.issuer, secret, claim="oid", directory_provider="oidc-entra")
    door = Door(panel)
    for subject, status in (("ruth", 303), ("x", 403), ("", 403), ("Ruth", 403)):
        provider.person["oid"] = subject
        assert (await door.sign_in())[0] == status, subject
    # As often as there are people, it is nobody.
    await lead_to(panel, provider.issuer, secret, claim="oid", directory_provider="other")
    provider.person["oid"] = "x"
    assert (await door.sign_in())[0] == 403


async def test_P4_what_a_thin_token_lacks_is_asked_for(door: Door, provider: FakeProvider) -> None:
    provider.forged = {"email": None, "email_verified": None}
    assert (await door.sign_in())[0] == 303
    # An address of the one and its proof of the other prove nothing together.
    provider.forged = {"email": "tom@firm.example", "email_verified": None}
    provider.userinfo = {"sub": "r-1", "email_verified": True}
    assert (await door.sign_in())[0] == 403
    provider.forged, provider.userinfo = {"email": None}, {**provider.person, "sub": "somebody else"}
    assert (await door.sign_in())[0] == 403


NOW = int(time.time())
FORGED: dict[str, Callable[[FakeProvider], object]] = {
    "another issuer": lambda one: one.forged.update(iss="https://evil.example"),
    "another program": lambda one: one.forged.update(aud="mail"),
    "another program too": lambda one: one.forged.update(aud=[CLIENT, "mail"]),
    "no program": lambda one: one.forged.update(aud=None),
    "given to another": lambda one: one.forged.update(azp="mail"),
    "another attempt": lambda one: one.forged.update(nonce="another"),
    "no attempt": lambda one: one.forged.update(nonce=None),
    "an attempt that is no text": lambda one: one.forged.update(nonce=[1]),
    "over": lambda one: one.forged.update(exp=NOW - 120),
    "never over": lambda one: one.forged.update(exp=None),
    "over at no time": lambda one: one.forged.update(exp="soon"),
    "of a time to come": lambda one: one.forged.update(iat=NOW + 3600),
    "not yet": lambda one: one.forged.update(nbf=NOW + 3600),
    "of long ago": lambda one: one.forged.update(iat=NOW - 86_400),
    "nobody": lambda one: one.forged.update(sub=None),
    "signed by another": lambda one: one.shown.append(RSAKey.generate_key(2048, {"kid": "first"})),
    "with a key not shown": lambda one: one.shown.append(key("second")),
    "unsigned": lambda one: setattr(one, "unsigned", lambda token: resigned(token, "none", b"")),
    "with the public key as a secret": lambda one: setattr(
        one, "unsigned", lambda token: resigned(token, "HS256", key("first").as_pem(private=False))
    ),
    "with the client's secret": lambda one: setattr(
        one, "unsigned", lambda token: resigned(token, "HS256", SECRET.encode())
    ),
    "without its signature": lambda one: setattr(one, "unsigned", lambda token: token.rpartition(".")[0] + "."),
    "with another's words": lambda one: setattr(one, "unsigned", lambda token: token.replace(".", ".x", 1)),
    "no token": lambda one: setattr(one, "unsigned", lambda token: "a.b"),
    "with a shared key": lambda one: vars(one).update(
        shown=[OctKey.import_key("k" * 32, {"kid": "first"}), key("other")],
        unsigned=lambda token: resigned(token, "HS256", b"k" * 32),
    ),
    "with a header to mind": lambda one: one.header.update(crit=["b64"], b64=False),
}


def resigned(token: str, algorithm: str, secret: bytes) -> str:
    """A token with the same words, signed in another way."""
    header = base64.urlsafe_b64encode(orjson.dumps({"alg": algorithm, "kid": "first"})).decode().rstrip("=")
    words = f"{header}.{token.split('.')[1]}"
    signature = hmac.digest(secret, words.encode(), "sha256") if secret else b""
    return f"{words}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_P4_a_forged_token_signs_in_nobody(door: Door, provider: FakeProvider) -> None:
    kept = {name: copy(value) for name, value in vars(provider).items()}
    for how, forge in FORGED.items():
        vars(provider).update({name: copy(value) for name, value in kept.items()})
        forge(provider)
        status, text, _ = await door.sign_in()
        assert (status, "did not prove who you are" in text) == (403, True), how
        assert "Sign in with Contoso" in text
        assert not door.cookies.get(COOKIE), how
    assert await sessions(door.panel) == 0
    vars(provider).update(kept)
    assert (await door.sign_in())[0] == 303


async def test_P4_keys_may_change_at_any_time(door: Door, provider: FakeProvider) -> None:
    assert (await door.sign_in())[0] == 303
    provider.signing = key("second")
    assert (await door.sign_in())[0] == 303
    # Of a kind that is not known here, and for encrypting: they are left out.
    provider.shown = [provider.signing, ECKey.generate_key("P-256", {"kid": "e", "use": "enc"})]
    assert (await door.sign_in())[0] == 303
    provider.shown = [key("third")]
    assert (await door.sign_in())[0] == 403


async def test_P4_a_way_back_works_once_and_in_one_browser(door: Door, provider: FakeProvider) -> None:
    provider.takes_codes_twice = True
    back = await door.at_provider(await door.begin())
    kept, other = dict(door.cookies), Door(door.panel)
    # Whoever is led there would be signed in as somebody else.
    status, text, _ = await other.get(back)
    assert (status, "not begun in this browser" in text) == (400, True)
    await other.begin()
    assert (await other.get(back))[0] == 400
    assert (await door.get(back))[0] == 303
    # The cookie is gone; where somebody kept it, the attempt has been used.
    assert (await door.get(back))[0] == 400
    other.cookies = {ATTEMPT: kept[ATTEMPT]}
    status, text, _ = await other.get(back)
    assert (status, "used already" in text) == (403, True)
    assert await sessions(door.panel) == 1


async def test_P4_who_comes_back_while_too_many_do_may_come_again(
    door: Door, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = await door.at_provider(await door.begin())
    with monkeypatch.context() as crowded:
        crowded.setattr("bridge.oidc.provider.WAITING_MOST", -AT_ONCE)
        provider.asked.clear()
        status, text, _ = await door.get(back)
        assert (status, "load this page again" in text, provider.asked) == (429, True, [])
    assert (await door.get(back))[0] == 303


async def test_P4_a_code_of_another_attempt_signs_in_nobody(door: Door) -> None:
    theirs, mine = Door(door.panel), await door.at_provider(await door.begin())
    stolen = URL(mine, encoded=True).query["code"]
    back = URL(await theirs.at_provider(await theirs.begin()), encoded=True).update_query(code=stolen)
    assert (await theirs.get(str(back)))[0] == 403


async def test_P4_a_way_back_that_is_none_signs_in_nobody(door: Door) -> None:
    own = "state={state}"
    for query in ("", "code=x", "state=x", "code=x&state=", own, f"code=a&code=b&{own}", f"code=x&{own}&{own}"):
        state = URL(await door.begin()).query["state"]
        status, text, _ = await door.get(f"/sign-on/back?{query.replace('{state}', state)}")
        assert (status in {400, 403}, "Sign in with Contoso" in text) == (True, True), query
    state = URL(await door.begin()).query["state"]
    assert (await door.get(f"/sign-on/back?error=access_denied&code=x&state={state}"))[0] == 403


async def test_P4_an_attempt_ends(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    back = await door.at_provider(await door.begin())
    later = int(time.time() * 1000) + 601_000
    monkeypatch.setattr("bridge.web.panel.sign_on.now_ms", lambda: later)
    assert (await door.get(back))[0] == 400


async def test_P4_an_answer_of_another_provider_is_none_of_this_one(door: Door, provider: FakeProvider) -> None:
    provider.more = {"iss": "https://evil.example"}
    assert (await door.sign_in())[0] == 403
    assert "/token" not in provider.asked, "the other one's code is given to nobody"
    provider.more = {"iss": provider.issuer}
    assert (await door.sign_in())[0] == 303


async def test_P4_a_provider_that_names_itself_must(panel: Panel, provider: FakeProvider, secret: str) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    await lead_to(panel, provider.issuer, secret)
    door = Door(panel)
    assert (await door.sign_in())[0] == 403
    provider.more = {"iss": provider.issuer}
    assert (await door.sign_in())[0] == 303


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil.example",
        "/x\nSet-Cookie:a=b",
        "/" + "x" * 2000,
        "",
    ],
)
def test_P4_nobody_is_led_out_of_the_panel(to: str) -> None:
    assert own_address(to) == "/"


def test_P4_pages_of_the_panel_are_its_own() -> None:
    for to in ("/", "/matter/m1?from=200", "/search?q=a%20b", "/conversation/channel-1/about"):
        assert own_address(to) == to


async def test_P4_a_provider_that_is_not_what_was_configured_is_not_used(
    panel: Panel, provider: FakeProvider, secret: str
) -> None:
    wrongs: list[dict[str, Any]] = [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": None},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ]
    await lead_to(panel, provider.issuer, secret)
    for provider.metadata in wrongs:
        status, text, _ = await Door(panel).get("/sign-on")
        assert (status, "!panel" in text) == (503, True)
        assert panel.firm.bridge.health()["sign_on"]


async def test_P4_while_the_provider_is_down_the_link_works(panel: Panel, provider: FakeProvider, secret: str) -> None:
    provider.down = True
    await lead_to(panel, provider.issuer, secret)
    door = Door(panel)
    status, text, _ = await door.get("/sign-on")
    assert (status, "type !panel in your chat" in text) == (503, True)
    assert (await (await panel.enter("ruth")).get("/"))[0] == 200
    assert "sign_on" in panel.firm.bridge.health()
    provider.down = False
    assert (await door.sign_in())[0] == 303
    assert panel.firm.bridge.health()["sign_on"] == ""
    # Gone while somebody was there.
    back = await door.at_provider(await door.begin())
    provider.down = True
    assert (await door.get(back))[0] == 503
    sign_on = panel.firm.bridge.sign_on
    assert sign_on is not None
    await sign_on.look()
    assert "does not answer" in sign_on.trouble or "refused" in sign_on.trouble
    provider.down = False
    await sign_on.look()
    assert sign_on.trouble == ""


async def test_P4_a_secret_that_cannot_be_read_or_is_wrong_is_said(
    panel: Panel, provider: FakeProvider, tmp_path: Path
) -> None:
    empty, wrong = tmp_path / "empty", tmp_path / "wrong"
    empty.touch()
    wrong.write_text("another", encoding="utf-8")
    for file in (tmp_path / "none", empty, wrong):
        await lead_to(panel, provider.issuer, str(file))
        assert (await Door(panel).sign_in())[0] == 503
        assert panel.firm.bridge.health()["sign_on"]


def let_read(file: str, mode: int) -> None:
    Path(file).chmod(mode)


async def test_P4_the_doctor_looks_at_the_provider_and_the_directory(
    panel: Panel, provider: FakeProvider, secret: str
) -> None:
    async def found() -> dict[Verdict, list[str]]:
        given: dict[Verdict, list[str]] = {}
        settings = panel.firm.service.settings
        async for one in sign_on_findings(settings, panel.firm.service.firm):
            given.setdefault(one.state, []).append(one.what)
        return given

    assert await found() == {}
    await lead_to(panel, provider.issuer, secret)
    let_read(secret, 0o600)
    said = await found()
    assert "https://panel.example/sign-on/back" in said.pop(Verdict.OK)[0]
    assert said == {}
    let_read(secret, 0o644)
    provider.metadata = {"code_challenge_methods_supported": ["plain"]}
    await lead_to(panel, provider.issuer, secret, claim="oid", directory_provider="oidc-entra")
    warned = " ".join((await found())[Verdict.WARNING])
    for word in ("PKCE", "mode 0644", "4 of 4 active staff have no external id of oidc-entra"):
        assert word in warned
    provider.down = True
    assert list(await found()) == [Verdict.MISSING]
    await lead_to(panel, provider.issuer, f"{secret}.none")
    provider.down = False
    assert list(await found()) == [Verdict.MISSING]


async def test_P4_whoever_is_not_signed_in_is_shown_the_door_and_comes_back(door: Door) -> None:
    status, text = await nobody(door.panel).get("/matter/m1?from=200")
    assert status == 401
    assert 'href="/sign-on?to=%2Fmatter%2Fm1%3Ffrom%3D200">Sign in with Contoso' in text
    assert "Contoso" in (await nobody(door.panel).get("/in/none"))[1]
    assert (await door.sign_in())[0] == 303
    assert await door.browser.post("/out", []) == 200
    assert (await door.browser.get("/"))[0] == 401


async def test_P4_signing_out_names_the_way_out_of_the_provider_too(door: Door, provider: FakeProvider) -> None:
    await door.sign_in()
    browser = door.browser
    assert await browser.post("/out", []) == 200
    assert (
        f"{provider.issuer}/bye?client_id={CLIENT}&amp;post_logout_redirect_uri=https%3A%2F%2Fpanel.example"
        in browser.text
    )


async def test_P4_without_single_sign_on_there_is_no_such_door(panel: Panel) -> None:
    for address in ("/sign-on", "/sign-on/back?code=x&state=y"):
        assert (await nobody(panel).get(address))[0] == 404
    assert "Sign in with" not in (await nobody(panel).get("/"))[1]
    assert "sign_on" not in panel.firm.bridge.health()


async def test_P4_nothing_of_an_attempt_can_be_read_in_the_browser_or_the_database(door: Door) -> None:
    address = URL(await door.begin())
    kept = door.cookies[ATTEMPT]
    assert address.query["nonce"] not in kept
    # A cookie that somebody changed is none.
    back = await door.at_provider(str(address))
    door.cookies[ATTEMPT] = kept[:-2] + ("AA" if kept[-2:] != "AA" else "BB")
    assert (await door.get(back))[0] == 400
    door.cookies[ATTEMPT] = kept
    assert (await door.get(back))[0] == 303

    def stored(unit: ReadUnit) -> str:
        return str([*unit.tuples(SignOnUsed.select()), *unit.tuples(PanelSession.select())])

    text = await door.panel.firm.service.store.read(stored)
    assert "ruth" in text
    assert address.query["nonce"] not in text
    assert door.cookies[COOKIE] not in text
