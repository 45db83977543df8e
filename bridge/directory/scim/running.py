"""SCIM in the running bridge: what was pushed is kept, and from there the directory is told what is so (S1, S3)."""

from __future__ import annotations

import asyncio

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
from bridge.directory.scim.records import records_of
from bridge.directory.scim.storage import StoredResources
from bridge.directory.sources.keeping import keep_read
from bridge.directory.sources.port import SCIM, SourceRead
from bridge.directory.sources.reader import Count
from bridge.settings import ScimSettings
from bridge.store.engine.store import Store

_MOST_RESULTS = 1000


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

    def __init__(self, settings: ScimSettings, store: Store, count: Count = lambda outcome: None) -> None:
        """`count` is told whether what was pushed changed what the source says."""
        self._settings = settings
        self._store = store
        self._count = count
        self._told = -1
        self.provider = make_provider()
        self.resources = StoredResources(store, self.provider)

    async def run(self) -> None:
        """Tell the directory what is so, where something was pushed since. Raises StoreError.

        All of it each time, after a new start as well: so nothing that was pushed is ever lost.
        """
        changes = self.resources.changes
        if changes == self._told:
            return
        everything = await self.resources.everything()
        if everything is not None:
            records = await asyncio.to_thread(records_of, everything, self._settings.roles)
            changed = await self._store.run(keep_read, SCIM, SourceRead(records, whole=True), now_ms())
            self._count("changed" if changed else "unchanged")
        self._told = changes
