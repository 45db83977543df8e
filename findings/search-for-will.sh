#!/bin/sh
# Synapse 1.163.2 with psycopg2-binary 2.9.13 (PyPI), on SQLite and on Debian's PostgreSQL.
#
# What a search of messages finds depends on Synapse's database. On SQLite it goes by whole words. On PostgreSQL every text is
# taken for English: "will", like "own", "against" and "after", is one of the words that are left out and never found; the
# name of a file is one word, with its dot; and the second half of 2026-0042 is a number below zero. Nothing is said of
# it: the list is empty. A trial on SQLite does not show it. The panel's search of messages is Synapse's.
#
# Seen:   SQLite: will 1, lease 1, 0042 1
#         PostgreSQL: will 0, lease 0, 0042 0
# Fails when that changes: then docs/clients.md need not say what a search passes over.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -x "$bin/initdb" ] || { echo "PostgreSQL is missing: apt-get install postgresql" >&2; exit 2; }
place=$(mktemp -d)
stop() {
    kill "$(cat "$place/pid" 2>/dev/null)" 2>/dev/null || true
    kill "$(head -n 1 "$place/database/data/postmaster.pid" 2>/dev/null)" 2>/dev/null || true
    rm -rf "$place"
}
trap stop EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    matrix-synapse==1.163.2 psycopg2-binary==2.9.13
mkdir "$place/database"
owner=""
if [ "$(id -u)" = 0 ]; then
    # PostgreSQL refuses to be root.
    chmod 755 "$place"
    chown postgres "$place/database"
    owner="runuser -u postgres --"
fi
$owner "$bin/initdb" --pgdata "$place/database/data" --encoding UTF8 --locale C --auth trust --username synapse >/dev/null
$owner "$bin/pg_ctl" start --wait --silent --pgdata "$place/database/data" --log "$place/database/log" \
    --options "-c listen_addresses= -c unix_socket_directories=$place/database"
"$bin/createdb" --host "$place/database" --username synapse synapse
cat >"$place/found.py" <<'END'
import json
import sys
from urllib.request import Request, urlopen

HOME = f"http://127.0.0.1:{sys.argv[1]}/_matrix/client/v3"
token = ""


def ask(method, path, body):
    request = Request(f"{HOME}/{path}", json.dumps(body).encode(), method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


account = {"username": "grace", "password": "a long one", "auth": {"type": "m.login.dummy"}}
token = ask("POST", "register", account)["access_token"]
room = ask("POST", "createRoom", {})["room_id"]
said = {"msgtype": "m.text", "body": "The will and Lease.pdf are in the folder of 2026-0042 now."}
ask("PUT", f"rooms/{room}/send/m.room.message/1", said)


def count(word):
    wanted = {"search_categories": {"room_events": {"search_term": word}}}
    return len(ask("POST", "search", wanted)["search_categories"]["room_events"]["results"])


assert count("folder") == 1
print(", ".join(f"{word} {count(word)}" for word in ("will", "lease", "0042")))
END
found_on() {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$place/homeserver.yaml" <<END
server_name: localhost
report_stats: false
listeners: [{port: $port, type: http, bind_addresses: [127.0.0.1], resources: [{names: [client]}]}]
database: $1
media_store_path: "$place/media"
signing_key_path: "$place/signing.key"
trusted_key_servers: []
enable_registration: true
enable_registration_without_verification: true
END
    set -- "$place/venv/bin/python" -m synapse.app.homeserver --config-path "$place/homeserver.yaml"
    "$@" --generate-keys >>"$place/log" 2>&1
    "$@" >>"$place/log" 2>&1 &
    echo $! >"$place/pid"
    curl --silent --output /dev/null --retry 100 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/health"
    python3 "$place/found.py" "$port"
    kill "$(cat "$place/pid")"
    wait "$(cat "$place/pid")" || true
}
seen="SQLite: $(found_on "{name: sqlite3, args: {database: '$place/homeserver.db'}}")
PostgreSQL: $(found_on "{name: psycopg2, args: {user: synapse, host: '$place/database', cp_min: 1, cp_max: 5}}")"
echo "$seen"
[ "$seen" = "SQLite: will 1, lease 1, 0042 1
PostgreSQL: will 0, lease 0, 0042 0" ] || { echo "This is otherwise than it was." >&2; exit 1; }
