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
    // Somebody else signed in beside this page: what is of one person is not mixed with what is of another.
    if (fresh.body.dataset.person !== document.body.dataset.person) return void location.replace(address);
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

  // A list of people to tick is narrowed by what is typed above it, with or without accents. Of many people the page has
  // the first: others are asked for, and nobody is taken off the list, so that no tick is lost.
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();
  const isWhole = (list) => list.children.length >= Number(list.dataset.count);
  const boxOf = (item) => item.querySelector("input").id;

  // Show where more are, if they are anywhere.
  const goOn = (list, query) => {
    const more = document.getElementById(`${list.id}-more`);
    more.firstElementChild.setAttribute("href", query);
    more.hidden = !query || isWhole(list);
  };

  // Put behind a list who is not in it yet of another page of it: the page, or null where it does not come.
  const add = async (list, query) => {
    const answer = await fetch(address.split("?")[0] + query, { redirect: "manual" }).catch(() => null);
    const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
    const fresh = page?.getElementById(list.id);
    if (!fresh) return null;
    fresh.dataset.boxes = [...fresh.children].map(boxOf).join(" ");
    for (const item of [...fresh.children]) if (!document.getElementById(boxOf(item))) list.append(item);
    // What changes meanwhile does not put back a list that has grown.
    list.closest("form").setAttribute("data-touched", "");
    if (!new URLSearchParams(query).get("find")) list.dataset.more = fresh.dataset.more;
    goOn(list, fresh.dataset.more);
    return fresh;
  };

  const narrow = async (list, field) => {
    const typed = field.value;
    const words = plain(typed).split(/\s+/).filter(Boolean);
    const whole = !words.length || isWhole(list);
    const fresh = whole ? null : await add(list, `?find=${encodeURIComponent(typed)}`);
    if (field.value !== typed) return;
    const fit = new Set(fresh?.dataset.boxes.split(" "));
    for (const item of list.children) {
      const text = plain(item.textContent);
      item.hidden = !words.every((word) => text.includes(word)) && !fit.has(boxOf(item));
    }
    if (whole) goOn(list, words.length ? "" : list.dataset.more);
    const shown = list.querySelectorAll("li:not([hidden])").length;
    const found = Math.max(shown, Number(fresh?.dataset.found ?? 0));
    document.getElementById(`${list.id}-found`).textContent =
      !whole && !fresh ? "The panel does not answer. Type again in a moment."
      : !words.length ? ""
      : found ? `${found} of ${list.dataset.count}` : "No one by that name.";
  };

  let soon = 0;
  document.addEventListener("input", (event) => {
    const list = event.target.dataset.filters && document.getElementById(event.target.dataset.filters);
    if (!list) return;
    clearTimeout(soon);
    soon = setTimeout(() => narrow(list, event.target), isWhole(list) ? 0 : 200);
  });
  // Who looks for somebody has not yet filled in the form.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.dataset?.filters) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-adds]");
    const list = link && document.getElementById(link.dataset.adds);
    if (!list) return;
    event.preventDefault();
    add(list, link.getAttribute("href"));
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
