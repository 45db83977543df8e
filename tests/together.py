"""Which tests one process runs one after the other, where several processes share the tests.

Firms that were made for several tests are made once, by the process that has those tests. The xdist_group mark would
say so beside the tests, but pytest-xdist 3.8 does nothing with it under pytest 9.2.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

SYNAPSE = "tests/synapse/"
ON_THE_DEMO_FIRM = (
    "test_answers_seen.py",
    "test_channels.py",
    "test_crash.py",
    "test_creation.py",
    "test_directory_undone.py",
    "test_earlier_direct.py",
    "test_files.py",
    "test_filing.py",
    "test_foreign_client.py",
    "test_leavers.py",
    "test_provisioning.py",
    "test_rules_machine.py",
    "test_seen.py",
    "test_stories.py",
    "test_tutorial.py",
    "test_ways.py",
    "test_widget.py",
    "test_words.py",
)
"""Files of tests on the real Synapse that use the made demo firm. One that is missing here costs time only."""


class Together(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Hands out tests on the real Synapse by the firm that they share, the largest group first, others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """The name of the group that a test belongs to; its own id where it is alone."""
    file, _, test = nodeid.partition("::")
    if not file.startswith(SYNAPSE):
        return nodeid
    if file.rpartition("/")[2] in ON_THE_DEMO_FIRM:
        return "the demo firm"
    # The firm that is attacked is one with the guard and one without, which begins the name in brackets.
    return f"{file} {test.partition('-')[0]}" if "test_attacks.py" in file else file
