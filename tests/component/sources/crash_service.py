"""Sources read and pushed to in a process of its own, which crash tests let die.

`read` renews the tokens, reads all of Smokeball and looks at each matter; `hint` takes a webhook's hint at a matter
first; `scim` has somebody pushed, made inactive and told of. Whatever was done before is done again, once.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from scim2_models import Context, User

from bridge.directory.scim.running import Scim
from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.smokeball.source import SmokeballSource
from bridge.directory.sources.asking import Bucket
from bridge.directory.sources.port import Hint
from bridge.directory.sources.reader import SourceReader
from bridge.settings import ScimSettings
from bridge.store.engine.store import Store
from tests.component.scim.harness import user
from tests.component.sources.connected import settings_for


async def smokeball(store: Store, url: str, folder: Path, hint: str) -> None:
    settings = settings_for(url, folder, account_id="")
    async with SmokeballApi(settings, store, Bucket(1e9, 5)) as api:
        reader = SourceReader(SmokeballSource(settings, store, api), store, poll_seconds=60)
        if hint:
            reader.hint(Hint("matters", hint))
        while await reader.run():
            pass
        assert not reader.trouble, reader.trouble


async def scim(store: Store) -> None:
    pushed = Scim(ScimSettings(), store)
    users = next(one for one in pushed.provider.resource_types if one.name == "User")
    with pushed.provider:
        found = [one.resource for one in await pushed.resources.everything() or ()]
        one = found[0] if found else await pushed.resources.create(users, _user(user("Zoe")))
        await pushed.resources.stored()
        assert isinstance(one, User)
        one.active = False
        await pushed.resources.update(users, one)
        await pushed.resources.stored()
    await pushed.run()


def _user(body: dict[str, object]) -> User:  # type: ignore[type-arg]
    return User.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST)


async def _main(what: str, database_url: str, url: str, folder: Path, hint: str) -> None:
    store = Store(database_url)
    await store.open()
    await (scim(store) if what == "scim" else smokeball(store, url, folder, hint))
    await store.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5]))
