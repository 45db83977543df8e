#!/bin/sh
# Prism 5.16.0 (npm, @stoplight/prism-cli), with Node 20.
#
# As a validating mock Prism refuses what its own description allows: of an integer of the format int64 it takes none
# beyond 2^53, where JavaScript's numbers are no longer exact, and says that it "must be <= 9007199254740991". Smokeball
# has moments in .NET's ticks, ten million a second since the year 1. 2^53 of them is the summer of the year 29, so every
# moment that a client really asks for is refused.
#
# Seen:   the year 3: 200; 1 March 2026: 422
# Fails when that changes: then tests/component/sources/test_prism.py can ask with a real moment, and
# tests/fakes/smokeball.py names no exception.
set -eu
place=$(mktemp -d)
trap 'kill "$(cat "$place/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$place"' EXIT
npm install --prefix "$place" --no-fund --no-audit --no-package-lock --silent @stoplight/prism-cli@5.16.0
cat >"$place/api.json" <<'END'
{
  "openapi": "3.0.0",
  "info": {"title": "Matters", "version": "1"},
  "paths": {
    "/matters": {
      "get": {
        "parameters": [
          {"name": "UpdatedSince", "in": "query", "schema": {"type": "integer", "format": "int64"}}
        ],
        "responses": {"200": {"description": "Those that changed since."}}
      }
    }
  }
}
END
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$place/node_modules/.bin/prism" mock --port "$port" "$place/api.json" >"$place/log" 2>&1 &
echo $! >"$place/pid"
status() {
    curl --silent --output /dev/null --write-out '%{http_code}' \
        --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/matters?UpdatedSince=$1"
}
seen="the year 3: $(status 638000000000000); 1 March 2026: $(status 639079200000000000)"
echo "$seen"
[ "$seen" = "the year 3: 200; 1 March 2026: 422" ] || { echo "This is otherwise than it was." >&2; exit 1; }
