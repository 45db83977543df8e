"""`python -m bridge.docs`."""

import sys

from bridge.docs.pages import main

sys.exit(main(sys.argv[1:]))
