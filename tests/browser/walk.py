"""A walk over all pages that links lead to, from the list of experiments on. Of each kind of page, some are visited."""

from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import BrowserContext

from forms import FORMS, TARGETS, Form
from site_map import Site, file_name
from visit import Visit, Watched

WIDE, NARROW = 1400, 390
# Bounds of a walk, in which links lead in circles: addresses of a kind, kinds that differ by their query alone, and all.
PER_KIND_MAX = 4
QUERIES_MAX = 6
PAGES_MAX = 600


@dataclass
class File:
    """An answer that is no page."""

    address: str
    status: int
    headers: dict[str, str]


@dataclass
class Walk:
    """What a walk came by."""

    visits: list[Visit] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    # Addresses of each kind of page, files and redirects included, in the order of the walk.
    kinds: dict[str, list[str]] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)

    def pages_of_kinds(self) -> list[Visit]:
        """The first page of each kind."""
        first = {addresses[0] for addresses in self.kinds.values()}
        return [visit for visit in self.visits if visit.address in first]


class Choice:
    """Which addresses a walk visits: some of each kind."""

    def __init__(self, site: Site):
        self.site = site
        self.seen: set[str] = set()
        self.kinds: Counter = Counter()
        self.queries: Counter = Counter()

    def takes(self, address: str | None) -> bool:
        """True for an address to visit, which is then counted."""
        if not address or address in self.seen:
            return False
        kind = self.site.kind(address)
        path, is_query, _ = kind.partition("?")
        if self.kinds[kind] >= (1 if is_query else PER_KIND_MAX):
            return False
        if is_query and self.queries[path] >= QUERIES_MAX:
            return False
        self.seen.add(address)
        self.kinds[kind] += 1
        self.queries[path] += bool(is_query)
        return True


def walk(site: Site, context: BrowserContext, seeds: list[str], pictures: Path) -> Walk:
    """Follows links, from some addresses and the list of experiments on, until there are none of a new kind."""
    done, watched, choice = Walk(), Watched(context, site.base), Choice(site)
    queue = deque(address for address in [*seeds, site.address("experiments")] if choice.takes(address))
    while queue:
        address = queue.popleft()
        assert len(choice.seen) < PAGES_MAX, f"more than {PAGES_MAX} addresses were found; the last one is {address}"
        kind = site.kind(address)
        done.kinds.setdefault(kind, []).append(address)
        links = look_at(site, context, watched, done, kind, address, pictures)
        queue.extend(own for own in map(site.own, links) if choice.takes(own))
    return done


def look_at(site, context, watched, done, kind, address, pictures) -> list[str]:
    """Visits an address, and returns where its answer leads to."""
    answer = context.request.get(address, headers={"accept": "text/html,*/*"}, max_redirects=0)
    if 300 <= answer.status < 400:
        return [urljoin(address, answer.headers["location"])]
    if not answer.headers.get("content-type", "").startswith("text/html"):
        done.files.append(File(address, answer.status, answer.headers))
        return []
    visit = watched.open(address)
    done.visits.append(visit)
    for form in watched.page.evaluate(FORMS):
        own = Form(form["method"], site.kind(form["action"]).partition("?")[0])
        done.forms.setdefault(own.name, own).pages.append(address)
    is_first = done.kinds[kind] == [address]
    picture = pictures / file_name(kind) if is_first else None
    watched.measure(WIDE)
    if is_first and "?" not in kind:
        watched.inspect(WIDE, picture)
    watched.measure(NARROW)
    watched.inspect(NARROW, picture)
    return [*visit.links, *watched.page.evaluate(TARGETS)]
