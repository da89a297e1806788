// Keeps a list true where people wait: fetches its page every five seconds while somebody can see it, and takes the
// rows. Nothing changes under a person's hands: while a row is chosen or in focus, or text is selected, it waits.
(function () {
  "use strict";
  const EVERY = 5000;

  function begin(news) {
    let timer = 0, isOver = false;

    function say(text) { if (news.textContent !== text) { news.textContent = text; } }

    function isInUse() {
      const table = document.getElementById("result_list");
      if (!table) { return false; }
      const selection = window.getSelection();
      return table.contains(document.activeElement) || Boolean(table.querySelector("input:checked")) ||
        (!selection.isCollapsed && table.contains(selection.anchorNode));
    }

    function take(fresh) {
      const table = document.getElementById("result_list"), next = fresh.getElementById("result_list");
      if (!table || !next) {
        if (table || next) { window.location.reload(); }
        return;
      }
      const bodies = Array.from(next.tBodies), old = Array.from(table.tBodies);
      if (bodies.map(textOf).join() === old.map(textOf).join()) { return; }
      old.forEach(function (body) { body.remove(); });
      bodies.forEach(function (body) { table.append(document.adoptNode(body)); });
      const pages = document.querySelector(".qg-pages"), freshPages = fresh.querySelector(".qg-pages");
      if (pages && freshPages && !pages.contains(document.activeElement)) { pages.innerHTML = freshPages.innerHTML; }
    }

    function textOf(body) { return body.textContent; }

    function end(text) {
      isOver = true;
      say(text);
    }

    function read(answer) {
      if (answer.type === "opaqueredirect" || answer.status === 403) {
        end("Your session has ended or your rights have changed; this list is not updated any more. Load the page again.");
        return null;
      }
      if (!answer.ok) { throw new Error("status " + answer.status); }
      return answer.text().then(function (html) {
        if (!isInUse()) { take(new DOMParser().parseFromString(html, "text/html")); }
        say("Updated every 5 seconds.");
      });
    }

    function loop() {
      window.clearTimeout(timer);
      if (isOver || document.hidden) { return; }
      if (isInUse()) {
        say("Not updated while a row is in use.");
        timer = window.setTimeout(loop, EVERY);
        return;
      }
      const way = { redirect: "manual", cache: "no-store", headers: { "Gateway-Poll": "1" } };
      fetch(window.location.href, way).then(read).catch(function () {
        say("The gateway does not answer; it is asked again.");
      }).finally(function () { timer = window.setTimeout(loop, EVERY); });
    }

    document.addEventListener("visibilitychange", function () {
      if (isOver) { return; }
      if (document.hidden) { window.clearTimeout(timer); } else { loop(); }
    });
    say("Updated every 5 seconds.");
    timer = window.setTimeout(loop, EVERY);
  }

  document.addEventListener("DOMContentLoaded", function () {
    const news = document.getElementById("qg-list-news");
    if (news) { begin(news); }
  });
})();
