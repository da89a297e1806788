// Keep the page "Live calls" up to date (see gateway/polling.js), and count the seconds in between. Rows
// are changed in place, so that the keyboard's focus and the scroll place stay.
(function () {
  "use strict";
  const INTERVAL = 2000, TIMEOUT = 5000; // In milliseconds.

  function begin(panel, news) {
    let ahead = 0; // How far this computer's clock is ahead of the gateway's, in milliseconds.

    function say(text, isTrouble, link) {
      if (news.textContent !== text) { news.textContent = text; } // A live region: only what is new is spoken.
      if (link) { news.append(" ", link); }
      news.classList.toggle("ql-trouble", Boolean(isTrouble));
    }

    function measure() {
      const live = panel.querySelector("#live");
      ahead = Date.now() - (Number(live.dataset.now) * 1000 + Number(live.dataset.micro) / 1000);
    }

    function length(seconds) {
      const rest = Math.max(0, Math.floor(seconds));
      const minutes = Math.floor(rest / 60) % 60, hours = Math.floor(rest / 3600);
      const two = function (number) { return String(number).padStart(2, "0"); };
      return hours ? hours + ":" + two(minutes) + ":" + two(rest % 60) : minutes + ":" + two(rest % 60);
    }

    function tick() {
      const now = (Date.now() - ahead) / 1000;
      panel.querySelectorAll("[data-since]").forEach(function (one) {
        one.textContent = "for " + length(now - Number(one.dataset.since));
      });
      panel.querySelectorAll("[data-deadline]").forEach(function (one) {
        const left = Math.ceil(Number(one.dataset.deadline) - now);
        one.textContent = left > 0 ? left + " s left," : "the window is over,";
      });
    }

    // The row that must not move: the one in focus, else the first that can be seen.
    function anchor() {
      const focused = document.activeElement && document.activeElement.closest("#live-panel tbody tr");
      const rows = Array.from(panel.querySelectorAll("tbody tr"));
      return focused || (window.scrollY > 0 && rows.find(function (row) { return row.getBoundingClientRect().bottom > 0; })) || null;
    }

    function changeRow(row, fresh) {
      Array.from(fresh.cells).forEach(function (cell, place) {
        if (row.cells[place].innerHTML !== cell.innerHTML) { row.cells[place].innerHTML = cell.innerHTML; }
      });
    }

    function changeRows(body, fresh) {
      const wanted = new Set(Array.from(fresh.rows, function (row) { return row.id; }));
      Array.from(body.rows).forEach(function (row) { if (!wanted.has(row.id)) { row.remove(); } });
      let place = body.rows[0] || null;
      Array.from(fresh.rows).forEach(function (row) {
        if (place && place.id === row.id) {
          changeRow(place, row);
          place = place.nextElementSibling;
        } else {
          const known = document.getElementById(row.id);
          if (known) { known.remove(); }
          body.insertBefore(row, place);
        }
      });
    }

    function show(html) {
      const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("live");
      const live = panel.querySelector("#live");
      if (!fresh) { throw new Error("no fragment"); }
      const kept = anchor();
      const before = kept && kept.getBoundingClientRect().top;
      const focused = document.activeElement && document.activeElement.closest("#live-panel tbody tr");
      const number = focused ? Array.from(focused.parentNode.rows).indexOf(focused) : -1;
      const body = live.querySelector("tbody"), freshBody = fresh.querySelector("tbody");
      if (body && freshBody) {
        changeRows(body, freshBody);
        live.querySelector("#live-sentence").textContent = fresh.querySelector("#live-sentence").textContent;
        live.dataset.now = fresh.dataset.now;
        live.dataset.micro = fresh.dataset.micro;
      } else {
        live.replaceWith(fresh);
      }
      if (focused && !focused.isConnected) { focusNear(number); }
      if (kept && kept.isConnected) { window.scrollBy(0, kept.getBoundingClientRect().top - before); }
    }

    // The call in focus has ended: the focus goes to the one that stands there now.
    function focusNear(number) {
      const links = panel.querySelectorAll("tbody th a");
      const link = links[Math.min(number, links.length - 1)];
      if (link) { link.focus({ preventScroll: true }); }
    }

    measure();
    tick();
    window.setInterval(function () { if (!document.hidden) { tick(); } }, 500);
    window.gatewayPoll({
      panel: panel,
      interval: INTERVAL,
      timeout: TIMEOUT,
      say: say,
      show: function (html) { show(html); measure(); tick(); },
      clockAhead: function () { return ahead; },
      pausedText: "Paused while this page cannot be seen.",
    });
  }

  const panel = document.getElementById("live-panel");
  if (panel) { begin(panel, document.getElementById("live-news")); }
})();
