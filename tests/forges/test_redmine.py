"""A real Redmine decides who may log, and everything passes through nginx: Redmine's pages and mlforge are behind one name."""

import itertools
import os
import threading
from urllib.parse import quote

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from process import Process, free_port, wait_until
from proxy import Ports, nginx
from redmine import Redmine, api_key

# Seconds after which the server asks Redmine again, so that no test waits for a minute.
RECHECK_SECONDS = 1
# Time in which a change in Redmine must be noticed, on a slow machine.
NOTICE_SECONDS_MAX = 60
PRIVATE, PUBLIC = "vision", "open"


@pytest.fixture(scope="module")
def redmine(tmp_path_factory):
    forge = Redmine(tmp_path_factory.mktemp("redmine"))
    forge.start()
    yield forge
    forge.stop()


@pytest.fixture(scope="module")
def url(redmine, certificate, tmp_path_factory):
    """The one address of Redmine and mlforge, for clients."""
    binary = os.environ.get("MLFORGE_REDMINE_BIN")
    assert binary, "MLFORGE_REDMINE_BIN names no program; `cargo xtask test forges` sets it"
    ports = Ports(free_port(), free_port(), redmine.process.port)
    url, directory = f"https://127.0.0.1:{ports.proxy}", tmp_path_factory.mktemp("beside")
    command = [binary, "--redmine", redmine.url, "--recheck-after", RECHECK_SECONDS, "--data", directory / "data"]
    command += ["--listen", f"127.0.0.1:{ports.mlforge}", "--external-url", url]
    server = Process(command, ports.mlforge, directory / "log").start()
    proxy = nginx("gitea", ports, certificate, directory).start()
    yield url
    proxy.stop()
    server.stop()


@pytest.fixture
def of(url, monkeypatch):
    """Makes the client of a user for a project. Only one user at a time: clients read the token from the environment."""

    def client(login, project=PRIVATE):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", api_key(login))
        return MlflowClient(f"{url}/api/v4/projects/{project}/ml/mlflow")

    return client


@pytest.fixture
def run(of, unique):
    """A run of the private project, made by its Developer."""
    client = of("dev")
    return client.create_run(client.create_experiment(unique("experiment"))).info.run_id


def refusal(call) -> str | None:
    """The error code with which a call is refused. `None`: it succeeds."""
    try:
        call()
    except MlflowException as refused:
        return refused.error_code
    return None


def test_a_developer_logs_and_reads(of, run, tmp_path):
    client = of("dev")
    (tmp_path / "a.bin").write_bytes(os.urandom(3_000_000))
    client.log_metric(run, "loss", 0.5)
    client.log_artifact(run, str(tmp_path / "a.bin"))
    assert client.get_run(run).data.metrics == {"loss": 0.5}
    assert open(client.download_artifacts(run, "a.bin"), "rb").read() == (tmp_path / "a.bin").read_bytes()


def test_managers_and_administrators_log(of, run):
    for login in ("mia", "root"):
        of(login).log_metric(run, f"by {login}", 1.0)
    assert of("dev").get_run(run).data.metrics == {"by mia": 1.0, "by root": 1.0}


@pytest.mark.parametrize(("project", "login"), [(PRIVATE, "rex"), (PUBLIC, "rex"), (PUBLIC, "sam")])
def test_reporters_and_strangers_of_a_public_project_only_read(of, unique, project, login):
    client = of("dev", project)
    run = client.create_run(client.create_experiment(unique("experiment"))).info.run_id
    client.log_metric(run, "loss", 0.5)
    reader = of(login, project)
    assert reader.get_run(run).data.metrics == {"loss": 0.5}
    assert refusal(lambda: reader.log_metric(run, "loss", 0.1)) == "PERMISSION_DENIED"
    assert refusal(lambda: reader.create_experiment(unique("refused"))) == "PERMISSION_DENIED"
    assert of("dev", project).get_run(run).data.metrics == {"loss": 0.5}


