// MLflow's clients print addresses such as `…/ml/mlflow/#/experiments/1/runs/<run id>`. The browser keeps the part after the
// `#` for itself, so this script goes to the page that it means.
"use strict";
(() => {
  const pages = document.body.dataset.pages;
  const forms = [
    [/^#\/experiments\/[^/]+\/runs\/([^/?]+)/, (found) => `/candidates/${found[1]}`],
    [/^#\/experiments\/([^/?]+)/, (found) => `/experiments/${found[1]}`],
    [/^#\/models\/([^/?]+)\/versions\/([^/?]+)/, (found) => `/models/by-name/${found[1]}/versions/${found[2]}`],
    [/^#\/models\/([^/?]+)/, (found) => `/models/by-name/${found[1]}`],
    [/^#\/models/, () => "/models"],
  ];
  const follow = () => {
    for (const [form, target] of forms) {
      const found = form.exec(location.hash);
      if (found) return location.replace(pages + target(found));
    }
  };
  addEventListener("hashchange", follow);
  follow();
})();
