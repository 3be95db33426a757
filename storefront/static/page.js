"use strict";
// Clocks in the buyer's own zone, the time left on the hold, and regions that follow the server. All pages work without it.
const zone = document.querySelector("select[data-zone]");
if (zone) {
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...zone.options].some((option) => option.value === mine)) zone.value = mine;
}

const guess = document.querySelector("form[data-guess-zone]");
if (guess) {
  // The server named a zone because nobody had; times are shown anew in the one that this computer keeps.
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const here = new URL(location.href);
  if (mine && mine !== guess.elements.time_zone.value && !here.searchParams.has("time_zone")) {
    here.searchParams.set("time_zone", mine);
    location.replace(here);
  }
}

const dress = (root) => {
  for (const time of root.querySelectorAll("time[data-clock]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
};

const tick = () => {
  for (const left of document.querySelectorAll("[data-deadline]")) {
    const seconds = Math.max(0, Math.floor((new Date(left.dataset.deadline) - Date.now()) / 1000));
    const days = Math.floor(seconds / 86400);
    if (days) { left.textContent = days === 1 ? "1 day left" : `${days} days left`; continue; }
    left.textContent = seconds ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left` : "time is up";
    left.classList.toggle("soon", seconds < 120);
  }
};

for (const region of document.querySelectorAll("[data-live]")) {
  const every = Number(region.dataset.every) * 1000;
  let last = "";
  let failures = 0;
  const look = async () => {
    if (region.querySelector("[data-ended]")) return;
    try {
      const answer = await fetch(region.dataset.live, { headers: { "X-Live": "1" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      failures = 0;
      if (text !== last) {
        last = text;
        const fresh = new DOMParser().parseFromString(text, "text/html").body;
        dress(fresh);
        const said = region.querySelector(".headline");
        const active = document.activeElement?.getAttribute("href");
        const next = fresh.querySelector(".headline");
        if (said && next && said.textContent === next.textContent) next.replaceWith(said);
        region.replaceChildren(...fresh.childNodes);
        if (active) region.querySelector(`a[href="${CSS.escape(active)}"]`)?.focus({ preventScroll: true });
        tick();
      }
    } catch { failures += 1; }
    setTimeout(look, every * Math.min(1 + failures, 10));
  };
  setTimeout(look, every);
}

dress(document);
tick();
setInterval(tick, 1000);
