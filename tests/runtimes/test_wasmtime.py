"""Real clients of mlforge in `wasmtime serve`: what is logged is found, read back, and still there in another instance."""

from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

import named_model
from wasmtime import TOKEN

THREADS = 8
POINTS = 25


def test_runs_are_logged_searched_and_read_back(client):
    experiment = client.create_experiment("runs", tags={"team": "vision"})
    runs = [client.create_run(experiment, run_name=f"run {number}").info.run_id for number in range(3)]
    for number, run in enumerate(runs):
        client.log_param(run, "depth", number)
        client.log_batch(run, [Metric("loss", 1 / (step + 1), 1000 + step, step) for step in range(50)], [Param("width", "9")])
        client.log_metric(run, "accuracy", number / 10)
        client.set_tag(run, "kind", "odd" if number % 2 else "even")
        client.set_terminated(run)
    found = client.search_runs([experiment], "metrics.accuracy > 0.05 and tags.kind = 'even'")
    assert [run.info.run_id for run in found] == [runs[2]]
    ordered = client.search_runs([experiment], order_by=["metrics.accuracy DESC"])
    assert [run.info.run_id for run in ordered] == runs[::-1]
    run = client.get_run(runs[1])
    assert (run.data.params, run.info.status) == ({"depth": "1", "width": "9"}, "FINISHED")
    assert [point.step for point in client.get_metric_history(runs[1], "loss")] == list(range(50))
    assert client.get_experiment_by_name("runs").tags["team"] == "vision"


def test_files_come_back_as_they_were_sent(client, tmp_path):
    run = client.create_run(client.create_experiment("files")).info.run_id
    large = bytes(range(256)) * 20_000
    (tmp_path / "large.bin").write_bytes(large)
    client.log_artifact(run, str(tmp_path / "large.bin"), "below/it")
    client.log_text(run, "first", "note.txt")
    client.log_text(run, "second", "note.txt")
    assert sorted(item.path for item in client.list_artifacts(run)) == ["below", "note.txt"]
    assert [(item.path, item.file_size) for item in client.list_artifacts(run, "below/it")] == [("below/it/large.bin", len(large))]
    down = mlflow.artifacts.download_artifacts(run_id=run, dst_path=str(tmp_path / "down"))
    assert (tmp_path / "down/below/it/large.bin").read_bytes() == large, down
    assert (tmp_path / "down/note.txt").read_text() == "second"


def test_a_model_is_registered_and_loaded(client, tmp_path, monkeypatch):
    mlflow.set_experiment("models")
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(named_model.save(tmp_path / "model", "ready")), "model")
    name = "team model"
    client.create_registered_model(name, description="for the tests")
    version = client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.set_registered_model_alias(name, "champion", version.version)
    assert [found.run_id for found in client.search_model_versions(f"name = '{name}'")] == [run.info.run_id]
    for uri in (f"models:/{name}/1", f"models:/{name}@champion", f"runs:/{run.info.run_id}/model"):
        assert mlflow.pyfunc.load_model(uri).predict([[0]]) == "ready", uri


def test_many_writers_in_several_instances_lose_nothing(client, wasmtime):
    experiment = client.create_experiment("many writers")
    run = client.create_run(experiment).info.run_id

    def write(thread):
        own = MlflowClient(wasmtime.uri)
        for step in range(POINTS):
            own.log_metric(run, f"of {thread}", step, step=step)
        return own.create_run(experiment).info.run_id

    with ThreadPoolExecutor(THREADS) as pool:
        made = set(pool.map(write, range(THREADS)))
    assert {found.info.run_id for found in client.search_runs([experiment])} == made | {run}
    for thread in range(THREADS):
        assert len(client.get_metric_history(run, f"of {thread}")) == POINTS


def test_a_new_server_finds_what_another_one_stored(start, use, tmp_path):
    first = start(tmp_path / "data")
    client = use(first.uri)
    run = client.create_run(client.create_experiment("kept")).info.run_id
    client.log_metric(run, "loss", 0.5)
    client.log_text(run, "kept", "note.txt")
    # Without a chance to clean up.
    first.kill()
    second = start(tmp_path / "data")
    client = use(second.uri)
    assert client.get_run(run).data.metrics == {"loss": 0.5}
    assert mlflow.artifacts.load_text(f"runs:/{run}/note.txt") == "kept"
    second.stop()


@pytest.mark.parametrize("token", ["", "another token"])
def test_a_request_without_the_token_is_refused(wasmtime, use, token):
    with pytest.raises(MlflowException) as refused:
        use(wasmtime.uri, token).search_experiments()
    assert "401" in str(refused.value) or "UNAUTHENTICATED" in str(refused.value)


def test_headers_about_the_caller_count_only_if_the_gate_sets_them(wasmtime):
    path = f"{wasmtime.uri}/api/2.0/mlflow/runs/create"
    forged = {"x-mlforge-rights": "write", "x-mlforge-actor": "eve"}
    assert requests.post(path, json={"experiment_id": "0"}, headers=forged, timeout=60).status_code == 401
    allowed = {**forged, "x-mlforge-rights": "read", "authorization": f"Bearer {TOKEN}"}
    made = requests.post(path, json={"experiment_id": "0"}, headers=allowed, timeout=60)
    assert made.status_code == 200, made.text
    assert "eve" not in made.text


def test_a_path_outside_of_the_mount_leads_nowhere(wasmtime):
    host = wasmtime.uri.partition("/api/")[0]
    answer = requests.get(f"{host}/api/v4/projects/2/ml/mlflow/version", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
