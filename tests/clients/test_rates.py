"""A server that bounds the rate of requests: the client waits as it is told, and loses nothing."""

import urllib.request

import pytest

from server import Server

pytestmark = [pytest.mark.forge, pytest.mark.once]

POINTS = 16


def test_a_client_beyond_its_rate_waits_and_succeeds(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    running = Server(tmp_path / "data", "--max-token-rate", "8:4", "--metrics-public")
    project = running.new_project("team/fast")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    client = MlflowClient(project.uri)
    run = client.create_run(client.create_experiment("fast")).info.run_id
    for step in range(POINTS):
        client.log_metric(run, "m", step, step=step)
    assert [point.value for point in client.get_metric_history(run, "m")] == list(range(POINTS))
    metrics = urllib.request.urlopen(f"{running.base}/-/metrics", timeout=60).read().decode()
    refused = next(line for line in metrics.splitlines() if 'requests_refused_total{bound="token_rate"}' in line)
    assert int(refused.split()[1]) > 0
    running.stop()
