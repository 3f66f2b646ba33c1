"""Clients reach mlforge through nginx and Caddy, with the very rules of the installation pages."""

import os
import runpy
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from process import free_port, wait_until
from proxy import PROXIES, Ports, block
from server import Server

RULES = [(page, proxy) for page in ("gitea", "forgejo", "gitlab") for proxy in PROXIES]
MIB = 1 << 20
# More than all buffers of a proxy and of the connections on both sides of it.
LARGE_BYTES = 48 * MIB
ARRIVAL_SECONDS_MAX = 30


class ForgeStandIn(BaseHTTPRequestHandler):
    """Answers every GET with its path."""

    def do_GET(self):
        body = f"the forge: {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def forge():
    """The port of a server that stands for the forge behind the same proxy."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), ForgeStandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def ports(forge):
    return Ports(free_port(), free_port(), forge)


@pytest.fixture(scope="module")
def project(ports, tmp_path_factory):
    """A project of an mlforge that knows the proxy's address as its own."""
    listen, url = f"127.0.0.1:{ports.mlforge}", f"https://127.0.0.1:{ports.proxy}"
    server = Server(tmp_path_factory.mktemp("mlforge") / "data", "--external-url", url, listen=listen)
    yield server.new_project("team/sub/beside")
    server.stop()


@pytest.fixture(scope="module", params=RULES, ids="-".join)
def proxy(request, ports, project, certificate, tmp_path_factory):
    """A running proxy with the rule of one page."""
    page, name = request.param
    process = PROXIES[name](page, ports, certificate, tmp_path_factory.mktemp(name)).start()
    yield process
    process.stop()


@pytest.fixture
def client(proxy, project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.token)
    return MlflowClient(project.uri)


@pytest.fixture
def run(client, unique):
    return client.create_run(client.create_experiment(unique("experiment"))).info.run_id


