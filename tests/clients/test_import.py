"""`mlforge import` and `mlforge export`: a store that this version of MLflow wrote is read before and after, object by object."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import Cli, Server

# MLflow 3 asks for it before it uses its file store.
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
ALL = 3
# The address of a server on which the tests may make databases: `cargo xtask test postgres` starts one.
POSTGRES = os.environ.get("MLFORGE_TEST_POSTGRES", "").replace("postgres://", "postgresql://")
STORES = ["file store", "SQLite", *(["PostgreSQL"] if POSTGRES else [])]


@pytest.fixture(params=STORES)
def store(request, tmp_path, monkeypatch):
    """The tracking URI of an empty store, which is also that of the registry."""
    monkeypatch.chdir(tmp_path)
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(variable, raising=False)
    if request.param == "PostgreSQL":
        uri = new_database(f"import_{os.getpid()}")
        # The registry looks up a logged model in the store of the environment, which without it is a file of SQLite here.
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        return uri
    return str(tmp_path / "mlruns") if request.param == "file store" else f"sqlite:///{tmp_path}/mlflow.db"


def new_database(name):
    """The address of a new database, in which MLflow makes its tables. It goes with its server."""
    import psycopg2

    connection = psycopg2.connect(f"{POSTGRES}/postgres")
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name}")
    connection.close()
    return f"{POSTGRES}/{name}"


def fill(client, files):
    """Makes one of everything that this version of MLflow has. Returns the ids of the runs."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    experiment = client.create_experiment("first experiment", tags={"a/b": "x", "team": "vision\nline two: yes"})
    run = client.create_run(experiment, start_time=1_600_000_000_000, run_name="first", tags={"mlflow.user": "ada"})
    run = run.info.run_id
    for step in range(1_200):
        client.log_metric(run, "loss", 1 / (step + 1), timestamp=1_600_000_000_000 + step, step=step)
    client.log_metric(run, "val/acc", float("nan"), step=1)
    client.log_param(run, "optimizer/lr", "0.1")
    client.log_param(run, "note", "two\nlines: 'x'")
    client.set_tag(run, "text", "é 'quoted' \"twice\"")
    client.log_artifacts(run, str(files))
    dataset = Dataset("ds", "d1", "local", '{"uri": "x"}', "schema", None)
    client.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])])
    client.set_terminated(run, "FAILED", 1_600_000_005_000)
    gone = client.create_run(experiment, run_name="gone").info.run_id
    client.delete_run(gone)
    running = client.create_run("0", run_name="running").info.run_id
    dropped = client.create_experiment("dropped experiment")
    client.create_run(dropped)
    client.delete_experiment(dropped)
    register(client, run)
    return [run, gone, running]


def register(client, run):
    """Makes registered models, and what only newer versions of MLflow have."""
    client.create_registered_model("net", tags={"k": "v"}, description="desc\nmore")
    source = client.get_run(run).info.artifact_uri + "/sub dir"
    client.create_model_version("net", source, run_id=run, tags={"q": "1"}, description="first")
    second = client.create_model_version("net", source, run_id=run)
    client.delete_model_version("net", second.version)
    client.create_model_version("net", source, run_id=run)
    client.transition_model_version_stage("net", "1", "Production")
    client.set_registered_model_alias("net", "champ", "3")
    if hasattr(client, "create_logged_model"):
        experiment = client.get_run(run).info.experiment_id
        model = client.create_logged_model(experiment, "logged", run, {"t": "2"}, {"p": "1"}, "sklearn").model_id
        client.log_metric(run, "acc", 0.5, model_id=model, dataset_name="ds", dataset_digest="d1")
        client.finalize_logged_model(model, "READY")
        client.create_model_version("net", f"models:/{model}", run_id=run, model_id=model)
    if hasattr(client, "register_prompt"):
        client.register_prompt("greet", "Hello {{name}}", commit_message="first", tags={"x": "y"})


