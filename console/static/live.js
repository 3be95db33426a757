"use strict";
// Refreshes every [data-live] region from its address. Without this script the pages say the same, when loaded again.
// Answers are our own server-rendered fragments; they are parsed, not evaluated.
for (const region of document.querySelectorAll("[data-live]")) {
  const every = Number(region.dataset.every || 2) * 1000;
  let last = "";
  let failures = 0;

  const inUse = () => {
    const chosen = document.getSelection();
    return chosen && !chosen.isCollapsed && region.contains(chosen.anchorNode);
  };

  const put = (text) => {
    if (text === last || inUse()) return;
    last = text;
    const fresh = new DOMParser().parseFromString(text, "text/html").body;
    const active = region.contains(document.activeElement) ? document.activeElement : null;
    const address = active && active.getAttribute("href");
    const scrolled = [...region.querySelectorAll(".scroll")].map((part) => part.scrollLeft);
    region.replaceChildren(...fresh.childNodes);
    region.querySelectorAll(".scroll").forEach((part, n) => { part.scrollLeft = scrolled[n] || 0; });
    const again = address && [...region.querySelectorAll("a")].find((link) => link.getAttribute("href") === address);
    if (again) again.focus({ preventScroll: true });
  };

  const look = async () => {
    const parts = region.querySelectorAll(".run");
    if (parts.length && [...parts].every((part) => "ended" in part.dataset)) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(region.dataset.live, { headers: { "X-Live": "1" } });
        if (answer.status === 401) { location.reload(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        put(await answer.text());
        failures = 0;
      } catch { failures += 1; }
      region.classList.toggle("stale", failures > 1);
    }
    setTimeout(look, every * Math.min(1 + failures, 8));
  };
  setTimeout(look, every);
}
