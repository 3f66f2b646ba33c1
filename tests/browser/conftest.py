"""Fixtures: a server with what a real MLflow client logged, a browser that is signed in, and one walk over all pages."""

import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from server import Project, Server
from site_map import Site
from walk import Walk, walk

CHROMIUM = "/usr/bin/chromium"
LOG_SECONDS_MAX = 300
LOOK = re.compile(r"^look at (\S+)$", re.MULTILINE)
SCRIPT = Path(__file__).with_name("logged.py")


def variable(name: str) -> str:
    """A variable of the environment that `cargo xtask test browser` sets."""
    value = os.environ.get(name)
    assert value, f"{name} is not set; `cargo xtask test browser` sets it"
    return value


def pytest_collection_modifyitems(items):
    """Submits forms last, since they change what the other tests look at."""
    items.sort(key=lambda item: item.path.name == "test_forms.py")


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A project of a running server, with the token of its owner, who is an administrator of the server."""
    server = Server(tmp_path_factory.mktemp("mlforge") / "data")
    made = server.new_project("vision/cats")
    server.cli("member", "set", made.path, made.user, "owner")
    server.cli("user", "admin", made.user)
    yield made
    server.stop()


@pytest.fixture(scope="session")
def printed(project: Project, tmp_path_factory) -> str:
    """What the client printed while the script logged."""
    return log(project, tmp_path_factory)


def log(project: Project, tmp_path_factory) -> str:
    """Has the script log to a project. What the client printed."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "MPLBACKEND": "Agg",
        "MLFLOW_TRACKING_URI": project.uri,
        "MLFLOW_TRACKING_TOKEN": project.token,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    command = [variable("MLFORGE_CLIENT_PYTHON"), str(SCRIPT)]
    cwd = tmp_path_factory.mktemp("script")
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=LOG_SECONDS_MAX)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def site(project: Project, printed) -> Site:
    """The addresses of the project's pages, when there is something to see."""
    return Site(project.server.base, project.path, has_sign_in=has_sign_in(project.server.base))


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        # Its sandbox needs rights that root in a container does not have, and all pages are our own.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


def has_sign_in(base: str) -> bool:
    """True if the server has a page to sign in."""
    try:
        with urllib.request.urlopen(f"{base}/-/sign-in", timeout=30) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def signed_in(browser: Browser, site: Site, project: Project, **options) -> BrowserContext:
    """A browser's context in which the owner is signed in: by the form if the server has one, else by a header."""
    if not site.has_sign_in:
        headers = {"Authorization": f"Bearer {project.token}"}
        return browser.new_context(extra_http_headers=headers, **options)
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(f"{site.base}/-/sign-in")
    page.locator("input[type=password]").fill(project.token)
    page.locator("input[type=password]").press("Enter")
    page.wait_for_url(re.compile(r"^(?!.*/-/sign-in)"))
    page.close()
    return context


@pytest.fixture
def context_of(browser, site, project):
    """Makes contexts in which the owner is signed in. They are closed after the test."""
    contexts = []

    def make(**options) -> BrowserContext:
        contexts.append(signed_in(browser, site, project, **options))
        return contexts[-1]

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def walked(browser, site, project, printed) -> Walk:
    """One walk over all pages. It begins with those that the script names."""
    context = signed_in(browser, site, project, locale="en-GB")
    seeds = [site.address(path) for path in LOOK.findall(printed)]
    done = walk(site, context, seeds, Path(variable("MLFORGE_PICTURES")))
    context.close()
    return done
