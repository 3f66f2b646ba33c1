"""Schemathesis sends requests made from the server's own description of its API, and checks the answers against it."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from server import Server

# The time for which requests are made.
SECONDS = 60
# The time for a description that cannot be read, or a server that hangs.
SECONDS_MAX = 300
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
# Objects to which requests may refer.
SEED = (
    ("POST", "experiments/create", {"name": "0"}),
    ("POST", "runs/create", {"experiment_id": "0", "tags": [{"key": "k", "value": "v"}]}),
    ("POST", "registered-models/create", {"name": "0", "description": "d", "tags": [{"key": "k", "value": "v"}]}),
    ("POST", "model-versions/create", {"name": "0", "source": "", "tags": [{"key": "k", "value": "v"}]}),
    ("POST", "registered-models/alias", {"name": "0", "alias": "a", "version": "1"}),
    ("POST", "logged-models", {"experiment_id": "0", "params": [{"key": "k", "value": "v"}]}),
    ("POST", "traces", {"experiment_id": "0", "timestamp_ms": 1, "tags": [{"key": "k", "value": "v"}]}),
)


@pytest.fixture
def project(tmp_path):
    """A project of a server, with an object of each kind."""
    running = Server(tmp_path / "data")
    project = running.new_project("team/described")
    for method, endpoint, body in SEED:
        request = urllib.request.Request(
            f"{project.uri}/api/2.0/mlflow/{endpoint}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {project.token}", "Content-Type": "application/json"},
            method=method,
        )
        urllib.request.urlopen(request, timeout=60).close()
    yield project
    running.stop()


def test_answers_are_as_the_description_says(project, tmp_path):
    command = [
        Path(sys.executable).with_name("st"),
        "run",
        f"{project.uri}/openapi.json",
        f"--url={project.uri}",
        f"--header=Authorization: Bearer {project.token}",
        f"--max-time={SECONDS}",
        f"--checks={','.join(CHECKS)}",
        "--phases=examples,coverage,fuzzing",
        # Pages are for people: their answers are HTML.
        "--exclude-tag=pages",
        # Without a store of files the answer is 501, as MLflow's server says it.
        "--exclude-path=/api/2.0/mlflow-artifacts/presigned/{path}",
        "--seed=1",
        "--continue-on-failure",
        "--warnings=off",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == 0, (done.stdout + done.stderr)[-20_000:]
