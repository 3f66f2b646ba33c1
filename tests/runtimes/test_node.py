"""mlforge in Node: a real client of MLflow, and the rules that a host keeps whatever the component does.

Each test has a project of its own on one server.
"""

import itertools
import os
import socket
import subprocess
from pathlib import Path

# Before MLflow is imported: no retry may hide an error, and nothing is sent elsewhere.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "60"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow
import mlflow.sklearn
import pytest
import requests
from mlflow import MlflowClient
from node_server import ROOT, NodeServer, transpile
from sklearn.linear_model import LinearRegression

# Far above the numbers that other tests of the same server use.
_numbers = itertools.count(9_001)

API = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def component(tmp_path_factory):
    """The transpiled component."""
    return transpile(tmp_path_factory.mktemp("node") / "component")


@pytest.fixture(scope="module")
def server(component, tmp_path_factory):
    """A running server. At the end it must stop within its time limit."""
    running = NodeServer(component, tmp_path_factory.mktemp("node") / "data", MLFORGE_PROJECTS="10000")
    yield running
    running.stop()


@pytest.fixture
def uri(server, monkeypatch):
    """The tracking URI of a project of the test's own. The environment's variables point to it."""
    uri = server.uri(next(_numbers))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "writer")
    mlflow.set_tracking_uri(uri)
    return uri


@pytest.fixture
def client(uri):
    """A client of the test's project."""
    return MlflowClient(uri)


def post(uri, path, token, body, **headers):
    """Sends a request without MLflow's client."""
    headers = {"authorization": f"Bearer {token}", **headers}
    return requests.post(f"{uri}{API}/{path}", json=body, headers=headers, timeout=60)


def test_a_client_logs_and_searches(client):
    experiment = client.create_experiment("forest")
    for depth in (3, 5, 8):
        run = client.create_run(experiment, run_name=f"depth {depth}").info.run_id
        client.log_param(run, "depth", depth)
        for step in range(3):
            client.log_metric(run, "loss", 1 / (depth + step), step=step)
        client.set_terminated(run)
    found = client.search_runs([experiment], "metrics.loss < 0.15", order_by=["metrics.loss ASC"])
    assert [run.data.params["depth"] for run in found] == ["8", "5"]
    assert [point.value for point in client.get_metric_history(found[0].info.run_id, "loss")] == [1 / 8, 1 / 9, 1 / 10]


def test_a_model_is_saved_registered_and_loaded(client):
    mlflow.set_experiment("models")
    model = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(model, name="line", registered_model_name="line")
    client.set_registered_model_alias("line", "champion", "1")
    for name in (info.model_uri, "models:/line/1", "models:/line@champion"):
        assert mlflow.pyfunc.load_model(name).predict([[2.0]])[0] == pytest.approx(5.0), name


@pytest.mark.parametrize("size", [0, 1, 65_536, 300_000, 3_000_000])
def test_a_file_comes_back_as_it_was_sent(client, tmp_path, size):
    run = client.create_run("0").info.run_id
    sent = os.urandom(size)
    (tmp_path / "sent").write_bytes(sent)
    client.log_artifact(run, str(tmp_path / "sent"), "files")
    assert [(item.path, item.file_size) for item in client.list_artifacts(run, "files")] == [("files/sent", size)]
    assert open(client.download_artifacts(run, "files/sent", str(tmp_path)), "rb").read() == sent


def test_a_file_that_breaks_off_is_not_stored(uri, client):
    run = client.create_run("0").info.run_id
    address = f"{uri}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/part"
    _, _, rest = address.partition("//")
    host, _, path = rest.partition("/")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=60) as connection:
        head = f"PUT /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer writer\r\ncontent-length: 5000000\r\n\r\n"
        connection.sendall(head.encode() + bytes(400_000))
    # The next request of the project is served after that one ended.
    assert client.list_artifacts(run) == []


def test_a_reader_may_read_and_not_write(uri, client):
    client.create_experiment("seen")
    assert post(uri, "experiments/search", "reader", {"max_results": 10}).status_code == 200
    refused = post(uri, "experiments/create", "reader", {"name": "unseen"})
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_a_client_cannot_set_the_headers_of_its_identity(uri):
    claimed = {"x-mlforge-rights": "write", "x-mlforge-role": "owner", "x-mlforge-actor": "root"}
    assert post(uri, "experiments/create", "reader", {"name": "mine"}, **claimed).status_code == 403
    run = post(uri, "runs/create", "writer", {"experiment_id": "0"}, **claimed).json()["run"]
    assert run["info"]["user_id"] == "writer"


def test_a_stranger_learns_nothing(server, uri):
    assert post(uri, "experiments/search", "guess", {"max_results": 10}).status_code == 401
    assert requests.get(f"{server.uri(10_001)}{API}/experiments/search", timeout=60).status_code == 401
    assert post(server.uri(10_001), "experiments/search", "writer", {"max_results": 10}).status_code == 404


def test_projects_share_nothing(server, client):
    client.create_registered_model("ours")
    other = server.uri(next(_numbers))
    found = requests.get(f"{other}{API}/registered-models/search", headers={"authorization": "Bearer writer"}, timeout=60)
    assert found.json().get("registered_models", []) == []


def test_what_was_answered_survives_a_kill(component, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "writer")
    server = NodeServer(component, tmp_path / "data")
    client = MlflowClient(server.uri(1))
    run = client.create_run("0").info.run_id
    client.log_metric(run, "loss", 0.5)
    client.log_text(run, "kept", "note.txt")
    server.kill()
    server = NodeServer(component, tmp_path / "data")
    client = MlflowClient(server.uri(1))
    assert client.get_run(run).data.metrics == {"loss": 0.5}
    assert [item.path for item in client.list_artifacts(run)] == ["note.txt"]
    server.stop()


# Modules of the hermetic tests that run here, since they cover the everyday calls and need nothing of mlforge's own host.
# `examples/node/README.md` tells how to run all of them, and `docs/runtimes.md` which fail and why.
FRONT_DOOR = Path(__file__).with_name("front_door.txt")

HERMETIC_SECONDS_MAX = 600


def test_the_hermetic_tests_pass(component, tmp_path):
    cargo = os.environ.get("MLFORGE_HERMETIC_TESTS")
    assert cargo, "MLFORGE_HERMETIC_TESTS is no command that runs the hermetic tests; `cargo xtask test node` sets it"
    lines = FRONT_DOOR.read_text().splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    server = NodeServer(component, tmp_path / "data", MLFORGE_PROJECTS="10000", MLFORGE_CLOCK_MS="1700000000000")
    done = subprocess.run(
        [*cargo.split(" "), "--test", "all", "--", "--exact", *names],
        cwd=ROOT,
        env={**os.environ, "MLFORGE_TEST_SERVER": server.url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HERMETIC_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:] + server.stderr()
    # A name that no test has any more would run nothing.
    assert f"test result: ok. {len(names)} passed" in done.stdout
    server.stop()
