// Keep the dashboard up to date (see polling.js). Only what changed is put in place, so that the keyboard's focus, an
// open table and the scroll place stay.
(function () {
  "use strict";
  const INTERVAL = 5000, TIMEOUT = 8000; // In milliseconds.

  function begin(panel, news, state) {
    function say(text, isTrouble, link) {
      if (news.textContent !== text) { news.textContent = text; } // A live region: only what is new is spoken.
      if (link) { news.append(" ", link); }
      news.classList.toggle("qd-trouble", Boolean(isTrouble));
      panel.classList.toggle("qd-stale", Boolean(isTrouble));
    }

    function focusedAgain(part, change) {
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const address = focused && focused.getAttribute("href");
      const isOpen = Array.from(part.querySelectorAll("details[open]"), function (one) { return one.id; });
      const isSummary = focused && focused.tagName === "SUMMARY";
      change();
      isOpen.forEach(function (id) { const one = document.getElementById(id); if (one) { one.open = true; } });
      if (!focused) { return; }
      const links = Array.from(part.querySelectorAll("a"));
      const same = isSummary ? part.querySelector("summary") : links.find(function (one) { return one.getAttribute("href") === address; });
      const next = same || links[0];
      if (next) { next.focus({ preventScroll: true }); }
    }

    // The page's first layer stands in parts with an id; a part that is as it was is not touched.
    function show(html) {
      const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("qg-dashboard");
      const shown = document.getElementById("qg-dashboard");
      if (!fresh) { throw new Error("no fragment"); }
      const ids = function (one) { return Array.from(one.querySelectorAll("section[id], p[id]"), function (part) { return part.id; }).join(); };
      if (ids(fresh) !== ids(shown)) {
        focusedAgain(shown, function () { shown.innerHTML = fresh.innerHTML; });
      } else {
        fresh.querySelectorAll("section[id], p[id]").forEach(function (part) { replace(document.getElementById(part.id), part); });
      }
      if (fresh.dataset.well !== shown.dataset.well) { state.textContent = fresh.querySelector("#qd-sentence").textContent; }
      shown.dataset.well = fresh.dataset.well;
    }

    function replace(part, fresh) {
      if (part.className !== fresh.className) { part.className = fresh.className; }
      if (part.innerHTML.replace(/(<details[^>]*?) open=""/g, "$1") !== fresh.innerHTML) {
        focusedAgain(part, function () { part.innerHTML = fresh.innerHTML; });
      }
    }

    window.gatewayPoll({ panel: panel, interval: INTERVAL, timeout: TIMEOUT, say: say, show: show });
  }

  document.addEventListener("DOMContentLoaded", function () {
    const panel = document.getElementById("qd-panel");
    if (panel) { begin(panel, document.getElementById("qd-news"), document.getElementById("qd-state")); }
  });
})();
