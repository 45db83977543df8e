"""The port to the homeserver, as spoken to a real Synapse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nio import Api

from bridge.matrix.accounts.port import AccountKeeping
from bridge.matrix.accounts.synapse import SynapseAccounts
from bridge.matrix.acting import Decides
from bridge.matrix.connection import Connection, OnRequest
from bridge.matrix.parts.accounts import AccountClient
from bridge.matrix.parts.asking import NO_TOKEN
from bridge.matrix.parts.guard import GuardClient
from bridge.matrix.parts.media import MediaClient
from bridge.matrix.parts.people import PersonClient
from bridge.matrix.parts.rooms import RoomClient
from bridge.matrix.requests import V1, post
from bridge.settings import APPSERVICE_ID, AppserviceSettings, HomeserverSettings, MasSettings

if TYPE_CHECKING:
    from bridge.matrix.accounts.mas_api import MasApi


class MatrixClient(RoomClient, PersonClient, AccountClient, MediaClient, GuardClient):
    """The port `Homeserver` (port.py, which says what each method means) over one connection to Synapse."""

    def __init__(
        self,
        settings: HomeserverSettings,
        appservice: AppserviceSettings,
        decides: Decides,
        on_request: OnRequest | None = None,
        mas: MasSettings | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_request` is called after every attempt with method, route, status and seconds; `before` is as for
        `Connection`."""
        connection = Connection(settings, appservice, on_request, before)
        super().__init__(connection, f"@{appservice.bot_localpart}:{settings.server_name}", decides)
        self._accounts, self._mas = self._accounts_of(settings, mas, on_request, before)

    def _accounts_of(
        self,
        settings: HomeserverSettings,
        mas: MasSettings | None,
        on_request: OnRequest | None,
        before: Callable[[], None],
    ) -> tuple[AccountKeeping, MasApi | None]:
        if mas is None or not mas.url:
            return SynapseAccounts(self._as_bot), None
        from bridge.matrix.accounts.bot_token import BotToken
        from bridge.matrix.accounts.mas import MasAccounts
        from bridge.matrix.accounts.mas_api import MasApi

        api = MasApi(mas, settings, on_request, before)
        self.connection.bot_token = BotToken(api, self.bot_id)
        return MasAccounts(api, self._as_bot, self.connection.ask), api

    async def ping(self, txn_id: str) -> float:
        asked = post(V1, "appservice", APPSERVICE_ID, "ping", body={"transaction_id": txn_id})
        return float(await self.connection.ask(asked, None, "duration_ms"))

    async def clock(self) -> tuple[float, float]:
        return await self.connection.clock()

    async def whoami(self, user_id: str | None = None) -> str:
        if user_id is not None:
            await self._require_acting(user_id)
        return str(await self.connection.ask(Api.whoami(NO_TOKEN), user_id, "user_id"))

    async def close(self) -> None:
        await self._unread.close()
        if self.connection.bot_token is not None:
            await self.connection.bot_token.close()
        await self._accounts.close()
        await self.connection.close()
