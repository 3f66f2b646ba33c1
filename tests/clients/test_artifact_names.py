"""Accepted names are readable: each client lists, downloads and loads the files that another one logs, alone
and with their run.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy
import pandas
import pytest
import requests
from mlflow.exceptions import MlflowException
from PIL import Image

import named_model
from reader import uris

READER = Path(__file__).with_name("reader.py")
READER_SECONDS_MAX = 300

# Names on the client's side, with the names under which they are listed.
TAKEN = {
    "plain.txt": "plain.txt",
    "a b.txt": "a b.txt",
    "größe 模型 🦀.txt": "größe 模型 🦀.txt",
    "e\u0301": "e\u0301",
    "x" * 255: "x" * 255,
    "100%.txt": "100%.txt",
    "100% + [x] = y;z.csv": "100% + [x] = y;z.csv",
    "%": "%",
    "%zz%": "%zz%",
    "acc 95%20of 100%.txt": "acc 95 of 100%.txt",
    "50%25 off%.txt": "50% off%.txt",
    "c%20d.txt": "c d.txt",
    "e%2520f.txt": "e f.txt",
    "99%99%zz": "99\ufffd%zz",
    "ctl\x10x": "ctl%10x",
    "ctl%7F%zz": "ctl%7f%zz",
    "back\\slash.txt": "back\\slash.txt",
    "bs%5Cx%zz.txt": "bs\\x%zz.txt",
    "it's.txt": "it's.txt",
    'say "hi".txt': 'say "hi".txt',
    "a&b=c.txt": "a&b=c.txt",
    "a+b.txt": "a+b.txt",
    "a,b;c.txt": "a,b;c.txt",
    "<x>|*.txt": "<x>|*.txt",
    "^`~(x)[y]{z}!$@": "^`~(x)[y]{z}!$@",
    "note: 1.txt": "note: 1.txt",
    "Loss: train.txt": "loss: train.txt",
    "1:B": "1:B",
    ".dot": ".dot",
    "...": "...",
    "-dash": "-dash",
    "space ": "space ",
    "\u202ex\u200b": "\u202ex\u200b",
    # Clients cut a name at the beginning of a fragment, before they send it.
    "hash#x.txt": "hash",
}

# Names that no client could request, or that lead elsewhere during a download.
REFUSED = [
    "h%23x%zz",
    "q%3Fx%zz",
    "what?.txt",
    " space",
    "semicolon;",
    "tab\tx",
    "line\nx",
    "nul%00%zz",
    "\x02x",
    "http:x",
    "file:x",
    "C:x",
    "..\\up",
    "\\root",
    "c1\u0085x",
]

DIRECTORIES = {
    "100% done/deep": "100% done/deep",
    "it's": "it's",
    "a;b&c=d+e": "a;b&c=d+e",
    'say "hi"': 'say "hi"',
    "back\\slash": "back\\slash",
    "Team: a": "team: a",
    "95%20of 100%": "95 of 100%",
    "größe/b [1]": "größe/b [1]",
}

MODELS = [
    "a%b",
    "a%20b",
    "a#b",
    "a\\b",
    "a@b",
    "a;b&c=d",
    "a b+c",
    "größe 모델",
    "it's",
    'say "x"',
    "[x]",
    "%2e%2e",
    ".hidden",
]


def environments():
    """The interpreters of all clients under test, in neighbouring directories. If only one is there: that
    one. Other suites have theirs beside them, without a client.
    """
    stamps = sorted(Path(sys.prefix).parent.glob("*/requirements.stamp"))
    beside = [stamp.parent for stamp in stamps if any(stamp.parent.glob("lib/python*/site-packages/google/protobuf"))]
    return [environment / "bin" / "python" for environment in beside] or [Path(sys.executable)]


def read_by_all(request):
    """The findings of each client, by its interpreter."""
    readers = {}
    for python in environments():
        environment = {**os.environ, "SETUPTOOLS_USE_DISTUTILS": "stdlib"}
        pipe = subprocess.PIPE
        reader = subprocess.Popen([python, READER], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        readers[python.parent.parent.name] = reader
    found = {}
    for name, reader in readers.items():
        output, complaint = reader.communicate(json.dumps(request), timeout=READER_SECONDS_MAX)
        assert reader.returncode == 0, f"client {name}: {complaint[-4000:]}"
        found[name] = json.loads(output.splitlines()[-1])
    return found


def digest(contents):
    return hashlib.sha256(contents).hexdigest()


def log(client, run, directory, name, artifact_path=None):
    """Logs a file of this name, with the name as its content."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(name)
    client.log_artifact(run, str(path), artifact_path)


