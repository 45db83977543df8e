"""Whom an ID token names, once it is known to be the provider's, for this client, and of this attempt. Pure.

OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

from bridge.oidc.errors import NotProvenError, ProviderError

LEEWAY_SECONDS = 60
"""So far the provider's clock may be from this one."""
_OLDEST_SECONDS = 600
"""A token is made for the attempt, so it is this old at most."""
_KEYS_MAX = 100


class UnknownKeyError(NotProvenError):
    """The token is signed with a key that is not among the provider's."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to be."""

    issuer: str
    client_id: str
    nonce: str
    """What was sent with the attempt, and comes back in it alone."""
    algorithms: Collection[str]


def keys_of(body: Mapping[str, Any]) -> KeySet:
    """The keys of a provider's answer that can sign a token, without those of kinds unknown here (RFC 7517, section 5).

    Raises ProviderError where there is none.
    """
    given, keys = body.get("keys"), []
    shown = given[:_KEYS_MAX] if isinstance(given, list) else []
    for one in shown:
        # A shared key could be any client's, and one for encrypting signs nothing.
        if not isinstance(one, dict) or one.get("kty") not in {"RSA", "EC"} or one.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise ProviderError("The provider shows no key with which its tokens could be checked.")
    return KeySet(keys)


def claims_of(token: str, keys: KeySet, expected: Expected, now: float) -> Mapping[str, Any]:
    """What a token says. `now` is in seconds since the epoch. Raises NotProvenError."""
    registry = JWSRegistry(algorithms=list(expected.algorithms), strict_check_header=False)
    try:
        read = jwt.decode(token, keys, algorithms=list(expected.algorithms), registry=registry)
    except InvalidKeyIdError as error:
        raise UnknownKeyError("It is signed with a key that the provider does not show.") from error
    except (JoseError, ValueError, TypeError) as error:
        raise NotProvenError(f"It is not signed by the provider ({type(error).__name__}).") from error
    if wrong := _wrong(read.claims, expected, now):
        raise NotProvenError(wrong)
    return read.claims


def _wrong(claims: Mapping[str, Any], expected: Expected, now: float) -> str:
    """What keeps these claims from counting; empty for nothing."""
    subject, nonce = claims.get("sub"), claims.get("nonce")
    if claims.get("iss") != expected.issuer:
        return "It is another provider's (iss)."
    # For others too would be for nobody in particular: whoever else gets such a token could use it here.
    if claims.get("aud") not in (expected.client_id, [expected.client_id]):
        return "It is for another program (aud)."
    if claims.get("azp", expected.client_id) != expected.client_id:
        return "It was given to another program (azp)."
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode("utf-8", "replace"), expected.nonce.encode()):
        return "It belongs to another attempt (nonce)."
    if not isinstance(subject, str) or not subject:
        return "It names nobody (sub)."
    return _wrong_time(claims, now)


def _wrong_time(claims: Mapping[str, Any], now: float) -> str:
    ends, made, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not _is_number(ends) or not _is_number(made) or not _is_number(begins):
        return "It does not say from when to when it holds (exp, iat, nbf)."
    if ends <= now - LEEWAY_SECONDS:
        return "It is over (exp). Are the clocks of provider and bridge right?"
    if max(made, begins) > now + LEEWAY_SECONDS:
        return "It is of a time to come (iat, nbf). Are the clocks of provider and bridge right?"
    return "It was made too long ago (iat)." if made < now - _OLDEST_SECONDS else ""


def _is_number(value: object) -> TypeGuard[float]:
    # JSON's own NaN and Infinity compare with nothing.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
