"""Artifacts through MlflowClient: single files, trees of them, and refused requests."""

import json
import os
import threading
from pathlib import Path

import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from server import DATABASES, Server


def tree(directory):
    """Relative paths and contents of all files below a directory."""
    root = Path(directory)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def make_tree(root, files):
    """Writes files by relative path."""
    for name, contents in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    return root


FILES = {
    "MLmodel": b"flavors: {}\n",
    "empty": b"",
    "data/weights.bin": bytes(range(256)) * 5_000,
    "data/deep/er/größe 모델.txt": "ü 🦀".encode(),
    "data/100% + [x] = y;z.csv": b"a,b\n",
}


def repository(client, run):
    """The repository of a run's files."""
    return get_artifact_repository(client.get_run(run).info.artifact_uri)


def paths(client, run, directory=None):
    """The listed paths; those of directories end with a slash."""
    return [item.path + "/" * item.is_dir for item in client.list_artifacts(run, directory)]


def test_a_file_comes_back(client, run, tmp_path):
    (tmp_path / "a.bin").write_bytes(os.urandom(3_000_000))
    client.log_artifact(run, tmp_path / "a.bin")
    client.log_artifact(run, tmp_path / "a.bin", "in/a/directory")
    for path in ("a.bin", "in/a/directory/a.bin"):
        (tmp_path / "down").mkdir(exist_ok=True)
        local = client.download_artifacts(run, path, str(tmp_path / "down"))
        assert Path(local).read_bytes() == (tmp_path / "a.bin").read_bytes()


def test_a_tree_comes_back(client, run, tmp_path):
    make_tree(tmp_path / "up", FILES)
    client.log_artifacts(run, str(tmp_path / "up"), "model")
    assert tree(client.download_artifacts(run, "model")) == FILES
    assert tree(client.download_artifacts(run, "model/data/deep")) == {"er/größe 모델.txt": "ü 🦀".encode()}
    whole = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="", dst_path=str(tmp_path / "down"))
    assert tree(whole) == {f"model/{name}": contents for name, contents in FILES.items()}
    by_uri = mlflow.artifacts.download_artifacts(artifact_uri=f"runs:/{run}/model/data")
    assert (Path(by_uri) / "weights.bin").read_bytes() == FILES["data/weights.bin"]


def test_a_tree_is_listed_level_by_level(client, run, tmp_path):
    make_tree(tmp_path, FILES)
    client.log_artifacts(run, str(tmp_path))
    assert paths(client, run) == ["MLmodel", "data/", "empty"]
    assert paths(client, run, "data") == ["data/100% + [x] = y;z.csv", "data/deep/", "data/weights.bin"]
    assert paths(client, run, "MLmodel") == []
    assert paths(client, run, "nothing") == []
    sizes = {item.path: item.file_size for item in client.list_artifacts(run)}
    assert sizes == {"MLmodel": 12, "data": None, "empty": 0}


# mlflow-export-import reads a run like this.
def test_a_dot_means_the_directory_itself(client, run):
    for name in ("a.txt", "sub/b.txt"):
        client.log_text(run, name, name)
    expected = {"a.txt": b"a.txt", "sub/b.txt": b"sub/b.txt"}
    assert sorted(path.removeprefix("./") for path in paths(client, run, ".")) == ["a.txt", "sub/"]
    assert tree(client.download_artifacts(run, ".")) == expected
    assert tree(mlflow.artifacts.download_artifacts(run_id=run, artifact_path="./")) == expected
    assert tree(mlflow.artifacts.download_artifacts(f"runs:/{run}/.")) == expected
    assert mlflow.artifacts.load_text(f"runs:/{run}/./a.txt") == "a.txt"
    assert mlflow.artifacts.load_text(f"runs:/{run}/sub/./b.txt") == "sub/b.txt"


