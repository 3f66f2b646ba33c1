"""Fixtures: a `wasmtime serve` for the session, and the environment of a client."""

import os

# Before MLflow is imported: no retry may hide an error, and nothing is sent elsewhere.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "60"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["SETUPTOOLS_USE_DISTUTILS"] = "stdlib"

import pytest

from wasmtime import TOKEN, Wasmtime, cache_config, compose


@pytest.fixture(scope="session")
def composed(tmp_path_factory):
    """The component that imports only WASI."""
    return compose(tmp_path_factory.mktemp("composed") / "mlforge-all.wasm")


@pytest.fixture(scope="session")
def start(tmp_path_factory, composed):
    """Starts a `wasmtime serve` with this directory for its data."""
    cache = cache_config(tmp_path_factory.mktemp("cache"))
    return lambda data: Wasmtime(composed, data, cache)


@pytest.fixture(scope="session")
def wasmtime(start, tmp_path_factory):
    """A `wasmtime serve` for all tests of the session."""
    running = start(tmp_path_factory.mktemp("data"))
    yield running
    running.stop()


@pytest.fixture
def use(monkeypatch):
    """Lets the client of this test use an address and a token, and take nothing else from the environment."""
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(variable, raising=False)

    def use(uri, token=TOKEN):
        import mlflow

        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
        mlflow.set_tracking_uri(uri)
        return mlflow.MlflowClient(uri)

    return use


@pytest.fixture
def client(wasmtime, use):
    """A client of the session's `wasmtime serve`."""
    return use(wasmtime.uri)
