// Keep the dashboard true: fetch its fragment every few seconds while somebody can see it. Only what changed is put in
// place, so that the keyboard's focus, an open table and the scroll place stay; and where the gateway gives no answer,
// the page says since when, for a figure of yesterday must not look like one of now.
(function () {
  "use strict";
  const EVERY = 5000;
  const PATIENCE = 8000;

  function begin(panel, news, state) {
    let answeredAt = Date.now();
    let timer = 0;
    let isOver = false;
    let asking = null;

    function say(text, isTrouble) {
      if (news.textContent !== text) { news.textContent = text; } // A live region: only what is new is spoken.
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

    function end(text, address) {
      isOver = true;
      say(text, true);
      if (address) {
        const link = document.createElement("a");
        link.href = address;
        link.textContent = "Log in again";
        news.append(" ", link);
      }
    }

    function take(answer) {
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        end("Your session has ended; what you see is not updated any more.", panel.dataset.login);
        return null;
      }
      if (answer.status === 403) {
        end("Your account may not see calls any more; what you see is not updated.");
        return null;
      }
      if (!answer.ok) { throw new Error("status " + answer.status); }
      return answer.text().then(function (html) {
        show(html);
        answeredAt = Date.now();
        say("Updated every " + EVERY / 1000 + " seconds.");
      });
    }

    function ask() {
      asking = new AbortController();
      const patience = window.setTimeout(function () { asking.abort(); }, PATIENCE);
      const way = { redirect: "manual", signal: asking.signal, headers: { Accept: "text/html" }, cache: "no-store" };
      return fetch(panel.dataset.address, way).then(take).catch(function () {
        if (document.hidden) { return; }
        const since = new Date(answeredAt).toLocaleTimeString();
        say("The gateway does not answer since " + since + "; what you see is of then. It is asked again.", true);
      }).finally(function () {
        window.clearTimeout(patience);
        asking = null;
      });
    }

    function loop() {
      window.clearTimeout(timer);
      if (isOver || document.hidden || asking) { return; }
      ask().then(function () { timer = window.setTimeout(loop, EVERY); });
    }

    document.addEventListener("visibilitychange", function () {
      if (!isOver && !document.hidden) { loop(); }
    });
    say("Updated every " + EVERY / 1000 + " seconds.");
    timer = window.setTimeout(loop, EVERY);
  }

  document.addEventListener("DOMContentLoaded", function () {
    const panel = document.getElementById("qd-panel");
    if (panel) { begin(panel, document.getElementById("qd-news"), document.getElementById("qd-state")); }
  });
})();
