// Lets the filters of a list be used by keyboard where they lie over the page: the focus goes to the first one as they
// open, stays among them and in a calendar or clock that one of them opened, and goes back to what opened them as Escape
// closes them.
(function () {
  "use strict";
  const FIELDS = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']";

  const BOX = ".calendarbox, .clockbox";

  function shownIn(place) {
    return Array.from(place.querySelectorAll(FIELDS)).filter(function (one) { return one.getClientRects().length > 0; });
  }

  // Django puts a calendar or clock at the end of the page: calendarbox0 is that of the link calendarlink0.
  function boxOf(link) {
    const named = /^(calendar|clock)link(\d+)$/.exec(link.id);
    return named && document.getElementById(named[1] + "box" + named[2]);
  }

  function openerOf(box) { return document.getElementById(box.id.replace("box", "link")); }

  function begin(panel) {
    let wasOver = false;

    function isOver() { return getComputedStyle(panel).display !== "none" && getComputedStyle(panel).position === "fixed"; }

    function fields() { return shownIn(panel); }

    // What Tab goes through: the filters, and after the link that opened it what an open calendar or clock has.
    function order() {
      return fields().flatMap(function (one) {
        const box = boxOf(one);
        return box ? [one].concat(shownIn(box)) : [one];
      });
    }

    function look() {
      const isNow = isOver(), opener = document.querySelector("[aria-label='Filters']");
      if (isNow && !wasOver && fields().length) { fields()[0].focus(); }
      if (!isNow && wasOver && opener) { opener.focus(); }
      wasOver = isNow;
    }

    document.addEventListener("keydown", function (event) {
      const all = order(), at = all.indexOf(document.activeElement);
      if (event.key !== "Tab" || !isOver() || at < 0) { return; }
      const next = at + (event.shiftKey ? -1 : 1), to = all[(next + all.length) % all.length];
      // Elsewhere the browser knows the way, as among the choices of one filter.
      if (all[next] && all[at].closest(BOX) === to.closest(BOX)) { return; }
      event.preventDefault();
      to.focus();
    });
    // As the click comes down: Django lets none out of a calendar or clock.
    document.addEventListener("click", function (event) {
      const link = event.target.closest(".calendar-cancel"), box = link && link.closest(BOX);
      if (box && isOver() && panel.contains(openerOf(box))) { openerOf(box).focus(); }
    }, true);
    wasOver = isOver();
    new MutationObserver(look).observe(panel, { attributes: true, attributeFilter: ["style", "class"] });
  }

  document.addEventListener("DOMContentLoaded", function () {
    const panel = document.getElementById("changelist-filter");
    if (panel) { begin(panel); }
  });
})();
