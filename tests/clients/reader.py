"""Reads the files and models that another client logged: `reader.py`, with a request as JSON on its input and
the findings as JSON on its output.

The request names a run, and models by name with a file that each of their versions has. The findings hold
three digests of each file by path: downloaded alone, with the whole run, and by a URI. They also hold the
answer of a version of each model, loaded by each of its URIs.
"""

import hashlib
import json
import sys
from pathlib import Path

import mlflow
from mlflow import MlflowClient


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def listed(client, run, directory=None):
    """The paths of all files, found by listing one directory after the other."""
    for item in client.list_artifacts(run, directory):
        if item.is_dir:
            yield from listed(client, run, item.path)
        else:
            yield item.path


def files(client, run):
    paths = list(listed(client, run))
    whole = Path(mlflow.artifacts.download_artifacts(run_id=run))
    return {
        "alone": {path: digest(client.download_artifacts(run, path)) for path in paths},
        "whole": {str(path.relative_to(whole)): digest(path) for path in whole.rglob("*") if path.is_file()},
        "uri": {path: digest(mlflow.artifacts.download_artifacts(f"runs:/{run}/{path}")) for path in paths},
    }


def models(names):
    import pandas

    return {uri: mlflow.pyfunc.load_model(uri).predict(pandas.DataFrame({"x": [1]})) for name in names for uri in uris(name)}


def uris(name):
    """The URIs by which clients load a version of a model. Newer clients read any text after an `@` as an
    alias.
    """
    by_number = [] if "@" in name else [f"models:/{name}/1", f"models:/{name}/latest"]
    return [*by_number, f"models:/{name}@best"]


def read(request):
    client = MlflowClient()
    found = files(client, request["run"]) if "run" in request else {}
    return {**found, "models": models(request.get("models", []))}


if __name__ == "__main__":
    print(json.dumps(read(json.load(sys.stdin))))
