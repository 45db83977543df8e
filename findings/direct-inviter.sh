#!/bin/sh
# matrix-js-sdk 37.5.0 (npm), with Node 20.
#
# Whoever invites with `is_direct: true` stays the one whom a room is a direct conversation with, long after everybody has
# joined: `Room.getDMInviter()` reads the invitation from behind the joining (`unsigned.prev_content` and `prev_sender`).
# Element Web writes that person into `m.direct` whenever it opens the room, whatever stands there. So a bot that invites
# two people to talk to each other has their conversation listed under itself, also where `m.direct` was put right. To say
# `is_direct` is what the specification asks for (client-server API, direct messaging). Out of it leads only another
# membership event: who joins once more has a joining behind the joining.
#
# Seen:   invited: @bot:localhost; joined: @bot:localhost; joined once more: undefined
# Fails when that changes: then bridge/mapping/rooms.py can say `is_direct`, and nobody need join once more.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
npm install --prefix "$place" --no-fund --no-audit --no-package-lock --silent matrix-js-sdk@37.5.0
cat >"$place/seen.mjs" <<'END'
import { MatrixEvent, Room } from "matrix-js-sdk";

const me = "@grace:localhost";
const bot = "@bot:localhost";
const invitation = { membership: "invite", is_direct: true };

function inviter(sender, content, unsigned) {
    const room = new Room("!talk:localhost", { getUserId: () => me, supportsThreads: () => false }, me);
    const event = { type: "m.room.member", state_key: me, event_id: "$1", room_id: room.roomId, sender, content, unsigned };
    room.currentState.setStateEvents([new MatrixEvent(event)]);
    return room.getDMInviter();
}

const join = { membership: "join" };
const joined = inviter(me, join, { prev_content: invitation, prev_sender: bot });
const again = inviter(me, join, { prev_content: join, prev_sender: me });
console.log(`invited: ${inviter(bot, invitation, {})}; joined: ${joined}; joined once more: ${again}`);
END
seen=$(node "$place/seen.mjs")
echo "$seen"
[ "$seen" = "invited: @bot:localhost; joined: @bot:localhost; joined once more: undefined" ] ||
    { echo "This is otherwise than it was." >&2; exit 1; }
