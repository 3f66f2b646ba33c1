"""`mlforge component`: the file that it writes, in our own server."""

import hashlib

import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException

from server import Cli, Server

pytestmark = pytest.mark.once
# Clients raise the one or the other, by the way that a request takes in them.
REFUSALS = (MlflowException, requests.HTTPError)
OPTIONAL = "blobs,forge,upload-tokens,direct-transfers,report"


def facts(printed: str) -> dict:
    """The facts that the command prints, each with its values."""
    found: dict = {}
    for line in printed.splitlines():
        name, value = line.split("\t")
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A component without anything that is optional, and what the command printed."""
    directory = tmp_path_factory.mktemp("component")
    file = directory / "mlforge.wasm"
    return file, facts(Cli(directory / "data")("component", "--output", str(file), "--without", OPTIONAL))


def test_the_command_prints_what_it_wrote(written):
    file, printed = written
    assert printed["file"] == [str(file)]
    assert printed["sha256"] == [hashlib.sha256(file.read_bytes()).hexdigest()]
    assert printed["bytes"] == [str(file.stat().st_size)]
    assert [name for name in printed["import"] if not name.startswith("wasi:")] == ["mlforge:plugin/records@0.1.0"]


def test_a_component_without_files_serves_runs_and_answers_artifacts_with_501(written, use, tmp_path):
    file, _ = written
    server = Server(tmp_path / "data", "--plugin", str(file))
    client = use(server.exports["MLFLOW_TRACKING_URI"], server.exports["MLFLOW_TRACKING_TOKEN"])
    experiment = client.create_experiment("without files")
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "loss", 0.5)
    assert [found.info.run_id for found in client.search_runs([experiment], "metrics.loss < 1")] == [run]
    assert client.list_artifacts(run) == []
    with pytest.raises(REFUSALS) as refused:
        client.log_text(run, "text", "note.txt")
    assert "501" in str(refused.value) and "keeps no files" in str(refused.value)
    with pytest.raises(REFUSALS):
        mlflow.artifacts.load_text(f"runs:/{run}/note.txt")
    # The client hides the answer to a download, so the server is asked itself.
    headers = {"authorization": f"Bearer {server.exports['MLFLOW_TRACKING_TOKEN']}"}
    path = f"{server.exports['MLFLOW_TRACKING_URI']}/get-artifact"
    answer = requests.get(path, params={"run_id": run, "path": "note.txt"}, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    # A model that is a name and a description needs no files.
    client.create_registered_model("a model")
    client.delete_run(run)
    server.stop()
