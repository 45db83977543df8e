// What a staff member sees and does in a client nobody here wrote (matrix-js-sdk).
//
//   node staff.mjs HOMESERVER USER PASSWORD '[["rooms"], ["say", ROOM, TEXT, SENDER], ["last", ROOM]]'
//
// Takes the actions one after another: "rooms" lists all rooms; "say" sends, and waits for SENDER's reply to it
// if one is named; "last" is the newest message; "until" waits for a message that ends with TEXT; "named"
// waits until a room has a name, and gives its topic; "find" lists what a
// space holds; "join", "leave", "name" and "topic" are what a client's own buttons do; "refused" takes another action
// and gives the error code it must end with; "unread" is the badge of a room.
// Prints a JSON list of what each gave. The SDK is looked for in the folder named by CLIENT_MODULES.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const modules = createRequire(path.join(process.env.CLIENT_MODULES, "package.json"));
const sdk = await import(pathToFileURL(modules.resolve("matrix-js-sdk")).href);
const { logger } = await import(pathToFileURL(modules.resolve("matrix-js-sdk/lib/logger.js")).href);
for (const level of ["log", "debug", "info", "warn", "error"]) {
    logger[level] = () => {};
    console[level] = () => {};
}

const [homeserver, user, password, wanted] = process.argv.slice(2);
const login = await sdk.createClient({ baseUrl: homeserver }).login("m.login.password", {
    identifier: { type: "m.id.user", user },
    password,
});
const client = sdk.createClient({
    baseUrl: homeserver,
    accessToken: login.access_token,
    userId: login.user_id,
    deviceId: login.device_id,
});
const prepared = new Promise((resolve, reject) => {
    client.on(sdk.ClientEvent.Sync, (state, _, data) => {
        if (state === "PREPARED") resolve();
        if (state === "ERROR") reject(data.error);
    });
});
await client.startClient({ initialSyncLimit: 20 });
await prepared;

function isMessage(event) {
    return event.getType() === "m.room.message";
}

const actions = {
    rooms() {
        const direct = Object.values(client.getAccountData("m.direct")?.getContent() ?? {}).flat();
        return client.getRooms().map((room) => ({
            id: room.roomId,
            name: room.name,
            membership: room.getMyMembership(),
            space: room.isSpaceRoom(),
            direct: direct.includes(room.roomId),
            members: room.getJoinedMembers().map((member) => member.userId).sort(),
            invited: room.getMembersWithMembership("invite").map((member) => member.userId).sort(),
            children: room.currentState
                .getStateEvents("m.space.child")
                .filter((event) => event.getContent().via)
                .map((event) => event.getStateKey()),
            encrypted: room.hasEncryptionStateEvent(),
        }));
    },
    async say(roomId, text, sender) {
        // The bot may say something else at the same time, such as why an earlier message was refused.
        const answered = new Promise((resolve) => {
            client.on(sdk.RoomEvent.Timeline, async (event, room, toStart) => {
                const theirs = !toStart && isMessage(event) && event.getSender() === sender && room.roomId === roomId;
                if (theirs && event.replyEventId === (await sending).event_id) {
                    resolve(event.getContent());
                }
            });
        });
        const sending = client.sendTextMessage(roomId, text);
        const sent = await sending;
        return { event_id: sent.event_id, answer: sender ? await answered : null };
    },
    async until(roomId, text) {
        const found = () => (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [])
            .find((event) => isMessage(event) && event.getContent().body.endsWith(text));
        while (!found()) {
            await new Promise((resolve) => client.once(sdk.RoomEvent.Timeline, resolve));
        }
        return { sender: found().getSender(), body: found().getContent().body };
    },
    async find(spaceId) {
        const { rooms } = await client.getRoomHierarchy(spaceId, 100);
        return rooms.map((room) => ({ id: room.room_id, name: room.name }));
    },
    async join(roomId) {
        await client.joinRoom(roomId);
    },
    async leave(roomId) {
        await client.leave(roomId);
    },
    async name(roomId, name) {
        await client.setRoomName(roomId, name);
    },
    async topic(roomId, topic) {
        await client.setRoomTopic(roomId, topic);
    },
    async refused(action, ...values) {
        const failed = await actions[action](...values).then(() => null, (error) => error);
        return failed ? failed.errcode : "it was done";
    },
    async named(roomId, name) {
        while (client.getRoom(roomId)?.name !== name) {
            await new Promise((resolve) => client.once(sdk.ClientEvent.Sync, resolve));
        }
        return client.getRoom(roomId).currentState.getStateEvents("m.room.topic", "")?.getContent().topic ?? "";
    },
    async unread(roomId, count) {
        while (client.getRoom(roomId)?.getUnreadNotificationCount(sdk.NotificationCountType.Total) !== count) {
            await new Promise((resolve) => client.once(sdk.ClientEvent.Sync, resolve));
        }
        return count;
    },
    last(roomId) {
        const events = client.getRoom(roomId).getLiveTimeline().getEvents().filter(isMessage);
        const event = events.at(-1);
        return event ? { sender: event.getSender(), body: event.getContent().body } : null;
    },
};

const results = [];
for (const [action, ...values] of JSON.parse(wanted)) {
    results.push(await actions[action](...values));
}
client.stopClient();
await client.logout(true);
process.stdout.write(JSON.stringify(results) + "\n", () => process.exit(0));