def test_text_and_dictionaries_are_logged(client, run):
    client.log_text(run, "grüße", "notes/a.txt")
    client.log_text(run, "<script>alert(1)</script>", "page.html")
    client.log_dict(run, {"a": [1, None, "ü"]}, "a.json")
    client.log_dict(run, {"a": 1}, "a.yaml")
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/a.txt") == "grüße"
    assert mlflow.artifacts.load_text(f"runs:/{run}/page.html") == "<script>alert(1)</script>"
    assert mlflow.artifacts.load_dict(f"runs:/{run}/a.json") == {"a": [1, None, "ü"]}
    client.log_text(run, "new", "notes/a.txt")
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/a.txt") == "new"


def test_the_active_run_logs(project, unique, tmp_path):
    mlflow.set_experiment(unique("experiment"))
    (tmp_path / "a").write_text("x")
    with mlflow.start_run() as run:
        mlflow.log_artifact(tmp_path / "a", "dir")
        mlflow.log_text("y", "dir/b")
        assert mlflow.get_artifact_uri("dir").endswith(f"/{run.info.run_id}/artifacts/dir")
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/dir/a") == "x"


def test_a_missing_artifact_is_an_error(client, run):
    with pytest.raises((MlflowException, requests.HTTPError)) as told:
        client.download_artifacts(run, "nothing")
    assert any(words in str(told.value) for words in ("404", "Failed to download artifacts from path 'nothing'"))


def test_artifacts_are_deleted(client, run):
    for name in ("keep", "dir/a", "dir/b/c"):
        client.log_text(run, "x", name)
    repository(client, run).delete_artifacts("dir")
    assert paths(client, run) == ["keep"]


def test_only_an_active_run_is_written_to(client, run):
    client.log_text(run, "x", "a")
    client.delete_run(run)
    with pytest.raises((MlflowException, requests.HTTPError)) as told:
        client.log_text(run, "y", "b")
    assert "400" in str(told.value) or "active" in str(told.value)
    assert mlflow.artifacts.load_text(f"runs:/{run}/a") == "x"


MIB = 1 << 20


@pytest.fixture
def in_parts(monkeypatch):
    """Sends files of more than 5 MiB in parts of 1 MiB. Yields the list of sent parts."""
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(5 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(MIB))
    sent = []
    put, two_at_once = requests.put, threading.Barrier(2)

    def observed(url, *args, headers, **others):
        assert not {name.lower() for name in headers} & {"authorization", "private-token"}
        sent.append(url)
        if len(sent) <= 2:
            two_at_once.wait(60)
        return put(url, *args, headers=headers, **others)

    monkeypatch.setattr(requests, "put", observed)
    return sent


@pytest.fixture
def large(tmp_path):
    """A file of more than five parts."""
    path = tmp_path / "large"
    path.write_bytes(os.urandom(5 * MIB + 12_345))
    return path


@pytest.mark.forge
@pytest.mark.since(2, 22)
def test_the_parts_of_a_large_file_go_at_once(client, run, large, in_parts):
    client.log_artifact(run, str(large), "dir")
    assert len(set(in_parts)) == len(in_parts) == 6
    assert Path(client.download_artifacts(run, "dir/large")).read_bytes() == large.read_bytes()
    assert paths(client, run) == ["dir/"] and paths(client, run, "dir") == ["dir/large"]


@pytest.mark.forge
@pytest.mark.since(2, 22)
def test_an_interrupted_upload_in_parts_leaves_nothing(client, project, run, large, in_parts, monkeypatch):
    observed = requests.put

    def interrupted(url, *args, **others):
        if url.endswith("/4"):
            raise requests.ConnectionError("pulled the plug")
        return observed(url, *args, **others)

    monkeypatch.setattr(requests, "put", interrupted)
    with pytest.raises(MlflowException, match="pulled the plug"):
        client.log_artifact(run, str(large))
    assert in_parts and paths(client, run) == []
    assert not (project.server.cli.data / "blobs" / "projects" / project.number).exists()


@pytest.mark.forge
@pytest.mark.since(3, 17)
def test_the_server_says_that_large_files_go_in_parts(client, run, large, in_parts, monkeypatch):
    monkeypatch.delenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD")
    client.log_artifact(run, str(large))
    assert len(in_parts) == 6
    assert Path(client.download_artifacts(run, "large")).read_bytes() == large.read_bytes()


