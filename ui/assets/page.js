// Pages work without this script. It adds four things: buttons that copy, full values in what is copied, times in the reader's
// zone, and a running run that refreshes itself.
"use strict";
(() => {
  const words = document.body.dataset;

  // A text that is selected by a click gets a button that copies it.
  const offerCopies = (root) => {
    if (!navigator.clipboard) return;
    for (const text of root.querySelectorAll(".copy")) {
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
  };
  offerCopies(document);

  // Numbers are shown with four digits. What is copied of them has all, with a tab between the cells of a table.
  const FULL = ".num[title], .num span[title]:not(.mut)";
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection.rangeCount || !event.clipboardData) return;
    const range = selection.getRangeAt(0);
    const from = range.startContainer;
    const within = (from.nodeType === 1 ? from : from.parentElement).closest(FULL);
    if (within?.contains(range.endContainer)) {
      event.clipboardData.setData("text/plain", within.title);
      event.preventDefault();
      return;
    }
    const rows = range.cloneContents();
    const cut = rows.querySelectorAll(FULL);
    if (!cut.length || !rows.querySelector("tr")) return;
    for (const cell of cut) cell.textContent = cell.title;
    const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim()).join("\t");
    event.clipboardData.setData("text/plain", [...rows.querySelectorAll("tr")].map(cells).join("\n"));
    event.preventDefault();
  });

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
      const busy = document.querySelector("details.pop[open], input:checked, dialog[open], iframe, audio, video");
      const typing = document.activeElement?.matches("input, textarea, select");
      if (!document.hidden && !busy && !typing) {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
        if (answer?.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.querySelector("main");
          if (fresh) {
            document.querySelector("main").replaceWith(fresh);
            localize(fresh);
            offerCopies(fresh);
          }
          if (!page.body.dataset.refresh) return;
        }
      }
      setTimeout(refresh, seconds * 1000);
    };
    setTimeout(refresh, seconds * 1000);
  }
})();
