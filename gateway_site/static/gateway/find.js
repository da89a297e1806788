/* The search box at the top: Ctrl-K or "/" goes there, a list opens below as one types, arrows and Enter choose.
   Also the copy buttons beside ids. */
"use strict";
(function () {
  const PAUSE = 150;

  function isTyping(element) {
    return element && (element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName));
  }

  function beginBox(form) {
    const input = form.querySelector("input[type=search]"), list = form.querySelector("#qs-list"), said = form.querySelector("#qs-said");
    let timer = 0, asked = "", chosen = -1, asking = null;

    function hits() { return Array.from(list.querySelectorAll("a[role=option]")); }

    function choose(index) {
      const all = hits();
      all.forEach(function (one, at) { one.setAttribute("aria-selected", String(at === index)); });
      chosen = index;
      if (all[index]) { input.setAttribute("aria-activedescendant", all[index].id); all[index].scrollIntoView({ block: "nearest" }); }
      else { input.removeAttribute("aria-activedescendant"); }
    }

    function show(open) { list.hidden = !open; input.setAttribute("aria-expanded", String(open)); if (!open) { choose(-1); } }

    async function ask() {
      const term = input.value.trim();
      if (term === asked) { return; }
      asked = term;
      if (asking) { asking.abort(); }
      if (!term) { show(false); return; }
      asking = new AbortController();
      try {
        const posted = new FormData(form);  // Posted, for an address must hold no caller; with the form's own CSRF token.
        posted.set("q", term);
        posted.set("list", "1");
        const answer = await fetch(form.dataset.address, { method: "POST", body: posted, signal: asking.signal, redirect: "error" });
        if (!answer.ok) { throw new Error(String(answer.status)); }
        list.innerHTML = await answer.text();
        show(true);
        choose(hits().length ? 0 : -1);
        said.textContent = hits().length === 1 ? "1 result" : hits().length + " results";
      } catch (error) {
        if (error.name !== "AbortError") { asked = ""; show(false); said.textContent = "The search gives no answer; press Enter to try its page."; }
      }
    }

    input.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(ask, PAUSE); });
    input.addEventListener("focus", function () { if (list.innerHTML && input.value.trim()) { show(true); } });
    input.addEventListener("keydown", function (event) {
      const all = hits();
      if (event.key === "Escape") { if (list.hidden) { input.value = ""; asked = ""; } show(false); event.preventDefault(); }
      if (list.hidden || !all.length) { return; }
      if (event.key === "ArrowDown") { choose((chosen + 1) % all.length); event.preventDefault(); }
      if (event.key === "ArrowUp") { choose((chosen - 1 + all.length) % all.length); event.preventDefault(); }
      if (event.key === "Enter" && all[chosen] && asked === input.value.trim()) { window.location.assign(all[chosen].href); event.preventDefault(); }
    });
    document.addEventListener("click", function (event) { if (!form.contains(event.target)) { show(false); } });
    document.addEventListener("keydown", function (event) {
      const isK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
      const isSlash = event.key === "/" && !isTyping(document.activeElement) && !document.getElementById("searchbar");
      if (!isK && !isSlash) { return; }
      event.preventDefault();
      if (input.offsetParent === null) { window.location.assign(form.dataset.address); return; }
      input.focus();
      input.select();
    }, true);
  }

  function beginCopying(element) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "qg-copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy " + (element.dataset.copyName || element.dataset.copy));
    button.addEventListener("click", async function () {
      try { await navigator.clipboard.writeText(element.dataset.copy); button.textContent = "Copied"; }
      catch (error) { button.textContent = "Not copied"; }
      setTimeout(function () { button.textContent = "Copy"; }, 2000);
    });
    element.after(" ", button);
  }

  function begin() {
    document.querySelectorAll(".qs-box").forEach(beginBox);
    if (navigator.clipboard) { document.querySelectorAll("[data-copy]").forEach(beginCopying); }
  }
  if (document.readyState === "loading") { document.addEventListener("DOMContentLoaded", begin); } else { begin(); }
})();