def seen_alone(uri, directory):
    """All that the client of another process reads. Some of its methods ask the store of the process, and keep it."""
    script = "import mlflow, sys, test_import; print(test_import.seen(mlflow.MlflowClient(sys.argv[1])))"
    places = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, uri]
    done = subprocess.run(command, cwd=directory, env=os.environ | places, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


def seen(client):
    """All that a client reads, without what another server names by itself: addresses, and numbers of experiments."""
    experiments = client.search_experiments(view_type=ALL)
    return {
        "experiments": {
            of.name: (of.tags, of.lifecycle_stage, of.creation_time, of.last_update_time)
            for of in experiments
            if not of.name.startswith("[model]") and of.name != "Default"
        },
        "runs": {
            run.info.run_id: seen_run(client, run, of)
            for of in experiments
            if not of.name.startswith("[model]")
            for run in client.search_runs([of.experiment_id], run_view_type=ALL)
        },
        "models": {model.name: seen_model(client, model) for model in client.search_registered_models()},
        "prompts": seen_prompts(client),
    }


def seen_run(client, run, experiment):
    info, inputs = run.info, run.inputs.dataset_inputs if run.inputs else []
    points = {
        key: sorted((point.timestamp, point.step, repr(point.value)) for point in client.get_metric_history(info.run_id, key))
        for key in run.data.metrics
    }
    return {
        "info": (info.run_name, info.user_id, info.status, info.start_time, info.end_time, info.lifecycle_stage),
        "experiment": experiment.name,
        "params": run.data.params,
        "tags": run.data.tags,
        "metrics": {key: repr(value) for key, value in run.data.metrics.items()},
        "points": points,
        "inputs": [
            # An absent text is empty on the wire.
            ({key: value or "" for key, value in vars(given.dataset).items()}, sorted((tag.key, tag.value) for tag in given.tags))
            for given in inputs
        ],
        "files": seen_files(client, info.run_id) if info.lifecycle_stage == "active" else None,
    }


def seen_files(client, run, directory=None):
    found = {}
    for item in client.list_artifacts(run, directory):
        found.update(seen_files(client, run, item.path) if item.is_dir else {item.path: item.file_size})
    return found


def seen_model(client, model):
    versions = client.search_model_versions(f"name = '{model.name}'")
    return {
        "model": (model.description, model.tags, model.creation_timestamp, model.last_updated_timestamp),
        "aliases": {alias: str(version) for alias, version in model.aliases.items()},
        "versions": {str(version.version): seen_version(version) for version in versions},
    }


def seen_version(version):
    times = (version.creation_timestamp, version.last_updated_timestamp)
    # The forge shows the semantic version as a tag.
    tags = {key: value for key, value in version.tags.items() if key != "gitlab.version"}
    return (times, version.current_stage, version.run_id, tags, version.description or "")


def seen_prompts(client):
    if not hasattr(client, "load_prompt"):
        return None
    prompt = client.load_prompt("prompts:/greet/1")
    return (prompt.template, prompt.commit_message, prompt.tags)


def test_what_a_client_reads_is_the_same_before_and_after(store, tmp_path):
    from mlflow import MlflowClient

    files = tmp_path / "files"
    (files / "sub dir").mkdir(parents=True)
    (files / "a.txt").write_text("hello")
    (files / "sub dir" / "ü.bin").write_bytes(bytes(range(256)))
    before_client = MlflowClient(store)
    fill(before_client, files)
    before = seen(before_client)
    data = tmp_path / "data"
    cli = Cli(data)
    cli("project", "create", "team/model")
    # Files of a database are in its client's directory, which is not beside it.
    beside = ["--artifacts", str(tmp_path / "mlruns")] if store.startswith("postgresql") else []
    report = cli("import", "--project", "team/model", "--deleted", "--from", store, *beside)
    assert "could not be carried" not in report, report
    server = Server(data)
    try:
        user = "ada"
        cli("user", "create", user)
        cli("member", "set", "team/model", user, "developer")
        os.environ["MLFLOW_TRACKING_TOKEN"] = cli("token", "create", "--user", user)
        after = seen_alone(server.tracking_uri("team/model"), data)
    finally:
        os.environ.pop("MLFLOW_TRACKING_TOKEN", None)
        server.stop()
    for kind in before:
        assert after[kind] == before[kind], kind
    folder = str(tmp_path / "exported")
    report = cli("export", "--project", "team/model", folder)
    assert "could not be carried" not in report, report
    exported = seen_alone(folder, data)
    for kind in before:
        assert exported[kind] == before[kind], f"{kind} of the export"


@pytest.mark.once
def test_the_store_of_the_measurement_is_one_that_comes_whole(tmp_path):
    from large_store import make

    store = tmp_path / "large.db"
    make(store, runs=30, points=20)
    cli = Cli(tmp_path / "data")
    cli("project", "create", "team/model")
    report = cli("import", "--project", "team/model", "--from", str(store))
    assert "could not be carried" not in report, report
    assert {"30\truns", "600\tpoints of metrics"} <= set(report.splitlines()), report
