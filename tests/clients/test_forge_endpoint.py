"""The example of a forge's endpoint decides, and a real client logs."""

import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from running import STOP_SECONDS_MAX
from server import Server

pytestmark = [pytest.mark.forge, pytest.mark.once]

ENDPOINT = Path(__file__).parents[2] / "examples/forge-endpoint/endpoint.py"


@pytest.fixture(scope="module")
def endpoint():
    """The example on a free port. Returns its URL."""
    command = [sys.executable, str(ENDPOINT), "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = process.stdout.readline().strip()
    assert url, "the endpoint did not start"
    yield url
    process.kill()
    process.wait(STOP_SECONDS_MAX)


@pytest.fixture(scope="module")
def forge_server(endpoint, tmp_path_factory):
    """A running mlforge that asks the example."""
    running = Server(tmp_path_factory.mktemp("mlforge-forge") / "data", "--forge", f"http={endpoint}")
    yield running
    running.stop()


@pytest.fixture
def connect(forge_server, monkeypatch):
    """Makes a client with a token in a project."""

    def client(token, project):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
        return MlflowClient(forge_server.tracking_uri(project))

    return client


def refused(call):
    """The error code of a call that must fail."""
    with pytest.raises(MlflowException) as error:
        call()
    return error.value.error_code


def test_a_developer_logs_by_number_and_path(connect):
    by_number = connect("ada-secret", "7")
    run = by_number.create_run(by_number.create_experiment("by number")).info.run_id
    by_number.log_metric(run, "loss", 0.5)
    assert connect("ada-secret", "vision/cats").get_run(run).data.metrics == {"loss": 0.5}


def test_a_token_that_only_reads_does_not_write(connect):
    reader = connect("ada-reads", "7")
    assert reader.search_experiments()
    assert refused(lambda: reader.create_experiment("refused")) == "PERMISSION_DENIED"


def test_a_caller_who_is_no_member_reads_public_projects_only(connect):
    experiment = connect("ada-secret", "8").create_experiment("by the owner")
    guest = connect("bob-secret", "8")
    assert experiment in [found.experiment_id for found in guest.search_experiments()]
    assert refused(lambda: guest.create_experiment("refused")) == "PERMISSION_DENIED"
    assert refused(connect("bob-secret", "7").search_experiments) == "RESOURCE_DOES_NOT_EXIST"


def test_an_unknown_token_is_refused(connect):
    assert refused(connect("guess", "8").search_experiments) == "UNAUTHENTICATED"
