"use strict";
// The panel beside the messages: it asks the client that frames it who its person is (MSC1960), shows parts of the
// conversation, and asks the client to go to a message (MSC2931). What it is let in with is in this memory alone.
(() => {
  const here = new URLSearchParams(location.search);
  const path = location.pathname;
  const conversation = decodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
  const clients = document.body.dataset.clients.split(" ");
  const widget = here.get("widgetId");
  const told = document.getElementById("told");
  const again = document.getElementById("again");
  const part = document.getElementById("part");
  const GOES = "org.matrix.msc2931.navigate";
  let client = null;
  try {
    client = new URL(here.get("parentUrl")).origin;
  } catch {
    // Not framed by a client.
  }
  document.documentElement.dataset.theme = (here.get("theme") ?? "").includes("dark") ? "dark" : "light";

  const say = (text, repeat = false) => {
    told.textContent = text;
    again.hidden = !repeat;
  };

  // The widget API: questions of ours by number, and what the client asks.
  const waiting = new Map();
  let number = 0;
  const send = (message) => window.parent.postMessage(message, client);
  const ask = (action, data) =>
    new Promise((answered) => {
      const requestId = `${action}-${++number}`;
      waiting.set(requestId, answered);
      send({ api: "fromWidget", widgetId: widget, requestId, action, data });
    });
  let granted = () => {};
  let mayGo = false;
  const answers = {
    capabilities: () => ({ capabilities: [] }),
    supported_api_versions: () => ({ supported_versions: ["0.0.1", "0.0.2", "org.matrix.msc2871"] }),
    notify_capabilities: (data) => {
      mayGo = (data?.approved ?? []).includes(GOES);
      granted();
      return {};
    },
    openid_credentials: (data) => {
      waiting.get(`proof of ${data?.original_request_id}`)?.(data);
      return {};
    },
  };
  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== window.parent || origin !== client || typeof data !== "object" || data === null) return;
    if (data.api === "fromWidget" && data.response !== undefined) {
      waiting.get(data.requestId)?.(data.response, data.requestId);
      waiting.delete(data.requestId);
    } else if (data.api === "toWidget" && data.response === undefined && data.widgetId === widget) {
      const answer = Object.hasOwn(answers, data.action) ? answers[data.action] : () => ({});
      send({ ...data, response: answer(data.data) });
    }
  });

  const proof = async () => {
    const requestId = `get_openid-${number + 1}`;
    const later = new Promise((answered) => waiting.set(`proof of ${requestId}`, answered));
    const first = await ask("get_openid", {});
    return first.state === "request" ? await later : first;
  };

  // What lets us in.
  let session = null;
  const enter = async () => {
    say("One moment. Your client is asked who you are.");
    const { state, access_token, matrix_server_name } = await proof();
    if (state !== "allowed") return say("Without knowing who you are, the panel shows nothing here.", true), false;
    const body = JSON.stringify({ conversation, access_token, matrix_server_name });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/widget/in", { method: "POST", body, headers, credentials: "omit", redirect: "error" });
    if (!answer.ok) {
      say(answer.status === 403 ? "There is nothing here that you can see." : "Not just now. Try again soon.", true);
      return false;
    }
    ({ session } = await answer.json());
    return true;
  };
  const get = (what) =>
    fetch(`${path}/${what}`, { headers: { Authorization: `Bearer ${session}` }, credentials: "omit", redirect: "error" });

  // Puts what is shown in its place. What has the focus keeps it where it is still there; else the new part has it.
  const put = (fresh, tab, quiet) => {
    const had = part.contains(document.activeElement) ? document.activeElement : null;
    // What somebody is typing stays.
    if (quiet && had?.matches("input") && had.value !== had.defaultValue) return;
    part.dataset.was = fresh.innerHTML;
    part.dataset.shows = tab;
    part.replaceChildren(...fresh.childNodes);
    if (had === null) return;
    const by = had.id ? `#${CSS.escape(had.id)}` : `[href="${CSS.escape(had.getAttribute("href") ?? "")}"]`;
    (part.querySelector(by) ?? part).focus({ preventScroll: quiet });
  };

  // What is shown.
  let shown = { tab: "files", query: {} };
  let asked = 0;
  const show = async (wanted, { quiet = false } = {}) => {
    shown = wanted;
    for (const button of document.querySelectorAll("[data-tab]")) {
      if (button.dataset.tab === wanted.tab) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
    const mine = ++asked;
    try {
      if (session === null && !(await enter())) return void part.replaceChildren();
      const question = `${wanted.tab}?${new URLSearchParams(wanted.query)}`;
      let answer = await get(question);
      if (answer.status === 401) {
        // The session is over; what may not be seen any more must not stay on the screen.
        session = null;
        part.replaceChildren();
        if (!(await enter())) return;
        answer = await get(question);
      }
      if (mine !== asked) return;
      if (!answer.ok) return say("Not just now. Try again soon.", true);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked) return;
      say("");
      if (!quiet || fresh.body.innerHTML !== part.dataset.was) put(fresh.body, wanted.tab, quiet);
      listen();
    } catch {
      say("The panel does not answer just now.", true);
    }
  };

  // It changes by itself: the bridge says only that something did.
  let listening = null;
  const listen = async () => {
    if (listening !== null || document.hidden) return;
    const mine = (listening = new AbortController());
    try {
      const headers = { Authorization: `Bearer ${session}` };
      const stream = await fetch(`${path}/events`, { headers, credentials: "omit", redirect: "error", signal: mine.signal });
      if (!stream.ok) throw new Error("refused");
      for (const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
        const { value, done } = await reader.read();
        if (done) break;
        if (value.includes("event: changed")) show(shown, { quiet: true });
      }
    } catch {
      // It was ended, here or there.
    }
    if (listening !== mine) return;
    listening = null;
    if (!document.hidden) setTimeout(() => show(shown, { quiet: true }), 3000 + Math.random() * 4000);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      listening?.abort();
      listening = null;
    } else if (session !== null) show(shown, { quiet: true });
  });

  const go = async (uri) => {
    if (!mayGo) {
      const answered = new Promise((done) => (granted = done));
      const refused = await ask("org.matrix.msc2974.request_capabilities", { capabilities: [GOES] });
      if (refused.error === undefined) await answered;
    }
    const gone = mayGo ? await ask(GOES, { uri }) : { error: {} };
    say(gone.error === undefined ? "" : "Your client did not go to that message.");
  };
  document.addEventListener("click", (event) => {
    const { target } = event;
    const message = target.closest("[data-message]");
    if (message) {
      event.preventDefault();
      go(message.href);
    } else if (target.dataset.tab) show({ tab: target.dataset.tab, query: {} });
    else if (target.dataset.after) show({ tab: "files", query: { ...shown.query, after: target.dataset.after } });
    else if (again.contains(target)) show(shown);
  });
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    show({ tab: "files", query: { q: new FormData(event.target).get("q") } });
  });
  window.addEventListener("pagehide", () => {
    if (session === null) return;
    const headers = { Authorization: `Bearer ${session}` };
    fetch("/widget/out", { method: "POST", headers, credentials: "omit", keepalive: true });
    session = null;
  });

  if (window.parent === window || !clients.includes(client) || widget === null) {
    return say("This page is shown beside the messages in your client. In a browser, open the panel with !panel.");
  }
  ask("content_loaded", {});
  show(shown);
})();
