// Lets the filters of a list be used by keyboard where they lie over the page: the focus goes to the first one as they
// open, stays among them, and goes back to what opened them as Escape closes them.
(function () {
  "use strict";
  const FIELDS = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']";

  function begin(panel) {
    let wasOver = false;

    function isOver() { return getComputedStyle(panel).display !== "none" && getComputedStyle(panel).position === "fixed"; }

    function fields() {
      return Array.from(panel.querySelectorAll(FIELDS)).filter(function (one) { return one.getClientRects().length > 0; });
    }

    function look() {
      const isNow = isOver(), opener = document.querySelector("[aria-label='Filters']");
      if (isNow && !wasOver && fields().length) { fields()[0].focus(); }
      if (!isNow && wasOver && opener) { opener.focus(); }
      wasOver = isNow;
    }

    panel.addEventListener("keydown", function (event) {
      if (event.key !== "Tab" || !isOver()) { return; }
      const all = fields(), last = event.shiftKey ? all[0] : all[all.length - 1];
      if (document.activeElement !== last) { return; }
      event.preventDefault();
      (event.shiftKey ? all[all.length - 1] : all[0]).focus();
    });
    wasOver = isOver();
    new MutationObserver(look).observe(panel, { attributes: true, attributeFilter: ["style", "class"] });
  }

  document.addEventListener("DOMContentLoaded", function () {
    const panel = document.getElementById("changelist-filter");
    if (panel) { begin(panel); }
  });
})();
