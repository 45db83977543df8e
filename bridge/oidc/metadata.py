"""What a provider says of itself (OpenID Connect Discovery 1.0, section 3). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bridge.oidc.errors import ProviderError

WELL_KNOWN = "/.well-known/openid-configuration"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""With which a token may be signed: all with a key that the provider alone has (RFC 8725, section 3.1)."""
LOOPBACKS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Metadata:
    """A provider's addresses and ways."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    """Empty where it has none."""
    end_session: str
    """Where somebody signs out of it (OpenID Connect RP-Initiated Logout 1.0); empty where it does not say."""
    by_header: bool
    """Whether the client's secret goes into the Authorization header and not the form (RFC 6749, section 2.3.1)."""
    names_itself: bool
    """Whether each answer names the provider (RFC 9207)."""
    pkce: bool | None
    """Whether it says that it knows S256 (RFC 7636); None where it does not say."""
    algorithms: tuple[str, ...]


def may_be_asked(url: str) -> bool:
    """Whether an address is encrypted, or on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACKS)
    )


def metadata_of(body: Mapping[str, Any], issuer: str) -> Metadata:
    """What a provider's answer means. Raises ProviderError where it is another's, or has not what is needed."""
    if body.get("issuer") != issuer:
        raise ProviderError(
            "What answers at sign_on.issuer calls itself otherwise. Write sign_on.issuer exactly as the provider does,"
            " with the firm's own tenant in it, and with or without a slash at the end."
        )
    supported = _texts(body, "id_token_signing_alg_values_supported") or ("RS256",)
    algorithms = tuple(one for one in ALGORITHMS if one in supported)
    if not algorithms:
        raise ProviderError("The provider signs its tokens in no way that the bridge takes. Choose RS256 there.")
    methods = _texts(body, "token_endpoint_auth_methods_supported")
    challenges = _texts(body, "code_challenge_methods_supported")
    return Metadata(
        _address(body, "authorization_endpoint"),
        _address(body, "token_endpoint"),
        _address(body, "jwks_uri"),
        _address(body, "userinfo_endpoint", needed=False),
        _address(body, "end_session_endpoint", needed=False),
        by_header=not methods or "client_secret_basic" in methods,
        names_itself=body.get("authorization_response_iss_parameter_supported") is True,
        pkce="S256" in challenges if challenges else None,
        algorithms=algorithms,
    )


def _address(body: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    given = body.get(name, "")
    if isinstance(given, str) and (may_be_asked(given) or (not given and not needed)):
        return given
    raise ProviderError(f"The provider's {name} is missing, or not encrypted (https://). Look at sign_on.issuer.")


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    given = body.get(name)
    return tuple(one for one in given if isinstance(one, str)) if isinstance(given, list) else ()
