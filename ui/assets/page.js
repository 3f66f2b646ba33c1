// Pages work without this script. It adds three things: buttons that copy, times in the reader's zone, and a running run that
// refreshes itself.
"use strict";
(() => {
  const words = document.body.dataset;

  // A text that is selected by a click gets a button that copies it.
  if (navigator.clipboard) {
    for (const text of document.querySelectorAll(".copy")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn cp";
      button.textContent = words.copy;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text.dataset.value ?? text.textContent);
        button.textContent = words.copied;
        setTimeout(() => (button.textContent = words.copy), 2000);
      });
      text.after(button);
    }
  }

  // The exact time on hover, in the reader's zone.
  const zone = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });
  const localize = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) time.title = zone.format(new Date(time.dateTime));
  };
  localize(document);

  // The main part of a page that shows something running is fetched again while the page is looked at.
  const seconds = Number(words.refresh);
  if (seconds > 0) {
    const refresh = async () => {
      const busy = document.querySelector("details.pop[open], input:checked, dialog[open]");
      const typing = document.activeElement?.matches("input, textarea, select");
      if (!document.hidden && !busy && !typing) {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
        if (answer?.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.querySelector("main");
          if (fresh) {
            document.querySelector("main").replaceWith(fresh);
            localize(fresh);
          }
          if (!page.body.dataset.refresh) return;
        }
      }
      setTimeout(refresh, seconds * 1000);
    };
    setTimeout(refresh, seconds * 1000);
  }
})();
