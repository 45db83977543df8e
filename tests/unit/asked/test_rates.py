"""How often a token may ask (A2)."""

from __future__ import annotations

import time

import pytest

from bridge.operations.tokens import Token
from bridge.web.api.problems import ProblemError
from bridge.web.api.rates import Rates
from bridge.web.api.table import Rate

TOKEN = Token(1, "ruth", "the test", frozenset(), "root", 0, 0, None)


async def test_A2_a_clock_that_is_set_back_shuts_no_token_out(monkeypatch: pytest.MonkeyPatch) -> None:
    at, rates = [time.time()], Rates()
    monkeypatch.setattr("time.time", lambda: at[0])
    for _ in range(Rate.WRITE.a_minute):
        await rates.taken(TOKEN, Rate.WRITE)
    with pytest.raises(ProblemError) as refused:
        await rates.taken(TOKEN, Rate.WRITE)
    assert refused.value.status == 429
    at[0] -= 86_400
    left = (await rates.taken(TOKEN, Rate.WRITE))["RateLimit"]
    assert left == f'"write";r={Rate.WRITE.a_minute - 1};t=60'
