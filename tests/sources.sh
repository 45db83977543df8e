#!/bin/sh
# scim2-tester and scim-sanity check the SCIM server. A firm on the real Synapse is attacked through its sources. Prism serves Smokeball's own description as a validating mock; every request of the connector must be valid against it. FIRM_BRIDGE_SOURCES=long walks further with the fakes.
set -eu
cd "$(dirname "$0")/.."
PRISM=var/prism/node_modules/.bin/prism
[ -x "$PRISM" ] || npm install --silent --prefix var/prism @stoplight/prism-cli@5.16.0
.venv/bin/python -m pip --quiet --disable-pip-version-check install scim-sanity==0.7.4
PORT=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$PRISM" mock --port "$PORT" tests/spec/smokeball-openapi.json >var/prism.log 2>&1 &
trap 'kill $!' EXIT
PRISM_URL="http://127.0.0.1:$PORT" FIRM_BRIDGE_SOURCES=long .venv/bin/python -m pytest tests/component/sources tests/component/clio tests/component/scim tests/synapse/running/test_sources.py "$@"
