"""A user's training script, run as the user runs it. All data that it logged is read back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("train.py")
EPOCHS = 250


@pytest.fixture
def made(project, unique, tmp_path):
    """The ids and values that the script prints."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": project.uri,
        "MLFLOW_TRACKING_TOKEN": project.token,
        # A user does not need these: here no retry may hide an error, and nothing may be sent elsewhere.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    script = subprocess.run(
        [sys.executable, str(SCRIPT), unique("línea/regresión")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert script.returncode == 0, script.stdout + script.stderr
    return json.loads(script.stdout.strip().splitlines()[-1])


def test_a_training_script_needs_only_the_two_variables(made, client):
    parent = client.get_run(made["parent"])
    assert (parent.info.status, parent.info.run_name) == ("FINISHED", "sweep")
    assert parent.data.params == {"rates": "0.1, 0.2"}
    assert parent.data.tags["team"] == "línea"
    assert parent.info.end_time >= parent.info.start_time > 0
    assert "train.py" in parent.data.tags["mlflow.source.name"]

    for run_id, rate in zip(made["children"], (0.1, 0.2)):
        check_child(client, client.get_run(run_id), made["parent"], rate)

    assert sorted(made["best first"]) == sorted(made["children"])
    losses = [client.get_run(run_id).data.metrics["loss"] for run_id in made["best first"]]
    assert losses == sorted(losses)

    check_unnamed(client.get_run(made["unnamed"]))
    failed = client.get_run(made["failed"])
    assert (failed.info.status, failed.info.run_name) == ("FAILED", "diverges")

    everything = client.search_runs([made["experiment"]])
    ids = [made["parent"], *made["children"], made["unnamed"], made["failed"]]
    assert sorted(run.info.run_id for run in everything) == sorted(ids)


def check_child(client, child, parent, rate):
    assert child.info.status == "FINISHED"
    assert child.data.tags["mlflow.parentRunId"] == parent
    assert child.data.tags["rate/10"] == str(rate / 10)
    assert child.data.tags["batches"] == "400"
    batches = {f"batch {start}": "100" for start in range(0, 500, 100)}
    assert child.data.params == {"rate": str(rate), "epochs": str(EPOCHS), **batches}
    assert set(child.data.metrics) == {"loss", "weight", "bias", "gradient/weight", "final weight"}
    points = 0
    for key in ("loss", "weight", "bias", "gradient/weight"):
        history = client.get_metric_history(child.info.run_id, key)
        assert sorted(point.step for point in history) == list(range(EPOCHS))
        last = max(history, key=lambda point: point.step)
        assert child.data.metrics[key] == last.value
        points += len(history)
    assert points == 1000
    assert child.data.metrics["final weight"] == child.data.metrics["weight"]


def check_unnamed(run):
    assert run.info.status == "FINISHED"
    assert len(run.info.run_name) > 3
    assert run.data.tags["mlflow.runName"] == run.info.run_name
    assert run.data.metrics == {"after resume": 1.0}
    assert "temporary" not in run.data.tags