@pytest.mark.forge
@pytest.mark.once
def test_an_upload_in_parts_goes_on_after_a_restart(tmp_path):
    running = Server(tmp_path / "data")
    project = running.new_project("team/restarted")
    headers = {"Authorization": f"Bearer {project.token}"}

    def post(what, body):
        answer = requests.post(f"{running.tracking_uri(project.number)}/api/2.0/{what}", json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()

    run = post("mlflow/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    place = f"0/{run}/artifacts"
    upload = post(f"mlflow-artifacts/mpu/create/{place}", {"path": "a", "num_parts": 2})
    parts, former = [], running.base
    for credential in upload["credentials"]:
        url = credential["url"].replace(former, running.base)
        sent = requests.put(url, data=b"x" * credential["part_number"], headers=credential["headers"])
        sent.raise_for_status()
        parts.append({"part_number": credential["part_number"], "etag": sent.headers["ETag"], "url": url})
        running.kill()
        running = Server(tmp_path / "data")
    post(f"mlflow-artifacts/mpu/complete/{place}", {"path": "a", "upload_id": upload["upload_id"], "parts": parts})
    uri = f"{running.tracking_uri(project.number)}/api/2.0/mlflow-artifacts/artifacts/{place}/a"
    assert requests.get(uri, headers=headers).content == b"xxx"
    if not DATABASES:
        assert (tmp_path / "data" / "ticket.key").stat().st_mode & 0o777 == 0o600
    running.stop()


@pytest.fixture
def model_directory(tmp_path):
    """A model directory as clients save it, of a flavour that needs no package."""
    root = make_tree(tmp_path / "saved", {"weights.json": json.dumps([1, 2, 3]).encode()})
    (root / "MLmodel").write_text("artifact_path: model\nflavors:\n  own:\n    data: weights.json\n")
    return root


def test_a_models_files_are_got_by_each_of_its_names(client, run, unique, model_directory):
    client.log_artifacts(run, str(model_directory), "model")
    name = unique("model")
    client.create_registered_model(name)
    source = client.get_run(run).info.artifact_uri + "/model"
    client.create_model_version(name, source, run, tags={"gitlab.version": "1.2.3"})
    client.set_registered_model_alias(name, "champion", "1")
    for uri in (f"runs:/{run}/model", f"models:/{name}/1", f"models:/{name}/latest", f"models:/{name}@champion"):
        assert tree(mlflow.artifacts.download_artifacts(artifact_uri=uri)).items() >= tree(model_directory).items(), uri
    assert mlflow.artifacts.load_dict(f"models:/{name}/1/weights.json") == [1, 2, 3]


@pytest.mark.forge
def test_a_browser_runs_nothing_that_was_logged(client, project, run):
    client.log_text(run, "<script>alert(1)</script>", "x.html")
    answer = requests.get(
        f"{project.uri}/get-artifact",
        params={"run_id": run, "path": "x.html"},
        headers={"Authorization": f"Bearer {project.token}"},
        timeout=60,
    )
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "html" not in answer.headers["Content-Type"]
    assert answer.headers["Content-Length"] == "25"


@pytest.mark.forge
@pytest.mark.once
@pytest.mark.directory
def test_a_killed_server_leaves_the_old_file_or_none(tmp_path):
    data = tmp_path / "data"
    running = Server(data)
    project = running.new_project("team/killed")
    headers = {"Authorization": f"Bearer {project.token}"}
    made = requests.post(f"{project.uri}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}, headers=headers)
    run = made.json()["run"]["info"]["run_id"]
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
    requests.put(f"{project.uri}{place}/old", b"old", headers=headers).raise_for_status()

    def half():
        for _ in range(100):
            yield bytes(1 << 16)
        running.kill()

    for name in ("old", "new"):
        with pytest.raises(requests.RequestException):
            requests.put(f"{project.uri}{place}/{name}", half(), headers=headers, timeout=60).raise_for_status()
        running = Server(data)
        uri = running.tracking_uri(project.number)
        assert requests.get(f"{uri}{place}/old", headers=headers).content == b"old"
        assert requests.get(f"{uri}{place}/new", headers=headers).status_code == 404
        assert not any((data / "blobs" / "staging").iterdir())
        project.uri = uri
    running.stop()
