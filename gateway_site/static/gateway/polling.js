// Keep a part of a page up to date: fetch its fragment at an interval while somebody can see the page, and say so when
// that stops working, because a figure of yesterday must not look like one of now.
//
// gatewayPoll({panel, interval, timeout, say, show, clockAhead}) begins at once.
//   panel       its data-address is the fragment, its data-login the page to log in again
//   say         say(text, isTrouble, link) puts a text into the page's live region
//   show        show(html) puts the fragment in place; throws if it is none
//   clockAhead  returns how far this computer's clock is ahead of the gateway's, in milliseconds; may be left out
//   pausedText  said while the page cannot be seen; may be left out
window.gatewayPoll = function (options) {
  "use strict";
  const panel = options.panel, say = options.say;
  const updated = "Updated every " + options.interval / 1000 + " seconds.";
  let answeredAt = Date.now();
  let timer = 0;
  let isOver = false;
  let request = null;

  function end(text, address) {
    isOver = true;
    let link = null;
    if (address) {
      link = document.createElement("a");
      link.href = address;
      link.textContent = "Log in again";
    }
    say(text, true, link);
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
      options.show(html);
      answeredAt = Date.now();
      say(updated);
    });
  }

  function ask() {
    request = new AbortController();
    const timeout = window.setTimeout(function () { request.abort(); }, options.timeout);
    const how = { redirect: "manual", signal: request.signal, headers: { Accept: "text/html" }, cache: "no-store" };
    return fetch(panel.dataset.address, how).then(take).catch(function () {
      if (document.hidden) { return; }
      const ahead = options.clockAhead ? options.clockAhead() : 0;
      const since = new Date(answeredAt - ahead).toLocaleTimeString();
      say("The gateway does not answer since " + since + "; what you see is of then. It is asked again.", true);
    }).finally(function () {
      window.clearTimeout(timeout);
      request = null;
    });
  }

  function loop() {
    window.clearTimeout(timer);
    if (isOver || document.hidden || request) { return; }
    ask().then(function () { timer = window.setTimeout(loop, options.interval); });
  }

  document.addEventListener("visibilitychange", function () {
    if (isOver) { return; }
    if (!document.hidden) { loop(); } else if (options.pausedText) { say(options.pausedText); }
  });
  say(updated);
  timer = window.setTimeout(loop, options.interval);
};
