"""Fixtures: one server a session, one project a test, a client of it.

With MLFORGE_TEST_URI set to a tracking URI, the tests run against that server instead, for example a real
`mlflow server`. A `{project}` in it stands for a number from 1 on, another one for each test. Tests that need a forge are left
out then. With MLFORGE_TEST_DATABASE the servers have their data in PostgreSQL and S3, and tests of data directories are left out.
"""

import itertools
import os

# Before MLflow is imported: no retry may hide an error, and nothing is sent elsewhere.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "60"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
# Figures are drawn without a screen. The scikit-learn for MLflow 2.7 needs distutils of the standard library.
os.environ["MPLBACKEND"] = "Agg"
os.environ["SETUPTOOLS_USE_DISTUTILS"] = "stdlib"

import pytest

from server import DATABASES, Project, Server

OTHER_SERVER = os.environ.get("MLFORGE_TEST_URI")


def pytest_collection_modifyitems(config, items):
    """Deselects tests that need a forge on another server, tests of data directories without one, and tests that need
    later calls on an old client. They are not skipped.
    """
    left_out = {"forge": OTHER_SERVER, "directory": DATABASES, "store": not DATABASES}
    marks = [mark for mark, is_left_out in left_out.items() if is_left_out]
    gone = [item for item in items if any(map(item.get_closest_marker, marks)) or is_too_new(item)]
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=gone)


def is_too_new(item):
    """True if a test needs a later client than this one."""
    from mlflow.version import VERSION

    since = item.get_closest_marker("since")
    return since is not None and tuple(map(int, VERSION.split(".")[:2])) < since.args


def pytest_sessionfinish(session, exitstatus):
    """Accepts a session without tests: a choice by name may leave none in one of the environments."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.option.keyword:
        session.exitstatus = pytest.ExitCode.OK


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running mlforge. At the end it must stop within its time limit."""
    running = Server(tmp_path_factory.mktemp("mlforge") / "data")
    yield running
    running.stop()


_numbers = itertools.count(1)


@pytest.fixture
def project(request, monkeypatch):
    """A project of the test's own. The environment's variables point to it."""
    name = f"project-{next(_numbers)}"
    if OTHER_SERVER:
        uri = OTHER_SERVER.replace("{project}", name.removeprefix("project-"))
        here = Project(None, "0", name, "nobody", "none", uri)
    else:
        here = request.getfixturevalue("server").new_project(f"team/{name}")
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", here.uri)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", here.token)
    return here


@pytest.fixture
def client(project):
    """An MlflowClient of the test's project."""
    from mlflow import MlflowClient

    return MlflowClient(project.uri)


@pytest.fixture
def experiment(client, unique):
    """The id of a fresh experiment."""
    return client.create_experiment(unique("experiment"))


@pytest.fixture
def run(client, experiment):
    """The id of a fresh run."""
    return client.create_run(experiment, run_name="a run").info.run_id


@pytest.fixture
def unique():
    """Makes a name that no other test and no earlier session uses. Another server may hold data of earlier
    sessions.
    """
    return lambda name: f"{name} {os.getpid()}-{next(_numbers)}"
