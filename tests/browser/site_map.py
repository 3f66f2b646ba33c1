"""Addresses of pages: which ones belong to the server, what kind of page each is, and the routes of the component.

The module knows no browser.
"""

import re
import zlib
from pathlib import Path
from urllib.parse import parse_qsl, urldefrag, urlsplit

ROUTES = Path(__file__).parents[2] / "plugin/src/http/route.rs"
ROUTE = re.compile(r'^    (GET|POST) "([^"]*)" \w+ (pages::[\w:]+)', re.MULTILINE)

# Length of a picture's name, without what tells the width and the colours.
NAME_CHARS_MAX = 100

# Addresses that a walk leaves out: a visit changes what later visits show.
CHANGING = re.compile(r"^/-/(language|sign-out)")
# The parameter by which the browser remembers the columns of an address. A walk follows the address without it.
CHOICE = re.compile(r"(?<=[?&])choose=1(&|$)")
# Parts of a path that tell one page of a kind from another.
VARIABLE = re.compile(r"^(\d+|(m-|tr-)?[0-9a-f]{32})$")
# Parts after which the rest of a path is a name.
NAMING = {"raw", "archive", "by-name", "metrics", "badge"}


class Site:
    """The pages of one project, and those of the server if it has any."""

    def __init__(self, base: str, project: str, has_sign_in: bool):
        self.base = base
        self.has_sign_in = has_sign_in
        self.pages = f"{base}/{project}/-/ml/"

    def address(self, path: str) -> str:
        """The address of a page, from its path after `/-/ml/`."""
        return self.pages + path

    def own(self, address: str) -> str | None:
        """An address that a walk follows, without its fragment. `None`: it leads elsewhere, or changes something."""
        address = CHOICE.sub("", urldefrag(address).url).rstrip("?&")
        parts = urlsplit(address)
        is_own = f"{parts.scheme}://{parts.netloc}" == self.base and not CHANGING.match(parts.path)
        is_host = parts.path == "/" or parts.path.startswith("/-/")
        is_page = address.startswith(self.pages) or (is_host and self.has_sign_in)
        return address if is_own and is_page and "/assets/" not in parts.path else None

    def kind(self, address: str) -> str:
        """The kind of a page: its path with a `*` for each number, id and name, and the keys of its query."""
        parts = urlsplit(address)
        path = parts.path if not address.startswith(self.pages) else "ml/" + address[len(self.pages) :].partition("?")[0]
        steps = []
        for step in path.split("/"):
            if steps and steps[-1] in NAMING and step:
                steps.append("*")
                break
            steps.append("*" if VARIABLE.match(step) else step)
        keys = sorted({key for key, _ in parse_qsl(parts.query, keep_blank_values=True)})
        return "/".join(steps) + ("?" + "&".join(keys) if keys else "")


def page_routes(method: str) -> list[str]:
    """The paths of the component's routes for pages, as its route table has them."""
    found = [path for known, path, _ in ROUTE.findall(ROUTES.read_text()) if known == method and path]
    assert found, f"no route of a page was found in {ROUTES.name}"
    return [path for path in found if not path.startswith("assets/")]


def routes_of(path: str, routes: list[str]) -> list[str]:
    """The routes to which a path leads, where `{name}` stands for a part and `{*name}` for all that follows."""
    return [path] if path in routes else [route for route in routes if fits(route, path)]


def fits(route: str, path: str) -> bool:
    """True if a path has the form of a route."""
    pattern = re.sub(r"\\\{\\\*\w+\\\}", ".+", re.escape(route))
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern), path) is not None


def file_name(kind: str) -> str:
    """The name of a picture of this kind of page. A long one is cut, and its checksum keeps it unique."""
    name = re.sub(r"[^\w.-]+", "_", kind.replace("*", "X")).strip("_") or "root"
    return name if len(name) <= NAME_CHARS_MAX else f"{name[:NAME_CHARS_MAX]}-{zlib.crc32(name.encode()):08x}"
