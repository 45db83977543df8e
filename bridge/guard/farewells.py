"""Which accounts the bridge has just said it will close (F2).

Whoever is a server admin can close an account, and have hidden what its owner wrote. So the guard lets a leaver's
account be closed only when the bridge, which has its key, has said so a moment before, and on the policy in force.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from bridge.guard.keeper import Keeper, PushRefusedError
from bridge.guard.protocol import OUTDATED, is_signed, sign_farewell

SECONDS = 60.0
"""How long what was said holds. It holds for one account, once."""
_LONGEST = 1000


class Farewells:
    """Takes what the bridge says. Any thread may call it."""

    def __init__(self, keeper: Keeper, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._keeper = keeper
        self._key = key
        self._clock = clock
        self._until: dict[str, float] = {}

    def take(self, body: bytes, signature: str) -> dict[str, str]:
        """Note that an account is about to be closed. Raises PushRefusedError."""
        if len(body) > _LONGEST or not is_signed(sign_farewell(self._key, body), signature):
            raise PushRefusedError(403, "M_FORBIDDEN", "The signature is not made with the guard's key.")
        try:
            said = json.loads(body)
            user_id, version = said["user"], said["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise PushRefusedError(400, "M_BAD_JSON", "The bridge names an account and a version.") from error
        policy = self._keeper.policy
        if policy is None or type(version) is not int or version != policy.version:
            in_force = policy.version if policy else 0
            raise PushRefusedError(409, OUTDATED, f"Version {in_force} is in force.", in_force)
        now = self._clock()
        self._until = {who: until for who, until in self._until.items() if until > now}
        self._until[str(user_id)] = now + SECONDS
        return {"user": str(user_id)}

    def is_said(self, user_id: str) -> bool:
        """Whether the bridge has just said so of this account. Asking does not use it up."""
        return self._until.get(user_id, 0.0) > self._clock()

    def done(self, user_id: str) -> None:
        """Use up what was said: the account is closed."""
        self._until.pop(user_id, None)
