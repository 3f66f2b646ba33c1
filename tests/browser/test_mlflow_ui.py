"""MLflow's own web pages of two versions, as `mlforge serve --mlflow-ui` serves them: they show what a client logged, complain of
nothing, and change something only from their own address.
"""

import json
import re
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from conftest import log, signed_in, variable
from server import Project, Server
from site_map import Site

UIS = {"2.22": "MLFORGE_MLFLOW_UI_2", "3": "MLFORGE_MLFLOW_UI_3"}
SHOW_MS_MAX = 30_000
# The pages are at rest when no request was under way at so many looks, one after the other.
QUIET_LOOKS = 5
LOOK_MS = 100
LOOKS_MAX = SHOW_MS_MAX // LOOK_MS

# Calls for what mlforge does not have, below the address of the pages. The pages expect that a server has none of it.
ABSENT = re.compile(r"ajax-api/(3\.0/mlflow/assistant/(config|providers)|2\.0/mlflow/users/current)$")

# Messages about a failure: the notices of MLflow 2 and the banners of MLflow 3.
BANNERS = "[class*=notification-notice], [class*=alert-error], [role=alert]"

# A request of a script of the page. Its status.
FETCH = """([path, type]) => fetch(path, {
  method: "POST", headers: {"Content-Type": type}, body: JSON.stringify({name: `by a script, as ${type}`}),
}).then((answer) => answer.status)"""


@dataclass
class Opened:
    """MLflow's pages in a tab that is signed in, and what the browser noticed of them."""

    version: str
    page: Page
    address: str
    experiment: str
    run: str
    failed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    under_way: set = field(default_factory=set)

    def watch(self):
        self.page.on("response", self._response)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfinished", lambda request: self.under_way.discard(request))
        self.page.on("requestfailed", lambda request: self.under_way.discard(request))

    def _response(self, response):
        path = urlsplit(response.url).path.partition("/mlflow-ui/")[2]
        if response.status >= 400 and not ABSENT.match(path):
            self.failed.append(f"{response.status} {response.request.method} {response.url}")

    def _console(self, message):
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def _request(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.failed.append(f"leaves the address of the pages: {request.url}")
        # The browser tells nothing of the end of a request for a worker.
        if not request.url.endswith(".worker.js"):
            self.under_way.add(request)

    def rest(self):
        """Waits until the pages ask for nothing more."""
        quiet = 0
        for _ in range(LOOKS_MAX):
            self.page.wait_for_timeout(LOOK_MS)
            quiet = 0 if self.under_way else quiet + 1
            if quiet == QUIET_LOOKS:
                return
        raise AssertionError(f"still under way: {[request.url for request in self.under_way]}")

    def show(self, fragment: str, *texts: str):
        """Opens a page, waits for its texts, and checks that nothing failed."""
        # Only the fragment differs from page to page, so the browser would not load it again.
        self.page.goto("about:blank")
        self.under_way.clear()
        self.page.goto(f"{self.address}#{fragment}")
        for text in texts:
            expect(self.page.get_by_text(text).first).to_be_visible(timeout=SHOW_MS_MAX)
        self.rest()
        banners = [text for text in self.page.locator(BANNERS).all_inner_texts() if text.strip()]
        assert (banners, self.failed, self.complaints) == ([], [], []), fragment

    def picture(self, name: str):
        pictures = Path(variable("MLFORGE_PICTURES"))
        self.page.screenshot(path=pictures / f"mlflow-ui-{self.version}-{name}.png")


def sweep(project: Project) -> tuple[str, str]:
    """The experiment that the script logged a sweep to, and one of its runs."""

    def ask(endpoint: str, body: dict) -> dict:
        headers = {"Authorization": f"Bearer {project.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{project.uri}/api/2.0/mlflow/{endpoint}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    found = ask("experiments/search", {"filter": "name = 'sweep'", "max_results": 1})
    experiment = found["experiments"][0]["experiment_id"]
    query = {"experiment_ids": [experiment], "filter": "run_name = 'rate-0.1'"}
    return experiment, ask("runs/search", query)["runs"][0]["info"]["run_id"]


@pytest.fixture(scope="module", params=UIS)
def opened(request, browser, tmp_path_factory):
    """MLflow's pages of each version, with what a client logged."""
    server = Server(tmp_path_factory.mktemp("mlflow-ui") / "data", "--mlflow-ui", variable(UIS[request.param]))
    project = server.new_project("vision/cats")
    log(project, tmp_path_factory)
    site = Site(server.base, project.path, has_sign_in=True)
    context = signed_in(browser, site, project, viewport={"width": 1400, "height": 900})
    opened = Opened(request.param, context.new_page(), site.address("mlflow-ui/"), *sweep(project))
    opened.watch()
    yield opened
    context.close()
    server.stop()


def test_the_list_of_experiments(opened):
    opened.show("/experiments" if opened.version == "3" else "/", "sweep")
    opened.picture("experiments")


def test_the_run_table(opened):
    opened.show(f"/experiments/{opened.experiment}/runs", "parent", "failed", "matching runs")
    opened.picture("runs")


def test_the_charts_of_runs(opened):
    opened.show(f"/experiments/{opened.experiment}/runs?compareRunsMode=CHART", "parent", "loss")
    opened.picture("charts")


def test_a_run(opened):
    run = f"/experiments/{opened.experiment}/runs/{opened.run}"
    opened.show(run, "rate-0.1", "accuracy", "adam", "Finished")
    opened.picture("run")
    opened.show(f"{run}/model-metrics", "learning rate")
    opened.picture("metrics")
    opened.show(f"{run}/artifacts", "table.csv")
    opened.page.get_by_text("log.txt").first.click()
    expect(opened.page.get_by_text("epoch 1").first).to_be_visible(timeout=SHOW_MS_MAX)
    assert not opened.failed


def test_the_registry(opened):
    opened.show("/models", "cats")
    opened.picture("models")
    opened.show("/models/cats", "Version 3")
    opened.show("/models/cats/versions/1", "rate-0.1")
    opened.picture("version")


def test_a_script_of_the_pages_changes_something_as_json_alone(opened):
    opened.show("/models", "cats")
    path = "ajax-api/2.0/mlflow/experiments/create"
    assert opened.page.evaluate(FETCH, [path, "application/json"]) == 200
    assert opened.page.evaluate(FETCH, [path, "text/plain"]) == 403
    opened.failed.clear()
