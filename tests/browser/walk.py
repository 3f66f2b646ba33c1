"""A walk over all pages that links lead to, from the list of experiments on. Of each kind of page, some are visited."""

from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import BrowserContext

from forms import FORMS, Form
from site_map import Site, file_name
from visit import Visit, Watched

WIDTHS = (1400, 390)
# Bounds of a walk, in which links lead in circles.
PER_KIND_MAX = 3
PAGES_MAX = 300


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


def walk(site: Site, context: BrowserContext, pictures: Path) -> Walk:
    """Follows links until there are none of a new kind."""
    done, watched = Walk(), Watched(context, site.base)
    queue, seen, queued = deque([site.address("experiments")]), set(), Counter()
    while queue:
        address = queue.popleft()
        kind = site.kind(address)
        if address in seen or len(done.kinds.get(kind, [])) >= PER_KIND_MAX:
            continue
        assert len(seen) < PAGES_MAX, f"more than {PAGES_MAX} addresses were visited; the last one is {address}"
        seen.add(address)
        done.kinds.setdefault(kind, []).append(address)
        for link in answers(site, context, watched, done, kind, address, pictures):
            own = site.own(link)
            if own and own not in seen and queued[site.kind(own)] < 10 * PER_KIND_MAX:
                queued[site.kind(own)] += 1
                queue.append(own)
    return done


def answers(site, context, watched, done, kind, address, pictures) -> list[str]:
    """Visits an address, and returns the links of its answer."""
    answer = context.request.get(address, headers={"accept": "text/html,*/*"}, max_redirects=0)
    if 300 <= answer.status < 400:
        return [urljoin(address, answer.headers["location"])]
    if not answer.headers.get("content-type", "").startswith("text/html"):
        done.files.append(File(address, answer.status, answer.headers))
        return []
    visit = watched.open(address)
    is_first = done.kinds[kind] == [address]
    for width in WIDTHS:
        watched.measure(width)
        watched.inspect(width, pictures / file_name(kind) if is_first else None)
    done.visits.append(visit)
    for form in watched.page.evaluate(FORMS):
        own = Form(form["method"], site.kind(form["action"]))
        done.forms.setdefault(own.name, own).pages.append(address)
    return visit.links