@pytest.mark.forge
def test_accepted_names_are_read_by_every_client(client, run, tmp_path):
    expected = {}
    for number, (name, listed) in enumerate(TAKEN.items()):
        log(client, run, tmp_path / str(number), name)
        expected[listed] = digest(name.encode())
    for number, (directory, listed) in enumerate(DIRECTORIES.items()):
        log(client, run, tmp_path / f"in {number}", "file 1%.txt", directory)
        expected[f"{listed}/file 1%.txt"] = digest(b"file 1%.txt")
    for name, found in read_by_all({"run": run}).items():
        for way in ("alone", "whole", "uri"):
            assert found[way] == expected, f"client {name}, {way}"


@pytest.mark.forge
def test_names_that_no_client_could_read_are_refused(client, run, tmp_path):
    for number, name in enumerate(REFUSED):
        with pytest.raises((MlflowException, requests.HTTPError)) as refused:
            log(client, run, tmp_path / str(number), name)
        assert "400" in str(refused.value) or "Invalid path" in str(refused.value), name
    assert client.list_artifacts(run) == []


@pytest.mark.forge
def test_a_model_of_any_name_is_loaded_by_every_client(client, run, tmp_path):
    for number, (name, directory) in enumerate(zip(MODELS, [*DIRECTORIES, *["model"] * len(MODELS)])):
        saved = named_model.save(tmp_path / str(number), name)
        source = f"runs:/{run}/{directory}" + "/" * (number % 2)
        client.log_artifacts(run, str(saved), directory)
        assert mlflow.register_model(source, name).version == "1"
        client.set_registered_model_alias(name, "best", "1")
    words = dict(zip(MODELS, MODELS))
    # Models without a directory of their own share one.
    words.update({name: MODELS[-1] for name in MODELS[len(DIRECTORIES) :]})
    for client_name, found in read_by_all({"models": MODELS}).items():
        for name in MODELS:
            for uri in uris(name):
                assert found["models"][uri] == words[name], f"client {client_name}, {uri}"


@pytest.mark.forge
@pytest.mark.since(2, 22)
def test_a_model_of_any_name_is_copied(client, run, tmp_path):
    client.log_artifacts(run, str(named_model.save(tmp_path / "model", "word")), "model")
    for number, name in enumerate(MODELS):
        mlflow.register_model(f"runs:/{run}/model", name)
        copy = client.copy_model_version(f"models:/{name}/1", f"copy {number}")
        assert copy.source == f"models:/{name}/1"
        loaded = mlflow.pyfunc.load_model(f"models:/copy {number}/1")
        assert loaded.predict(pandas.DataFrame({"x": [1]})) == "word"


@pytest.mark.forge
def test_a_name_that_would_end_in_an_address_is_refused_for_a_model(client):
    with pytest.raises(MlflowException, match="cannot contain '\\?'"):
        client.create_registered_model("what?")


# Two digits of a step may read as an escape. So the list holds each pair of digits once, and longer steps of
# all kinds.
STEPS = [*range(100), 100, 128, 199, 200, 201, 230, 231, 239, 255, 256, 999, 1000, 1023, 1999, 2000, 2047, 2300, 2399, 2400]


# mlflow/mlflow#21085
@pytest.mark.forge
@pytest.mark.since(2, 22)
def test_an_image_of_any_step_is_read_by_every_client(client, run):
    for step in STEPS:
        pixels = numpy.full((2, 2, 3), (step % 256, step // 256, 7), dtype=numpy.uint8)
        client.log_image(run, pixels, key="first sample", step=step, synchronous=True)
    paths = [item.path for item in client.list_artifacts(run, "images")]
    steps = []
    for path in (path for path in paths if path.endswith(".png")):
        with Image.open(client.download_artifacts(run, path)) as image:
            low, high, _ = image.convert("RGB").getpixel((0, 0))
            steps.append(low + 256 * high)
            # Tools find an image's step by this, in files of any client.
            assert f"step{path[path.index('step') + 4]}{steps[-1]}" in path
    assert sorted(steps) == STEPS and len(paths) == 2 * len(STEPS)
    for name, found in read_by_all({"run": run}).items():
        assert sorted(found["alone"]) == sorted(paths), f"client {name}"
        assert found["alone"] == found["whole"] == found["uri"], f"client {name}"
