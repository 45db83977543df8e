#!/bin/sh
# The panel in Debian's Chromium. Run it anywhere; further words go to pytest.
set -eu
cd "$(dirname "$0")/../.."

if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" != 0 ]; then
        echo "Chromium is not installed. Run: sudo apt-get install chromium" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi

.venv/bin/python -m pytest "$@"
