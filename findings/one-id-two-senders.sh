#!/bin/sh
# Synapse 1.163.2 (PyPI) on SQLite.
#
# The specification counts transaction ids by device. Of what an application service sends for its users Synapse looks at
# the room, the kind of event and the id alone: where two of them say something in one room under the same id, such as
# "the first line of this document" or a counter that each has for themselves, the second is answered 200 with the event
# of the first. What they said is nowhere, and nobody is told.
#
# Seen:   ann: 200, ben: 200; the room has: ann's
# Fails when that changes: then transaction_id in bridge/store/queues/outbox.py can leave the sender out.
set -eu
place=$(mktemp -d)
trap 'kill "$(cat "$place/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile matrix-synapse==1.163.2
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$place/homeserver.yaml" <<END
server_name: localhost
report_stats: false
listeners: [{port: $port, type: http, bind_addresses: [127.0.0.1], resources: [{names: [client]}]}]
database: {name: sqlite3, args: {database: "$place/homeserver.db"}}
media_store_path: "$place/media"
signing_key_path: "$place/signing.key"
trusted_key_servers: []
app_service_config_files: ["$place/service.yaml"]
END
cat >"$place/service.yaml" <<END
id: service
url: null
as_token: a-token
hs_token: another-token
sender_localpart: service
rate_limited: false
namespaces: {users: [{regex: "@.*:localhost", exclusive: false}], aliases: [], rooms: []}
END
"$place/venv/bin/python" -m synapse.app.homeserver --config-path "$place/homeserver.yaml" --generate-keys >"$place/log" 2>&1
"$place/venv/bin/python" -m synapse.app.homeserver --config-path "$place/homeserver.yaml" >>"$place/log" 2>&1 &
echo $! >"$place/pid"
curl --silent --output /dev/null --retry 100 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/health"
seen=$(python3 - "$port" <<'END'
import json
import sys
from urllib.parse import urlencode
from urllib.request import Request, urlopen

HOME = f"http://127.0.0.1:{sys.argv[1]}/_matrix/client/v3"
ANN, BEN = "@ann:localhost", "@ben:localhost"


def ask(method, path, body=None, **query):
    data = json.dumps(body).encode() if body is not None else None
    request = Request(f"{HOME}/{path}?{urlencode(query)}", data, method=method)
    request.add_header("Authorization", "Bearer a-token")
    with urlopen(request, timeout=30) as answer:
        return answer.status, json.load(answer)


for name in ("ann", "ben"):
    ask("POST", "register", {"type": "m.login.application_service", "username": name, "inhibit_login": True})
room = ask("POST", "createRoom", {"invite": [BEN]}, user_id=ANN)[1]["room_id"]
ask("POST", f"join/{room}", {}, user_id=BEN)
path = f"rooms/{room}/send/m.room.message/line-1"
first, _ = ask("PUT", path, {"msgtype": "m.text", "body": "ann's"}, user_id=ANN)
second, _ = ask("PUT", path, {"msgtype": "m.text", "body": "ben's"}, user_id=BEN)
events = ask("GET", f"rooms/{room}/messages", dir="f", user_id=ANN)[1]["chunk"]
there = ", ".join(one["content"]["body"] for one in events if one["type"] == "m.room.message")
print(f"ann: {first}, ben: {second}; the room has: {there}")
END
)
echo "$seen"
[ "$seen" = "ann: 200, ben: 200; the room has: ann's" ] || { echo "This is otherwise than it was." >&2; exit 1; }
