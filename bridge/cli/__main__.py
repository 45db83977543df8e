"""`python -m bridge.cli` is `firm-bridge`."""

import sys

from bridge.cli import main

sys.exit(main())
