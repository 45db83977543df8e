"""SCIM in the running bridge: what was pushed is kept, and from there the directory is told what is so (S1, S3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    EnterpriseUser,
    ETag,
    Filter,
    Group,
    Patch,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)

from bridge.clock import now_ms
from bridge.directory.scim.records import Pushed, records_of
from bridge.directory.scim.refusals import Refusals
from bridge.directory.scim.storage import StoredResources
from bridge.directory.sources.flaws import sorted_out
from bridge.directory.sources.keeping import keep_read
from bridge.directory.sources.port import SCIM, Flaw, SourceRead, SourceRecord
from bridge.directory.sources.reader import Count
from bridge.settings import ScimSettings
from bridge.store.engine.store import Store

_MOST_RESULTS = 1000
_MOST_LOOKS = 5


def make_provider() -> ScimProvider:
    """What the server says it can do, and how far it bears with what Entra and Okta send otherwise than RFC 7644."""
    return ScimProvider(
        models=[User, EnterpriseUser, Group],
        resource_types=[ResourceType.from_resource(User[EnterpriseUser]), ResourceType.from_resource(Group)],
        config=ServiceProviderConfig(
            patch=Patch(supported=True),
            bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
            filter=Filter(supported=True, max_results=_MOST_RESULTS),
            change_password=ChangePassword(supported=False),
            sort=Sort(supported=True),
            etag=ETag(supported=True),
            authentication_schemes=[
                AuthenticationScheme(
                    type=AuthenticationScheme.Type.oauthbearertoken,
                    name="Bearer token",
                    description="A token of the bridge with the scope scim.",
                    primary=True,
                )
            ],
        ),
        policy=ScimPolicy(
            unknown=ScimPolicy.Unknown.ignore,
            remove_value_as_filter=ScimPolicy.RemoveValue.apply,
            unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
        ),
    )


class Scim:
    """What is pushed, and the source of the directory that it is."""

    def __init__(
        self,
        settings: ScimSettings,
        store: Store,
        count: Count = lambda outcome: None,
        refused: Count = lambda why: None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`count` is told whether what was pushed changed what the source says, `refused` why a request was refused."""
        self._settings = settings
        self._store = store
        self._count = count
        self._clock = clock
        self._told = -1
        self._seen = -1
        """The changes that there were at the last look."""
        self._looks = 0
        """For how many looks what takes nothing away has waited for more."""
        self._said: dict[tuple[str, str], SourceRecord] = {}
        """What the directory was told, since this process began."""
        self._flawed: set[tuple[str, str]] = set()
        """Kinds and ids of what it was told cannot be read."""
        self.provider = make_provider()
        self.resources = StoredResources(store, self.provider)
        self.refusals = Refusals(refused, clock)

    async def run(self) -> None:
        """Tell the directory what is so, where something was pushed since. Raises StoreError.

        Called each second. Newcomers and the like, of whom many are pushed one after the other, wait until no more
        come, some seconds at most; what may take something away waits for nothing. After a new start all is told: so
        nothing that was pushed is ever lost.
        """
        resources = self.resources
        changes = resources.changes
        more, self._seen = changes != self._seen, changes
        if changes == self._told:
            return
        self._looks += 1
        if self._said and more and not resources.presses and self._looks < _MOST_LOOKS:
            return
        presses, resources.presses = resources.presses, False
        try:
            await self._tell()
        except BaseException:
            resources.presses = presses
            self._said = {}
            raise
        self._told, self._looks = changes, 0

    async def _tell(self) -> None:
        pushed = await self.resources.everything()
        # At the same time: what is pushed anew from here on is in neither, and would be taken for gone.
        broken = self.resources.broken
        if pushed is None:
            return
        good, flaws = await asyncio.to_thread(self._records, pushed)
        now = {(one.kind, one.id): one for one in good}
        whole = not self._said
        told = good if whole else tuple(one for key, one in now.items() if one != self._said.get(key))
        flaws = (*flaws, *broken)
        flawed = {(one.kind, one.id) for one in flaws}
        left = (self._said.keys() | self._flawed) - now.keys() - flawed
        read = SourceRead(told, whole=whole, gone=() if whole else tuple(sorted(left)), flaws=flaws)
        at = self.resources.pushed_at or self._clock()
        changed = await self._store.run(keep_read, SCIM, read, at)
        self._count("changed" if changed else "unchanged")
        self._said, self._flawed = now, flawed

    def _records(self, pushed: Sequence[Pushed]) -> tuple[tuple[SourceRecord, ...], tuple[Flaw, ...]]:
        """What follows from what was pushed; what is as it was told before was read then."""
        records = records_of(pushed, self._settings.roles)
        new = {(one.kind, one.id) for one in records if one != self._said.get((one.kind, one.id))}
        good, flaws = sorted_out(SCIM, (one for one in records if (one.kind, one.id) in new))
        return (*(one for one in records if (one.kind, one.id) not in new), *good), flaws
