/* The trend of a report as a chart, in the colours of the theme; own dates only where they are wanted; names suggested. */
"use strict";
(function () {
  const period = document.getElementById("period"), own = document.getElementById("own");
  function showOwn() { own.hidden = period.value !== "own"; }
  if (period && own) { period.addEventListener("change", showOwn); showOwn(); }

  function suggest(field) {
    let timer = 0;
    field.addEventListener("input", function () {
      window.clearTimeout(timer);
      timer = window.setTimeout(function () {
        fetch(field.dataset.names + "?q=" + encodeURIComponent(field.value)).then(function (answer) {
          return answer.ok ? answer.json() : { names: [] };
        }).then(function (found) {
          field.list.replaceChildren(...found.names.map(function (pair) { return new Option(pair[1], pair[0]); }));
        }).catch(function () { field.list.replaceChildren(); });  // What is typed counts as it stands.
      }, 150);
    });
  }
  document.querySelectorAll("input[data-names]").forEach(suggest);

  const canvas = document.getElementById("report-trend"), data = document.getElementById("report-trend-data");
  if (!canvas || !data || !window.Chart) { return; }
  const trend = JSON.parse(data.textContent);
  let chart = null;

  function draw() {
    const dark = document.documentElement.classList.contains("dark");
    const ink = dark ? "#e5e7eb" : "#374151", grid = dark ? "rgb(255 255 255 / 15%)" : "rgb(0 0 0 / 12%)";
    if (chart) { chart.destroy(); }
    chart = new window.Chart(canvas, {
      data: { labels: trend.days, datasets: (trend.percent ? [
        { type: "line", label: "flagged, %", data: trend.percent, yAxisID: "percent", borderColor: dark ? "#4ade80" : "#15803d", backgroundColor: dark ? "#4ade80" : "#15803d", spanGaps: true, tension: 0 }
      ] : []).concat([
        { type: "bar", label: "not flagged", data: trend.unflagged, yAxisID: "legs", backgroundColor: dark ? "#f59e0b" : "#d97706" }
      ]) },
      options: { animation: false, responsive: true, maintainAspectRatio: false,
        plugins: { legend: { labels: { color: ink } } },
        scales: {
          x: { ticks: { color: ink }, grid: { color: grid } },
          percent: { display: Boolean(trend.percent), position: "left", max: 100, suggestedMin: 50, ticks: { color: ink }, grid: { color: grid }, title: { display: true, text: "flagged, %", color: ink } },
          legs: { position: "right", beginAtZero: true, ticks: { color: ink, precision: 0 }, grid: { display: false }, title: { display: true, text: "legs not flagged", color: ink } }
        } }
    });
  }
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
})();
