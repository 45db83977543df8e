"""Whether Synapse runs in more processes than the one that the guard is in."""

from __future__ import annotations

from synapse.module_api import ModuleApi

_MAIN = frozenset({"main", "master"})
"""Synapse's names for its main process."""


def workers_of(api: ModuleApi) -> tuple[str, ...]:
    """The names of the worker processes that this Synapse's configuration gives work to, in order.

    A worker of the same configuration loads the guard, which refuses. One with a configuration of its own may not.
    """
    config = api._hs.config.worker
    pushing, federating = config.pusher_shard_config.instances, config.federation_shard_config.instances
    return tuple(sorted({*config.instance_map, *pushing, *federating} - _MAIN))
