#!/bin/sh
# Synapse 1.163.2 (PyPI) on SQLite.
#
# An edit is a message of its own. Who deletes a message that they edited deletes what it said at first, and with it the
# sight of its edits in clients; what they last wrote stays on the server, in the room's history and in searches of
# everybody in the room. Element deletes the one message alone (its issue 11978). So whatever shows or keeps what was said,
# and does not ask of each edit whether its message is still there, brings back the words that somebody took away.
#
# Seen:   the message: nothing; its edit: we offer ten; a search for "ten" finds: * we offer ten
# Fails when that changes: then bridge/transcript/reading.py need not leave out the edits of deleted messages.
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
enable_registration: true
enable_registration_without_verification: true
END
"$place/venv/bin/python" -m synapse.app.homeserver --config-path "$place/homeserver.yaml" --generate-keys >"$place/log" 2>&1
"$place/venv/bin/python" -m synapse.app.homeserver --config-path "$place/homeserver.yaml" >>"$place/log" 2>&1 &
echo $! >"$place/pid"
curl --silent --output /dev/null --retry 100 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/health"
seen=$(python3 - "$port" <<'END'
import json
import sys
from urllib.request import Request, urlopen

HOME = f"http://127.0.0.1:{sys.argv[1]}/_matrix/client/v3"
token = ""


def ask(method, path, body=None):
    request = Request(f"{HOME}/{path}", json.dumps(body).encode() if body is not None else None, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


account = {"username": "grace", "password": "a long one", "auth": {"type": "m.login.dummy"}}
token = ask("POST", "register", account)["access_token"]
room = "rooms/" + ask("POST", "createRoom", {})["room_id"]
first, then = ({"msgtype": "m.text", "body": f"we offer {much}"} for much in ("five", "ten"))
message = ask("PUT", f"{room}/send/m.room.message/1", first)["event_id"]
relation = {"rel_type": "m.replace", "event_id": message}
edited = {**then, "body": f"* {then['body']}", "m.new_content": then, "m.relates_to": relation}
edit = ask("PUT", f"{room}/send/m.room.message/2", edited)["event_id"]
ask("PUT", f"{room}/redact/{message}/3", {})

said = ask("GET", f"{room}/event/{message}")["content"].get("body", "nothing")
kept = ask("GET", f"{room}/event/{edit}")["content"].get("m.new_content", {}).get("body", "nothing")
wanted = {"search_categories": {"room_events": {"search_term": "ten"}}}
results = ask("POST", "search", wanted)["search_categories"]["room_events"]["results"]
found = ", ".join(one["result"]["content"]["body"] for one in results) or "nothing"
print(f'the message: {said}; its edit: {kept}; a search for "ten" finds: {found}')
END
)
echo "$seen"
[ "$seen" = 'the message: nothing; its edit: we offer ten; a search for "ten" finds: * we offer ten' ] ||
    { echo "This is otherwise than it was." >&2; exit 1; }
