"use strict";
// Pages change by themselves: when the bridge says that something changed, this page is asked for again, and the parts
// that differ are put in place. What is being typed, where it is scrolled to and what has the focus stay as they are.
(() => {
  const parts = () => document.querySelectorAll("[data-live]");

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { "X-Panel": "live" }, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      location.reload();
      return;
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const other = fresh.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
      if (other === null || other.innerHTML === part.innerHTML || part.querySelector("form[data-touched]")) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
      part.replaceChildren(...other.childNodes);
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    }
  };

  document.addEventListener("change", (event) => {
    event.target.closest("form")?.setAttribute("data-touched", "");
  });

  // A list of people to tick is narrowed by what is typed above it.
  document.addEventListener("input", (event) => {
    const list = event.target.dataset.filters && document.getElementById(event.target.dataset.filters);
    if (!list) return;
    const words = event.target.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    for (const item of list.children) {
      const text = item.textContent.toLocaleLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
  });

  if (document.body.hasAttribute("data-signed-in")) {
    let first = true;
    const stream = new EventSource("/events");
    stream.addEventListener("changed", () => {
      // The first word of a stream says that it is there; after a break it means that something may have been missed.
      if (!first) refresh();
      first = false;
    });
    document.addEventListener("visibilitychange", () => document.hidden || refresh());
  }
})();
