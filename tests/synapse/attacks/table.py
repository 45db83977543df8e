"""All attempts, in the order in which they are played: what gains nothing first, what cannot be stopped last."""

from __future__ import annotations

from tests.synapse.attacks import (
    api,
    beside,
    files,
    former,
    forms,
    insiders,
    outsiders,
    panel,
    powers,
    strangers,
    walled,
    webhooks,
)
from tests.synapse.attacks.attempt import Attempt

DECLARED: tuple[Attempt, ...] = (
    *walled.ATTEMPTS,
    *former.ATTEMPTS,
    *insiders.ATTEMPTS,
    *files.ATTEMPTS,
    *forms.ATTEMPTS,
    *outsiders.ATTEMPTS,
    *powers.ATTEMPTS,
    *api.ATTEMPTS,
    *webhooks.ATTEMPTS,
    *beside.ATTEMPTS,
    *panel.ATTEMPTS,
    *strangers.ATTEMPTS,
)
ATTEMPTS: tuple[Attempt, ...] = tuple(sorted(DECLARED, key=lambda one: not one.fails_everywhere))
