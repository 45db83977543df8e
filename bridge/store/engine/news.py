"""What a unit of work wants told once it is committed, and only then."""

from __future__ import annotations

import threading


class _Unit(threading.local):
    def __init__(self) -> None:
        self.news: list[object] = []


_unit = _Unit()


def announce(news: object) -> None:
    """Inside a unit: have those who listen to the store told of something when the unit is committed."""
    _unit.news.append(news)


def take_news() -> list[object]:
    """What was announced on this thread since the last call."""
    news, _unit.news = _unit.news, []
    return news
