"use strict";
// Pages change by themselves: when the bridge says that something changed, this page is asked for again, and the parts
// that differ are put in place. What is being typed, where it is scrolled to and what has the focus stay as they are.
(() => {
  const own = (part) => part.innerHTML.replace(/(name="(?:once|token)" value=")[^"]*/g, "$1");
  // A page that a form was answered with has the address of the page that it shows.
  const address = document.body.dataset.address;
  let asked = 0;

  const refresh = async () => {
    const mine = ++asked;
    let answer;
    try {
      answer = await fetch(address, { headers: { "X-Panel": "live" }, redirect: "manual" });
    } catch {
      return; // The stream says when the bridge is there again.
    }
    // What this person may not see any more must not stay on the screen.
    if (answer.status >= 400 && answer.status < 500) return void location.replace(address);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== asked) return;
    document.body.dataset.seen = fresh.body.dataset.seen;
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
      if (other === null) return void location.replace(address);
      if (own(other) === own(part) || part.querySelector("form[data-touched]")) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const by = focused && (focused.id ? `#${CSS.escape(focused.id)}` : `[href="${CSS.escape(focused.getAttribute("href") ?? "")}"]`);
      part.replaceChildren(...other.childNodes);
      if (by) part.querySelector(by)?.focus({ preventScroll: true });
    }
  };

  // A form that somebody is filling in stays as it is.
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => event.target.closest("form")?.setAttribute("data-touched", ""));
  }

  // A list of people to tick is narrowed by what is typed above it, with or without accents.
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();
  document.addEventListener("input", (event) => {
    const list = event.target.dataset.filters && document.getElementById(event.target.dataset.filters);
    if (!list) return;
    const words = plain(event.target.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of list.children) {
      const text = plain(item.textContent);
      item.hidden = !words.every((word) => text.includes(word));
      if (!item.hidden) shown++;
    }
    const found = document.getElementById(`${list.id}-found`);
    if (found) found.textContent = !words.length ? "" : shown ? `${shown} of ${list.children.length}` : "No one by that name.";
  });

  // The lists stay where they were scrolled to from page to page, with what is shown in sight.
  const rolls = document.querySelector(".rolls");
  if (rolls) {
    rolls.scrollTop = Number(sessionStorage.getItem("rolls"));
    rolls.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    window.addEventListener("pagehide", () => sessionStorage.setItem("rolls", rolls.scrollTop));
  }

  document.querySelector(".told")?.focus();
  if (!document.body.hasAttribute("data-seen")) return;

  // A browser keeps six connections to the panel at most, so a page that nobody looks at has none.
  let stream = null;
  const listen = () => {
    if (stream !== null || document.hidden) return;
    stream = new EventSource(`/events?about=${encodeURIComponent(document.body.dataset.about)}`);
    stream.addEventListener("open", (event) => {
      if (event.data !== undefined && event.data !== document.body.dataset.seen) refresh();
    });
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => {
      if (stream?.readyState !== EventSource.CLOSED) return;
      // Refused: the session is over, or the bridge is just starting.
      stream = null;
      refresh();
      setTimeout(listen, 3000 + Math.random() * 4000);
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else {
      listen();
    }
  });
  listen();
})();