@pytest.fixture
def session(project):
    """Requests with the project's token."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {project.token}"
        yield session


def file_url(project, run, name):
    """The address of a run's file. The experiment's number is part of it."""
    uri = MlflowClient(project.uri).get_run(run).info.artifact_uri
    return f"{project.uri}/api/2.0/mlflow-artifacts/artifacts/{uri.removeprefix('mlflow-artifacts:/')}/{name}"


def bytes_below(directory: Path) -> int:
    """The size of all files below a directory, some of which may go away meanwhile."""
    sizes = []
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(parent, name)).st_size)
            except FileNotFoundError:
                pass
    return sum(sizes)


def test_a_client_logs_and_reads(client, run, tmp_path):
    client.log_param(run, "rate", 0.1)
    client.log_metric(run, "loss", 0.5, step=1)
    (tmp_path / "a.txt").write_text("contents")
    client.log_artifact(run, str(tmp_path / "a.txt"), "in/a/directory")
    found = client.get_run(run).data
    assert (found.params, found.metrics) == ({"rate": "0.1"}, {"loss": 0.5})
    assert Path(client.download_artifacts(run, "in/a/directory/a.txt")).read_text() == "contents"


def test_an_encoded_project_path_stays_encoded(client, project, run):
    by_path = MlflowClient(project.server.tracking_uri(project.path))
    assert "team%2Fsub%2Fbeside" in project.server.tracking_uri(project.path)
    by_path.log_metric(run, "loss", 0.25)
    assert client.get_run(run).data.metrics == {"loss": 0.25}


@pytest.mark.parametrize(
    ("by", "name"),
    # With a lone `%` in a path, the client encodes all of it again, the project's path included.
    [("path", "größe + [x] = y;z.csv"), ("number", "größe 100% + [x] = y;z.csv")],
)
def test_file_names_with_escapes_arrive_as_they_are(client, project, run, tmp_path, by, name):
    (tmp_path / name).write_text("a,b")
    named = MlflowClient(project.server.tracking_uri(getattr(project, by)))
    named.log_artifact(run, str(tmp_path / name), "data + more")
    assert [file.path for file in client.list_artifacts(run, "data + more")] == [f"data + more/{name}"]
    assert Path(named.download_artifacts(run, f"data + more/{name}")).read_text() == "a,b"


def test_wrong_tokens_and_refusals_of_mlforge_reach_the_client(client, project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong")
    with pytest.raises(MlflowException) as refused:
        client.search_experiments()
    assert refused.value.error_code == "UNAUTHENTICATED"
    with pytest.raises(MlflowException) as refused:
        MlflowClient(project.uri).get_run("0" * 32)
    assert refused.value.error_code == "UNAUTHENTICATED"


def test_a_large_file_goes_in_parts(client, run, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(5 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(2 * MIB))
    parts, put = [], requests.put
    monkeypatch.setattr(requests, "put", lambda url, *args, **others: parts.append(url) or put(url, *args, **others))
    (tmp_path / "large").write_bytes(os.urandom(5 * MIB + 12_345))
    client.log_artifact(run, str(tmp_path / "large"))
    assert len(set(parts)) == 3
    assert Path(client.download_artifacts(run, "large")).read_bytes() == (tmp_path / "large").read_bytes()


def test_an_upload_is_passed_on_while_it_arrives(session, project, run, client):
    stored = project.server.cli.data / "blobs"
    half, before = os.urandom(LARGE_BYTES // 2), bytes_below(stored)

    def body():
        for start in range(0, len(half), MIB):
            yield half[start : start + MIB]
        # Nothing more is sent before the server has it, but for what is in buffers of connections.
        arrived = lambda: bytes_below(stored) - before > len(half) // 2
        wait_until(arrived, ARRIVAL_SECONDS_MAX, "the first half of an upload arrives before the second is sent")
        yield half

    answer = session.put(file_url(project, run, "large"), data=body())
    assert answer.status_code == 200, answer.text
    assert [file.file_size for file in client.list_artifacts(run)] == [LARGE_BYTES]


def test_a_download_is_passed_on_while_it_is_read(session, project, proxy, run, client):
    contents = os.urandom(LARGE_BYTES)
    url = file_url(project, run, "large")
    assert session.put(url, data=contents).status_code == 200
    read, kept = [], []
    with session.get(url, stream=True) as answer:
        for chunk in answer.iter_content(MIB):
            read.append(chunk)
            kept.append(proxy.open_bytes_below(proxy.log.parent))
    assert max(kept) < MIB
    assert b"".join(read) == contents


def test_a_part_of_a_file_is_downloaded_alone(session, project, run, client):
    contents = os.urandom(MIB)
    url = file_url(project, run, "file")
    assert session.put(url, data=contents).status_code == 200
    for asked, expected in {"bytes=1000-1999": contents[1000:2000], "bytes=-10": contents[-10:]}.items():
        answer = session.get(url, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, expected)
    assert session.get(url, headers={"Range": f"bytes={MIB}-"}).status_code == 416


def test_the_first_check_of_the_page_succeeds(client, project, request, tmp_path, monkeypatch, capsys):
    page, _ = request.node.callspec.params["proxy"]
    (tmp_path / "check.py").write_text(block(page, "python"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.server.tracking_uri(project.path))
    runpy.run_path(str(tmp_path / "check.py"))
    assert "it works" in capsys.readouterr().out


def test_only_addresses_of_mlforge_reach_it(proxy, ports, request):
    """The forge has all others, with what is encoded in them."""
    url = f"https://127.0.0.1:{ports.proxy}"
    hook = requests.post(f"{url}/-/webhook", json={})
    assert "x-request-id" in hook.headers
    if request.node.callspec.params["proxy"][0] == "gitlab":
        assert requests.get(f"{url}/-/health").text == "OK"
        return
    for path in ("/", "/team/repo", "/api/v1/repos/team/repo", "/api/v4/projects/1", "/a/b/src/-/x%2Fy", "/-/health"):
        assert requests.get(url + path).text == f"the forge: {path}"
