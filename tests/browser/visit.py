"""What a browser notices of a page: complaints, requests to others, violations of accessibility, scrolling, its text.

The module knows nothing of mlforge but that its scripts add buttons of the class `cp`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page

HEIGHT = 900
PICTURE_HEIGHT_MAX = 4_000
LOAD_MS_MAX = 30_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL_RULES = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"], "iframes": False}
# The one rule whose verdict depends on colours.
COLOUR_RULES = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"], "iframes": False}
SCHEMES = [("light", ALL_RULES), ("dark", COLOUR_RULES)]

# Times go on between two visits, and scripts add buttons. Both are left out.
MAIN_TEXT = """() => {
  const main = document.querySelector("main").cloneNode(true);
  main.querySelectorAll("time, button.cp").forEach((part) => part.remove());
  return main.textContent.replace(/\\s+/g, " ").trim();
}"""
LINKS = "() => Array.from(document.links, (link) => link.href)"
# How far the page itself scrolls sideways, and the first part that is the reason.
OVERFLOW = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return "";
  const wide = Array.from(document.body.querySelectorAll("*")).filter(
    (part) => part.getBoundingClientRect().right > root.clientWidth + 1 && !part.closest(".scroll, pre, .vh"));
  return `${root.scrollWidth} > ${root.clientWidth}: ${wide.slice(-1).map((part) => part.outerHTML.slice(0, 200))}`;
}"""


@dataclass
class Visit:
    """One look at a page. `address` is the one that was asked for."""

    address: str
    status: int = 0
    text: str = ""
    title: str = ""
    links: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    overflows: list[str] = field(default_factory=list)


class Watched:
    """A tab of a browser. What it complains of while a page is shown belongs to the visit of that page."""

    def __init__(self, context: BrowserContext, base: str):
        self.page: Page = context.new_page()
        self.base = base
        self.visit: Visit | None = None
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._complain(f"script: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def _complain(self, text: str):
        if self.visit:
            self.visit.complaints.append(text)

    def _console(self, message):
        # The sandbox of a frame with an artifact says so when it stops a script.
        if message.text.startswith("Blocked script execution in") and "in=frame" in message.text:
            return
        if message.type in ("error", "warning"):
            self._complain(f"{message.type}: {message.text}")

    def _dialog(self, dialog):
        self._complain(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request):
        if self.visit and not request.url.startswith((f"{self.base}/", "data:", "blob:")):
            self.visit.foreign.append(request.url)

    def open(self, address: str) -> Visit:
        """Shows a page, and notes its status, title, text and links."""
        self.visit = Visit(address)
        answer = self.page.goto(address, timeout=LOAD_MS_MAX)
        self.visit.status = answer.status if answer else 0
        self.visit.title = self.page.title()
        self.visit.text = self.page.evaluate(MAIN_TEXT)
        self.visit.links = self.page.evaluate(LINKS)
        return self.visit

    def measure(self, width: int):
        """Gives the page a width, and notes whether it scrolls sideways then."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        overflow = self.page.evaluate(OVERFLOW)
        if overflow:
            self.visit.overflows.append(f"{width} px wide: {overflow}")

    def inspect(self, width: int, picture: Path | None):
        """Judges the page at its present width. With a picture, it is judged in dark too, and there is one for each scheme."""
        self.page.evaluate(AXE_SCRIPT)
        for scheme, rules in SCHEMES if picture else SCHEMES[:1]:
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = self.page.evaluate("(rules) => axe.run(document, rules)", rules)["violations"]
            self.visit.violations += [described(violation, f"{width} px, {scheme}") for violation in found]
            if picture:
                self._picture(picture.with_name(f"{picture.name}-{width}-{scheme}.png"), width)
        self.page.emulate_media(color_scheme="light")

    def _picture(self, file: Path, width: int):
        height = min(self.page.evaluate("() => document.documentElement.scrollHeight"), PICTURE_HEIGHT_MAX)
        area = {"x": 0, "y": 0, "width": width, "height": max(height, HEIGHT)}
        self.page.screenshot(path=file, full_page=True, clip=area)


def described(violation: dict, look: str) -> str:
    """A violation as people read it: the rule, and the first part of the page that breaks it."""
    nodes = violation["nodes"]
    first = nodes[0]["html"][:200] if nodes else ""
    reason = nodes[0].get("failureSummary", "")[:300].replace("\n", " ") if nodes else ""
    return f"{violation['id']} ({look}, {len(nodes)} times): {first} {reason}"
