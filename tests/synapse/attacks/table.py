"""All attempts, in the order in which they are played: what gains nothing first, what cannot be stopped last."""

from __future__ import annotations

<<<<<<< HEAD
from tests.synapse.attacks import api, files, former, forms, insiders, outsiders, powers, walled, webhooks
=======
from tests.synapse.attacks import api, beside, files, former, forms, insiders, outsiders, powers, walled
>>>>>>> ed7e2e5 (Try the panel beside messages on the real Synapse and in Element)
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
<<<<<<< HEAD
    *webhooks.ATTEMPTS,
=======
    *beside.ATTEMPTS,
>>>>>>> ed7e2e5 (Try the panel beside messages on the real Synapse and in Element)
)
ATTEMPTS: tuple[Attempt, ...] = tuple(sorted(DECLARED, key=lambda one: not one.fails_everywhere))
