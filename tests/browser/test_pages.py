"""Rules of all pages that links lead to."""

import re

from site_map import page_routes, routes_of
from visit import Watched

# Routes that pages do not link to: clients and scripts ask for them, and the last one is led to by deleted runs alone.
UNLINKED = re.compile(r"^(badge/|models/by-name/|experiments/[^/]+/runs/restore$)")

# Texts that change while a page is looked at: how long a running run has run, and when something was used or counted.
MOVING = re.compile(r"just now|being counted|\d+(\.\d+)? (ms|s|min|h|B|KB|MB)( \d+ (s|min))?( ago)?|counted")
# Pages that show sessions and tokens, which each test adds to.
USED = re.compile(r"/-/(account|tokens)$")

# Contents that a browser runs.
ACTIVE = re.compile(r".*(html|svg|xml|javascript|pdf)")


def failures(visits, of):
    """What is wrong with pages: an address and the reasons, one page a line."""
    return [f"{visit.address}: {found}" for visit in visits if (found := of(visit))]


def test_every_link_leads_to_a_page_or_a_file(walked):
    wrong = failures(walked.visits, lambda visit: visit.status if visit.status != 200 else 0)
    wrong += failures(walked.files, lambda file: file.status if file.status != 200 else 0)
    assert not wrong, "\n".join(wrong)


def test_links_and_forms_lead_to_every_page(site, walked):
    routes = page_routes("GET")
    paths = [address[len(site.pages) :].partition("?")[0] for addresses in walked.kinds.values() for address in addresses]
    reached = {route for path in paths for route in routes_of(path, routes)}
    orphans = [route for route in routes if route not in reached and not UNLINKED.match(route)]
    assert not orphans


def test_no_page_makes_the_browser_complain(walked):
    # A page that is not there is one complaint already.
    wrong = failures(walked.visits, lambda visit: visit.complaints if visit.status == 200 else "")
    assert not wrong, "\n".join(wrong)


def test_no_page_asks_another_host(walked):
    wrong = failures(walked.visits, lambda visit: visit.foreign)
    assert not wrong, "\n".join(wrong)


def test_no_page_runs_what_users_wrote(walked):
    wrong = failures(walked.visits, lambda visit: visit.title if visit.title == "ran" else "")
    assert not wrong, "\n".join(wrong)


def test_every_page_is_accessible(walked):
    wrong = failures(walked.visits, lambda visit: "\n  ".join(visit.violations))
    assert not wrong, "\n".join(wrong)


def test_no_page_scrolls_sideways(walked):
    wrong = failures(walked.visits, lambda visit: "\n  ".join(visit.overflows))
    assert not wrong, "\n".join(wrong)


def test_no_file_is_a_page_of_the_server(walked):
    def danger(file):
        kind = file.headers.get("content-type", "")
        policy = file.headers.get("content-security-policy", "")
        is_shut = "default-src 'none'" in policy or file.headers.get("content-disposition", "").startswith("attachment")
        is_guessed = file.headers.get("x-content-type-options") != "nosniff"
        return kind if is_guessed or (ACTIVE.match(kind) and not is_shut) else ""

    wrong = failures([file for file in walked.files if file.status == 200], danger)
    assert not wrong, "\n".join(wrong)


def test_pages_say_the_same_without_scripts(walked, context_of, site):
    watched = Watched(context_of(java_script_enabled=False, locale="en-GB"), site.base)
    wrong = []
    for visit in walked.pages_of_kinds():
        if USED.search(visit.address):
            continue
        quiet = watched.open(visit.address)
        if (quiet.status, MOVING.sub("", quiet.text)) != (visit.status, MOVING.sub("", visit.text)):
            wrong.append(f"{visit.address}: {quiet.status}\n  {visit.text[:300]}\n  {quiet.text[:300]}")
    assert not wrong, "\n".join(wrong)


def test_pages_in_korean_fit_as_well(walked, context_of, site):
    watched = Watched(context_of(locale="ko-KR"), site.base)
    wrong = []
    for visit in walked.pages_of_kinds():
        if visit.status != 200:
            continue
        korean = watched.open(visit.address)
        watched.measure(390)
        language = watched.page.evaluate("() => document.documentElement.lang")
        if language != "ko" or korean.status != 200 or korean.complaints or korean.overflows:
            wrong.append(f"{visit.address}: {language} {korean}")
    assert not wrong, "\n".join(wrong)
