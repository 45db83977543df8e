// A service on matrix-bot-sdk (npm) as its Appservice class is meant to be used.
const Module = require("node:module");
const { join } = require("node:path");

// It loads a native library for encryption when it is imported, and nothing here is encrypted.
const load = Module._load;
const nothing = new Proxy(function () {}, { get: (_, name) => name !== "__esModule" && nothing });
Module._load = function (name, ...rest) {
    return name.includes("matrix-sdk-crypto-nodejs") ? nothing : load.call(this, name, ...rest);
};

const { Appservice, SimpleFsStorageProvider } = require("matrix-bot-sdk");
const told = process.env;

const service = new Appservice({
    bindAddress: "127.0.0.1",
    port: Number(told.AS_PORT),
    homeserverName: told.HS_NAME,
    homeserverUrl: told.HS_URL,
    storage: new SimpleFsStorageProvider(join(told.DATA_DIR, "service.json")),
    registration: {
        id: told.AS_ID,
        url: `http://127.0.0.1:${told.AS_PORT}`,
        as_token: told.AS_TOKEN,
        hs_token: told.HS_TOKEN,
        sender_localpart: told.BOT_LOCALPART,
        namespaces: {
            users: [{ exclusive: true, regex: `@_conformance_.*:${told.HS_NAME}` }],
            aliases: [{ exclusive: true, regex: `#_conformance_.*:${told.HS_NAME}` }],
            rooms: [],
        },
    },
});

service.on("room.message", async (room, event) => {
    const [question, said] = String(event.content?.body ?? "").split(" ");
    if (question === "!ping" && event.sender === told.PERSON) await service.botIntent.sendText(room, `pong ${said}`, "m.notice");
});
// As its documentation has it: what is not answered does not exist.
service.on("query.user", (_user, create) => create(false));
service.on("query.room", (_alias, create) => create(false));

for (const lookup of ["user.matrix", "user.remote", "location.matrix", "location.remote"]) {
    service.on(`thirdparty.${lookup}`, (...given) => given.at(-1)([]));
}
service.on("thirdparty.protocol", (_protocol, answer) => answer(null));

service.begin();
