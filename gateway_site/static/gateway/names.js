/* Gives names to what unfold and Django leave without: a screen reader says them, nobody sees them. */
"use strict";
(function () {
  function textOf(element) { return element ? element.textContent.trim() : ""; }

  /* A field within a list: the column's title and the row's first words. */
  function nameCell(field) {
    const cell = field.closest("td"), row = field.closest("tr"), table = field.closest("table");
    if (!cell || !table) { return ""; }
    const heads = table.querySelectorAll("thead tr:last-child > *"), at = Array.from(row.children).indexOf(cell);
    const own = cell.dataset.label || textOf(heads[at]);
    return [own, textOf(row.querySelector("th"))].filter(Boolean).join(", ");
  }

  /* The two halves of a date and time share one label, which points at neither. */
  function nameHalf(field) {
    const halves = [[".vDateField", "date"], [".vTimeField", "time"]];
    const half = halves.find(function (one) { return field.matches(one[0]); });
    const label = document.querySelector("label[for='" + CSS.escape(field.id.replace(/_[01]$/, "")) + "']");
    return half ? [textOf(label), half[1]].filter(Boolean).join(", ") : "";
  }

  function nameFields() {
    document.querySelectorAll("#content input, #content select, td input, td select, .vDateField, .vTimeField").forEach(function (field) {
      if (field.type === "hidden" || (field.labels && field.labels.length) || field.hasAttribute("aria-label")) { return; }
      const name = nameHalf(field) || nameCell(field);
      if (name) { field.setAttribute("aria-label", name); }
    });
  }

  /* A select2 box takes its name from what is chosen, and has none when nothing is. */
  function nameChoices() {
    document.querySelectorAll("select.select2-hidden-accessible").forEach(function (select) {
      const box = select.nextElementSibling, label = select.labels && select.labels[0];
      if (!box || !label) { return; }
      label.id = label.id || select.id + "-label";
      box.querySelectorAll("[role=combobox], [role=textbox]").forEach(function (part) {
        const chosen = part.getAttribute("aria-labelledby") || part.id;
        if (!chosen.includes(label.id)) { part.setAttribute("aria-labelledby", (label.id + " " + chosen).trim()); }
      });
    });
  }

  /* What unfold opens by a click on no button: the keyboard reaches it too, and Enter and Space press it. */
  const PRESSED = { "openUserLinks": "Menu of your account", "filterOpen = true": "Filters" };

  function makePressable() {
    Object.entries(PRESSED).forEach(function (pair) {
      document.querySelectorAll("[x-on\\:click*='" + pair[0] + "']:not(button):not([href]):not([role])").forEach(function (one) {
        one.setAttribute("role", "button");
        one.setAttribute("tabindex", "0");
        one.setAttribute("aria-label", pair[1]);
        one.classList.add("qg-pressable");
        one.addEventListener("keydown", function (event) {
          if (event.key !== "Enter" && event.key !== " ") { return; }
          event.preventDefault();
          one.click();
        });
      });
    });
  }

  function nameAll() {
    makePressable();
    nameFields();
    nameChoices();
    document.querySelectorAll(".help-tooltip[aria-label]:not([role])").forEach(function (mark) { mark.setAttribute("role", "img"); });
  }

  window.addEventListener("load", function () { window.setTimeout(nameAll); });  // After the scripts that build the boxes.
  document.addEventListener("formset:added", function () { window.setTimeout(nameAll); });
})();