@pytest.mark.parametrize("project", [PRIVATE, "1", "no-such-project", "autocomplete", "new", "a/b", "%"])
def test_a_hidden_project_is_as_one_that_does_not_exist(url, project):
    headers = {"Authorization": f"Bearer {api_key('sam')}"}

    def ask(project):
        mount = f"{url}/api/v4/projects/{quote(project, safe='')}/ml/mlflow"
        return requests.post(f"{mount}/api/2.0/mlflow/experiments/search", headers=headers, json={"max_results": 1})

    answer, absent = ask(project), ask("4711")
    assert answer.status_code == absent.status_code == 404
    assert answer.json() == absent.json()


@pytest.mark.parametrize("project", [PRIVATE, PUBLIC])
def test_a_wrong_key_is_refused(of, monkeypatch, project):
    client = of("dev", project)
    for key in ("wrong", "0" * 40, "a-b"):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", key)
        assert refusal(client.search_experiments) == "UNAUTHENTICATED"


def test_projects_are_named_by_number_and_by_identifier(of, redmine, run):
    number = redmine.administer("GET", f"projects/{PRIVATE}.json")["project"]["id"]
    of("dev", number).log_metric(run, "loss", 0.5)
    assert of("dev").get_run(run).data.metrics == {"loss": 0.5}


def test_a_closed_project_is_only_read(of, redmine, unique):
    client = of("dev", PUBLIC)
    run = client.create_run(client.create_experiment(unique("experiment"))).info.run_id
    log = lambda: refusal(lambda: client.log_metric(run, "loss", 0.5))
    redmine.administer("PUT", f"projects/{PUBLIC}/close.json")
    try:
        wait_until(lambda: log() == "PERMISSION_DENIED", NOTICE_SECONDS_MAX, "a closed project is not written to")
        assert client.get_run(run).info.run_id == run
    finally:
        redmine.administer("PUT", f"projects/{PUBLIC}/reopen.json")
    wait_until(lambda: log() is None, NOTICE_SECONDS_MAX, "an open project is written to again")


def test_a_user_who_is_removed_while_logging_is_refused_from_then_on(of, redmine, unique):
    client = of("eve")
    run = client.create_run(client.create_experiment(unique("experiment"))).info.run_id
    redmine.administer("DELETE", f"users/{redmine.user_id('eve')}.json")
    steps = itertools.count()
    log = lambda: refusal(lambda: client.log_metric(run, "loss", 0.5, step=next(steps)))
    assert wait_until(log, NOTICE_SECONDS_MAX, "a removed user is refused") == "UNAUTHENTICATED"
    # The refused step is the last that was taken.
    logged = sorted(point.step for point in of("dev").get_metric_history(run, "loss"))
    assert logged == list(range(next(steps) - 1))


def test_a_member_who_is_removed_from_a_private_project_no_longer_sees_it(of, redmine, run):
    client = of("leo")
    log = lambda: refusal(lambda: client.log_metric(run, "loss", 0.5))
    assert log() is None
    memberships = redmine.administer("GET", f"projects/{PRIVATE}/memberships.json")["memberships"]
    (membership,) = [one["id"] for one in memberships if one["user"]["id"] == redmine.user_id("leo")]
    redmine.administer("DELETE", f"memberships/{membership}.json")
    refused = wait_until(log, NOTICE_SECONDS_MAX, "a former member is refused")
    assert refused == refusal(lambda: client.get_run(run)) == "RESOURCE_DOES_NOT_EXIST"


def test_clients_wait_for_a_redmine_that_is_down_and_nothing_is_allowed_meanwhile(of, redmine, run, monkeypatch):
    client = of("dev")
    headers = {"Authorization": f"Bearer {api_key('dev')}"}

    def unavailable():
        url = f"{client.tracking_uri}/api/2.0/mlflow/runs/get"
        answer = requests.get(url, params={"run_id": run}, headers=headers)
        return answer.headers if answer.status_code == 503 else None

    redmine.stop()
    try:
        refused = wait_until(unavailable, NOTICE_SECONDS_MAX, "requests are refused with 503")
        assert refused["retry-after"] == "1"
        monkeypatch.setenv("_MLFLOW_HTTP_REQUEST_MAX_RETRIES_LIMIT", "1000")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "100")
        waiting = threading.Thread(target=client.log_metric, args=(run, "loss", 0.5))
        waiting.start()
    finally:
        redmine.start()
    waiting.join(2 * NOTICE_SECONDS_MAX)
    assert not waiting.is_alive()
    assert client.get_run(run).data.metrics == {"loss": 0.5}
