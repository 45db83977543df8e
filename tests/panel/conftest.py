"""The panel in a browser."""

from __future__ import annotations

from tests.component.conftest import database_url as database_url
from tests.component.conftest import new_database as new_database
from tests.synapse.conftest import firm as firm
from tests.synapse.conftest import made_demo as made_demo
