"""Whether people can sign in to the panel by the firm's single sign-on."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from bridge.check.finding import Finding, Verdict
from bridge.firm.model import Firm
from bridge.oidc.errors import ProviderError
from bridge.oidc.provider import Provider, client_secret
from bridge.settings import Settings, SignOnSettings

_NAME = "single sign-on"
_HOW = "docs/admin-guide.md, Single sign-on"


async def sign_on_findings(settings: Settings, firm: Firm | None) -> AsyncIterator[Finding]:
    """The provider, the secret, and whom the directory would let in; nothing where there is no single sign-on."""
    wanted = settings.sign_on
    if not wanted.issuer:
        return
    provider = Provider(wanted, settings.sign_on_back)
    try:
        await provider.look()
        described = await provider.metadata()
        client_secret(wanted)
    except ProviderError as error:
        yield Finding(_NAME, Verdict.MISSING, str(error), f"Compare the section sign_on with the provider ({_HOW}).")
        return
    if provider.trouble:
        yield Finding(_NAME, Verdict.MISSING, provider.trouble, f"Look at the provider ({_HOW}).")
        return
    what = f"{wanted.issuer} answers and shows its keys. It must know {provider.redirect_uri} as the way back."
    yield Finding(_NAME, Verdict.OK, what)
    if described.pkce is False:
        what = "The provider does not say that it knows PKCE with S256, so a code that is stolen may be of use."
        yield Finding(_NAME, Verdict.WARNING, what, "Ask whoever runs it to switch PKCE on for the panel.")
    for finding in (_secret(wanted), *(() if firm is None else _people(wanted, firm))):
        if finding is not None:
            yield finding


def _secret(wanted: SignOnSettings) -> Finding | None:
    """Whether others than its owner may read the secret."""
    file = wanted.client_secret_file
    mode = stat.S_IMODE(Path(file).stat().st_mode) if file else 0
    if not mode & 0o077:
        return None
    what = f"Others than its owner have rights to {file} (mode {mode:04o}), which has the secret of the single sign-on."
    return Finding(_NAME, Verdict.WARNING, what, f"chmod 600 {file}")


def _people(wanted: SignOnSettings, firm: Firm) -> Iterator[Finding]:
    """Who is known in a way by which the provider could name them."""
    people = [firm.staff[one] for one in firm.active_staff]
    if wanted.claim == "email":
        lacking = sum(not one.email for one in people)
        what, remedy = "no e-mail address", "Give them one in the directory."
    else:
        lacking = sum(wanted.directory_provider not in dict(one.external_ids) for one in people)
        what = f"no external id of {wanted.directory_provider}"
        remedy = "Give them one in external_ids, or change sign_on.directory_provider."
    if lacking:
        text = f"{lacking} of {len(people)} active staff have {what} in the directory, and need the bot's link instead."
        yield Finding(_NAME, Verdict.WARNING, text, remedy)
