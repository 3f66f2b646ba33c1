"""Forms: how they are found on a page, filled in and submitted, as a person would.

A form's kind is its method and the kind of its target. A button with a target of its own counts as another form.
"""

from dataclasses import dataclass, field

from playwright.sync_api import Page

SUBMIT_MS_MAX = 30_000

# All pairs of a form and one of its buttons.
SUBMITTERS = """const submitters = () => Array.from(document.forms).flatMap((form) =>
  Array.from(form.elements).filter((part) => part.type === "submit").map((button) => ({
    form, button,
    method: (button.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get").toUpperCase(),
    action: new URL(button.getAttribute("formaction") ?? form.getAttribute("action") ?? "", location.href).href,
  })));"""
FORMS = "() => {" + SUBMITTERS + "return submitters().map(({ method, action }) => ({ method, action })); }"
# The addresses to which forms lead that change nothing, with the first two rows that can be chosen.
TARGETS = "() => {" + SUBMITTERS + """
  return submitters().filter(({ method }) => method === "GET").map(({ form, button, action }) => {
    const fields = new FormData(form), target = new URL(action);
    const boxes = Array.from(form.elements).filter((part) => part.type === "checkbox" && !part.checked);
    boxes.slice(0, 2).forEach((part) => fields.append(part.name, part.value));
    if (button.name) fields.append(button.name, button.value);
    target.search = new URLSearchParams(fields);
    return target.href;
  });
}"""
BUTTON = "(at) => {" + SUBMITTERS + "return submitters()[at].button; }"
# Opens what is folded, chooses the first two rows that can be chosen, and fills in each field that is empty.
FILL = """(at, values) => {
  SUBMITTERS
  document.querySelectorAll("details").forEach((part) => (part.open = true));
  const parts = Array.from(submitters()[at].form.elements);
  parts.filter((part) => part.type === "checkbox").slice(0, 2).forEach((part) => (part.checked = true));
  for (const part of parts) {
    const isText = part.tagName === "TEXTAREA" || ["text", "password", "search", "number", "date"].includes(part.type);
    if (isText && part.name in values && !part.readOnly) part.value = values[part.name];
    else if (isText && part.required && !part.value) part.value = part.type === "number" ? "1" : "text";
  }
}""".replace("(at, values) =>", "([at, values]) =>").replace("SUBMITTERS", SUBMITTERS)
FILE_FIELDS = "(at) => {" + SUBMITTERS + """
  const fields = Array.from(submitters()[at].form.elements).filter((part) => part.type === "file");
  fields.forEach((part, index) => part.setAttribute("data-file", index));
  return fields.length;
}"""
OUTCOME = """() => Array.from(document.querySelectorAll("h1, [role=alert]"), (part) => part.textContent.trim()).join(" · ")"""


@dataclass
class Form:
    """A kind of form, and the pages that have it."""

    method: str
    kind: str
    pages: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.method} {self.kind}"

    def rank(self) -> tuple:
        """Where it comes in the order of submission: what removes things comes last, and the innermost things first."""
        removing = any(word in self.kind for word in ("delete", "revoke", "end-", "sign-out"))
        return removing, "sign-out" in self.kind, -self.kind.count("/") if removing else 0, self.name


def submit(page: Page, site, form: Form, values: dict[str, str]) -> str:
    """Opens a page with the form, fills it in, and submits it. Returns why that failed, or nothing.

    Of several pages one is enough: some show what cannot be changed so, such as a run that is a version."""
    reason = f"no page has it any more: {form.pages}"
    for address in form.pages:
        page.goto(address, timeout=SUBMIT_MS_MAX)
        found = page.evaluate(FORMS)
        same = [at for at, one in enumerate(found) if is_same(site, one, form)]
        if same:
            reason = send(page, same[0], values)
            if not reason:
                return ""
    return reason


def is_same(site, found: dict, form: Form) -> bool:
    """True if a form on a page is of this kind."""
    return (found["method"], site.kind(found["action"]).partition("?")[0]) == (form.method, form.kind)


def send(page: Page, at: int, values: dict[str, str]) -> str:
    """Fills in and submits the form with this number on the page that is shown."""
    page.evaluate(FILL, [at, values])
    for number in range(page.evaluate(FILE_FIELDS, at)):
        file = {"name": "uploaded.txt", "mimeType": "text/plain", "buffer": b"uploaded"}
        page.locator(f"[data-file='{number}']").set_input_files(file)
    button = page.evaluate_handle(BUTTON, at).as_element()
    with page.expect_event("response", lambda one: is_final(one), timeout=SUBMIT_MS_MAX) as answer:
        button.click(timeout=SUBMIT_MS_MAX)
    if answer.value.status < 400:
        return ""
    page.wait_for_load_state()
    return f"{answer.value.status} at {answer.value.url}: {page.evaluate(OUTCOME)}"


def is_final(answer) -> bool:
    """True for the answer of a page or download, after all redirects."""
    return answer.request.is_navigation_request() and not 300 <= answer.status < 400
