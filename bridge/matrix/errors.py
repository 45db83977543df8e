"""What can go wrong in asking the homeserver for something, as types. The message says what happened, to what."""

from __future__ import annotations

from bridge.firm.errors import BridgeError
from bridge.firm.rules import CitedRule


class RequestError(BridgeError):
    """What was to be asked of the homeserver was not done: it failed, or the policy does not allow to ask for it."""


class HomeserverError(RequestError):
    """A request to the homeserver failed."""

    def __init__(self, request: str, status: int, errcode: str, message: str) -> None:
        """`request` is method and path without secrets; `status` is 0 where no answer came."""
        super().__init__(f"{request}: {status or 'no answer'} {errcode}: {message}")
        self.request = request
        self.status = status
        self.errcode = errcode
        self.message = message


class UnreachableError(HomeserverError):
    """No usable answer within the deadline: connection lost, time-outs, 5xx, or 429 to the end. Worth trying later."""


class HomeserverAwayError(UnreachableError):
    """The homeserver as a whole does not answer, not only where it was asked for one room or account."""

    def __init__(self, cause: HomeserverError) -> None:
        """`cause` is what came of the request that showed it."""
        super().__init__(cause.request, 0, cause.errcode, cause.message)
        self._told = str(cause)

    def __str__(self) -> str:
        return self._told


class AccountsAwayError(UnreachableError):
    """The Matrix Authentication Service, which keeps the accounts, does not serve. Worth trying later."""

    def __init__(self, request: str, status: int, message: str) -> None:
        """`request` is method and path; `status` is 0 where no answer came."""
        super().__init__(request, status, "M_UNKNOWN", message)


class AccountsRefusedError(AccountsAwayError):
    """It does not let the bridge in. Somebody must compare its configuration with the bridge's; then all goes on."""


class ForbiddenError(HomeserverError):
    """The homeserver understood and refused (403). Repeating does not help."""


class NotAllowedError(RequestError):
    """The policy refuses what was to be done as or for somebody, so the homeserver was never asked."""

    def __init__(self, user_id: str, rule: CitedRule) -> None:
        """`rule` is the one that decided. The reason is not told: it may name what nobody should read."""
        super().__init__(f"Nothing is done as or for {user_id} here: rule {rule} of the firm does not allow it")
        self.rule = rule


class TokenRejectedError(HomeserverError):
    """The homeserver does not accept the bridge's token (401). A person must compare it with the registration."""


class NotFoundError(HomeserverError):
    """What the request names does not exist (404)."""


class AliasTakenError(HomeserverError):
    """The room alias is in use already (400 M_ROOM_IN_USE, or 409 in a race)."""


class UserTakenError(HomeserverError):
    """The account exists already (400 M_USER_IN_USE)."""


class PolicyOutdatedError(HomeserverError):
    """The guard has a later policy, or another one than a change was made for (409)."""


class GuardAwayError(UnreachableError):
    """The guard does not have the firm's policy, so nothing that it must judge is begun. Worth trying later."""

    def __init__(self, cause: HomeserverError) -> None:
        """`cause` is what came of telling it."""
        super().__init__(cause.request, 0, cause.errcode, f"the guard was not told the firm's policy: {cause.message}")

    def __str__(self) -> str:
        # Firm admins read it, too (`!wall add`): without the request, which is what went wrong for the bridge alone.
        said = self.message.removesuffix(".")
        return f"{said[:1].upper()}{said[1:]} (`firm-bridge check` says what to do)"


class GuardKnowsMoreError(GuardAwayError):
    """The guard was told more than this database knows, and does not say what: walls may be missing here (R3)."""


class BadRequestError(HomeserverError):
    """Any other 4xx: a mistake of the bridge or a request the homeserver cannot carry out."""


class NotServerAdminError(BridgeError):
    """The bot is not a server admin."""

    def __init__(self, bot_id: str) -> None:
        super().__init__(
            f"{bot_id} is not a server admin, so accounts cannot be made."
            " Let a server admin grant it (docs/admin-guide.md, Give the bot admin rights)."
        )
