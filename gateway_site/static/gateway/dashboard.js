// Refresh the dashboard's figures in place every few seconds while somebody can see them.
(function () {
  "use strict";
  async function refresh(panel) {
    const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) { return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("qg-dashboard");
    const focused = panel.contains(document.activeElement);
    if (fresh && !focused) { panel.innerHTML = fresh.innerHTML; }
  }
  document.addEventListener("DOMContentLoaded", function () {
    const panel = document.getElementById("qg-dashboard");
    if (!panel) { return; }
    window.setInterval(function () {
      if (!document.hidden) { refresh(panel).catch(function () { /* The next try comes by itself. */ }); }
    }, Number(panel.dataset.refreshSeconds) * 1000);
  });
})();
