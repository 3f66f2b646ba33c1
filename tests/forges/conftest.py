"""Fixtures: a certificate for everything that speaks TLS, and a client's environment."""

import os

# Before MLflow is imported: no retry may hide an error, and nothing is sent elsewhere.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "60"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import itertools
import subprocess

import pytest

from process import program
from proxy import Certificate

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1. Clients trust it as they trust a company's own authority."""
    directory = tmp_path_factory.mktemp("tls")
    made = Certificate(directory / "chain.pem", directory / "key.pem")
    command = [program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(made.chain), "-keyout", str(made.key)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True, timeout=60)
    return made


@pytest.fixture(autouse=True)
def trusted(certificate, monkeypatch):
    """Lets clients trust the certificate, and take nothing else from the environment."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.chain))
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def unique():
    """Makes a name that no other test uses."""
    return lambda name: f"{name} {next(_numbers)}"
