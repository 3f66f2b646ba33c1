"""Direct transfers: the client sends and fetches large files at signed addresses of the store."""

import os
import socket
import threading
from pathlib import Path

import pytest
import requests

from server import Server

pytestmark = [pytest.mark.forge, pytest.mark.store, pytest.mark.since(3, 17)]

MIB = 1 << 20


class Passage:
    """A way to a server that counts the bytes on it."""

    def __init__(self, port: int):
        self.to = port
        self.count = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, target):
        try:
            while data := source.recv(1 << 16):
                with self._lock:
                    self.count += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            target.close()

    def close(self):
        self._listener.close()


@pytest.fixture(scope="module")
def direct(tmp_path_factory):
    """A server that allows direct transfers of files up to 32 MiB."""
    running = Server(tmp_path_factory.mktemp("direct") / "data", "--s3-direct", "--max-file-size", "32")
    yield running
    running.stop()


@pytest.fixture
def passage(direct, monkeypatch):
    """The way from the client to a project on that server."""
    project = direct.new_project(f"team/direct-{os.urandom(4).hex()}")
    way = Passage(direct.port)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.uri.replace(direct.base, way.base))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.token)
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(5 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(5 * MIB))
    yield way
    way.close()


@pytest.fixture
def client(passage):
    from mlflow import MlflowClient

    return MlflowClient(os.environ["MLFLOW_TRACKING_URI"])


@pytest.fixture
def run(client):
    return client.create_run("0").info.run_id


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(16 * MIB + 12_345))
    return path


def test_no_byte_of_a_large_file_passes_the_server(client, run, passage, large, tmp_path):
    before = passage.count
    client.log_artifact(run, str(large), "dir")
    assert [(item.path, item.file_size) for item in client.list_artifacts(run, "dir")] == [
        ("dir/large.bin", large.stat().st_size)
    ]
    local = client.download_artifacts(run, "dir/large.bin", str(tmp_path))
    assert Path(local).read_bytes() == large.read_bytes()
    assert passage.count - before < 100_000


def test_every_file_comes_back_whatever_its_size(client, run, tmp_path):
    sent = tmp_path / "sent"
    sent.mkdir()
    for name, size in (("empty", 0), ("small", 10), ("medium", 3 * MIB), ("large", 11 * MIB)):
        (sent / name).write_bytes(os.urandom(size))
    client.log_artifacts(run, str(sent))
    received = tmp_path / "received"
    received.mkdir()
    local = Path(client.download_artifacts(run, "", str(received)))
    assert {path.name: path.read_bytes() for path in local.iterdir()} == {
        path.name: path.read_bytes() for path in sent.iterdir()
    }


def test_a_file_that_is_too_large_leaves_nothing(client, run, tmp_path):
    huge = tmp_path / "huge"
    huge.write_bytes(bytes(33 * MIB))
    with pytest.raises(requests.HTTPError) as told:
        client.log_artifact(run, str(huge))
    assert told.value.response.status_code == 413
    assert client.list_artifacts(run) == []


def test_parts_that_the_store_does_not_take_are_refused_by_their_rule(client, run, large, monkeypatch):
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(4 * MIB))
    with pytest.raises(requests.HTTPError, match="each part but the last has at least 5242880 bytes"):
        client.log_artifact(run, str(large))
    assert client.list_artifacts(run) == []
