"""How far the bridge has come: what was done, what failed, and what is to be done again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from types import MappingProxyType

RETRY_SECONDS = 5.0
"""Between a failure and the next attempt."""


class Stage(StrEnum):
    """What a bridge does one after the other before all is well; each is a check of health by this name."""

    MET = "homeserver"
    SHUT_OUT = "shut_out"
    SENDING = "outbox"
    """It comes after SHUT_OUT: what waits to be said is about rooms in which somebody was who must not be."""
    HEARING = "inbox"
    RECONCILED = "reconciled"


class State(Enum):
    """What became of a stage."""

    WAITING = auto()
    """Never tried to the end."""
    FAILED = auto()
    """The last attempt failed."""
    DOUBTED = auto()
    """Something else failed that only doing it from the beginning is certain to put right."""
    PUT_BACK = auto()
    """To be done again, since the homeserver was put back from a backup."""
    DONE = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one stage stands."""

    state: State = State.WAITING
    why: str = ""
    """What failed, as a sentence."""
    under_way: bool = False
    """Whether it is being done, with nothing since the beginning of that which asks for doing it again."""


_OVER = frozenset({Stage.MET, Stage.SHUT_OUT, Stage.RECONCILED})
"""What a homeserver put back from a backup undoes."""


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages, each with where it stands. A transition gives new ones."""

    standings: Mapping[Stage, Standing] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(Stage, Standing()))
    )

    def is_done(self, stage: Stage) -> bool:
        return self.standings[stage].state is State.DONE

    @property
    def next(self) -> Stage | None:
        """What is to be done now: the first that is not done, or None."""
        return next((stage for stage in Stage if not self.is_done(stage)), None)

    @property
    def pause(self) -> float:
        """Seconds until that is due: what failed waits, and nothing else does."""
        return RETRY_SECONDS if self.next and self.standings[self.next].state is State.FAILED else 0.0

    def begun(self, stage: Stage) -> Stages:
        """An attempt begins. What was wrong before it stays wrong until it is done."""
        return self._with({stage: replace(self.standings[stage], under_way=True)})

    def done(self, stage: Stage) -> Stages:
        """The attempt did it, unless something since it began asks for another."""
        return self._with({stage: Standing(State.DONE)}) if self.standings[stage].under_way else self

    def failed(self, stage: Stage, why: str) -> Stages:
        """The attempt failed."""
        return self._with({stage: Standing(State.FAILED, why)})

    def doubted(self, why: str) -> Stages:
        """Something failed that a pass over everything from now on puts right."""
        return self._with({Stage.RECONCILED: Standing(State.DOUBTED, why)})

    def put_back(self) -> Stages:
        """The homeserver was put back from a backup. Said again before that is shut out of, it is no news."""
        if self.standings[Stage.SHUT_OUT].state is State.PUT_BACK:
            return self
        return self._with(dict.fromkeys(_OVER, Standing(State.PUT_BACK)))

    def _with(self, changed: Mapping[Stage, Standing]) -> Stages:
        return Stages(MappingProxyType({**self.standings, **changed}))
