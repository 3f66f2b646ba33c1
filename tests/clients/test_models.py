"""Whole models: logged, registered, and loaded by each of their names. A loaded model predicts as the
original does.
"""

import json
from pathlib import Path

import mlflow
import mlflow.sklearn
import pandas
import pytest
import trained
from mlflow.exceptions import MlflowException


@pytest.fixture(autouse=True)
def active_experiment(project, unique):
    """Makes the fluent calls log to an experiment of the test's own."""
    return mlflow.set_experiment(unique("models")).experiment_id


def log_in_a_run(model, name="model", **more):
    """Logs a model in a run of its own. Returns the run's id and the client's information about the model."""
    with mlflow.start_run() as run:
        return run.info.run_id, trained.log(model, name, **more)


def check_loads(uris):
    """Checks that each URI leads to its model, with its own flavour and as a function."""
    for uri, original in uris.items():
        assert trained.agree(mlflow.sklearn.load_model(uri), original), uri
        assert trained.agree(mlflow.pyfunc.load_model(uri), original), uri


def test_a_logged_model_predicts_what_its_original_does(client):
    model = trained.model()
    run, info = log_in_a_run(model)
    check_loads({info.model_uri: model, f"runs:/{run}/model": model})
    assert mlflow.models.get_model_info(f"runs:/{run}/model").signature == info.signature
    assert client.search_registered_models() == []


def test_several_models_of_a_run_keep_their_names():
    names = {"model": trained.model(1), "other": trained.model(2)}
    with mlflow.start_run() as run:
        for name, model in names.items():
            trained.log(model, name)
    check_loads({f"runs:/{run.info.run_id}/{name}": model for name, model in names.items()})


def test_an_input_example_is_stored_with_its_model():
    example = trained.table()[trained.FEATURES].head(3)
    run, _ = log_in_a_run(trained.model(), input_example=example)
    loaded = mlflow.pyfunc.load_model(f"runs:/{run}/model")
    assert loaded.metadata.saved_input_example_info is not None
    local = mlflow.artifacts.download_artifacts(f"runs:/{run}/model")
    assert loaded.metadata.load_input_example(local).equals(example)


def test_the_files_of_a_logged_model_are_listed_and_downloaded_by_its_run(client, tmp_path):
    run, _ = log_in_a_run(trained.model())
    listed = [item.path for item in client.list_artifacts(run, "model")]
    assert "model/MLmodel" in listed and "model/requirements.txt" in listed
    down = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="model", dst_path=str(tmp_path))
    assert trained.agree(mlflow.sklearn.load_model(down), trained.model())


@pytest.mark.forge
def test_a_registered_model_is_loaded_by_each_of_its_names(client, unique):
    name, models = unique("model"), [trained.model(slope) for slope in (1, 2, 3)]
    run, _ = log_in_a_run(models[0], registered_model_name=name)
    for model, version in ((models[1], "2.0.0"), (models[2], "1.2.3")):
        _, info = log_in_a_run(model)
        mlflow.register_model(info.model_uri, name, tags={"gitlab.version": version})
    client.set_registered_model_alias(name, "champion", "3")
    assert client.get_model_version(name, "1").run_id == run
    by_suffix = {"/1": 0, "/1.0.0": 0, "/2": 1, "/2.0.0": 1, "/3": 2, "/1.2.3": 2, "/latest": 1, "@champion": 2}
    check_loads({f"models:/{name}{suffix}": models[index] for suffix, index in by_suffix.items()})
    # The highest version is the latest one, not the newest.
    client.set_registered_model_alias(name, "champion", "1")
    check_loads({f"models:/{name}@champion": models[0]})


@pytest.mark.filterwarnings("ignore:.*stages.*")
def test_a_model_is_loaded_by_its_stage(client, unique):
    name, models = unique("model"), [trained.model(slope) for slope in (1, 2)]
    for model in models:
        log_in_a_run(model, registered_model_name=name)
    client.transition_model_version_stage(name, "1", "Production")
    check_loads({f"models:/{name}/Production": models[0], f"models:/{name}/latest": models[1]})


def test_a_run_s_model_is_registered_by_the_address_of_its_run(client, unique):
    name, model = unique("model"), trained.model()
    run, _ = log_in_a_run(model)
    made = mlflow.register_model(f"runs:/{run}/model", name)
    assert (int(made.version), made.run_id, made.status) == (1, run, "READY")
    check_loads({f"models:/{name}/1": model})


def test_a_deleted_version_is_not_loaded(client, unique):
    name = unique("model")
    log_in_a_run(trained.model(), registered_model_name=name)
    client.delete_model_version(name, "1")
    with pytest.raises(MlflowException, match="(?i)not found|no versions"):
        mlflow.sklearn.load_model(f"models:/{name}/1")


# Earlier clients have no copy_model_version.
@pytest.mark.since(2, 22)
def test_a_copied_version_loads_the_same_model(client, unique):
    name, copy, model = unique("model"), unique("copy"), trained.model()
    log_in_a_run(model, registered_model_name=name)
    client.copy_model_version(f"models:/{name}/1", copy)
    client.set_registered_model_alias(copy, "live", "1")
    check_loads({f"models:/{copy}/1": model, f"models:/{copy}@live": model})


@pytest.mark.since(3, 0)
def test_a_logged_model_has_an_address_of_its_own(client, unique, active_experiment):
    name, model = unique("model"), trained.model()
    run, info = log_in_a_run(model, params={"depth": 3})
    assert info.model_uri == f"models:/{info.model_id}"
    made = mlflow.register_model(info.model_uri, name)
    assert (made.run_id, made.source) == (run, info.model_uri)
    check_loads({info.model_uri: model, f"models:/{name}/1": model})
    (found,) = mlflow.search_logged_models([active_experiment], output_format="list")
    assert (found.model_id, found.source_run_id, found.params, str(found.status)) == (info.model_id, run, {"depth": "3"}, "READY")
    assert [output.model_id for output in client.get_run(run).outputs.model_outputs] == [info.model_id]


@pytest.mark.since(3, 0)
def test_a_model_without_a_run_is_logged_registered_and_loaded(unique):
    name, model = unique("model"), trained.model()
    info = trained.log(model)
    assert not mlflow.get_logged_model(info.model_id).source_run_id
    mlflow.register_model(info.model_uri, name)
    check_loads({info.model_uri: model, f"models:/{name}/1": model})


class Scale(mlflow.pyfunc.PythonModel):
    """A model that multiplies by the number in its artifact file."""

    def predict(self, context, model_input: pandas.DataFrame, params=None):
        factor = json.loads(Path(context.artifacts["factor"]).read_text())
        return [factor * number for number in model_input["x"]]


def test_a_model_may_contain_files_of_another_run(client, run, unique):
    client.log_dict(run, 7, "factors/seven.json")
    name = unique("model")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            python_model=Scale(),
            artifacts={"factor": f"runs:/{run}/factors/seven.json"},
            registered_model_name=name,
            pip_requirements=["mlflow"],
            **trained.named(mlflow.pyfunc.log_model, "scale"),
        )
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/1")
    assert loaded.predict(pandas.DataFrame({"x": [1, 2]})) == [7, 14]


@pytest.fixture
def autolog():
    """Turns autologging on for models that the test fits."""
    mlflow.sklearn.autolog()
    yield
    mlflow.sklearn.autolog(disable=True)


def test_autolog_logs_the_training_parameters_and_the_model(client, active_experiment, autolog):
    model = trained.model()
    (run,) = client.search_runs([active_experiment])
    assert run.info.status == "FINISHED"
    assert run.data.params["fit_intercept"] == "True"
    assert run.data.metrics["training_r2_score"] == pytest.approx(1.0)
    assert run.data.tags["estimator_name"] == "LinearRegression"
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.source_type, [tag.value for tag in used.tags]) == ("code", ["train"])
    check_loads({f"runs:/{run.info.run_id}/model": model})
    if hasattr(mlflow, "search_logged_models"):
        (logged,) = mlflow.search_logged_models([active_experiment], output_format="list")
        assert (logged.source_run_id, logged.params["fit_intercept"]) == (run.info.run_id, "True")
        scores = {metric.key: (metric.value, metric.dataset_digest) for metric in logged.metrics}
        assert scores["training_r2_score"] == (pytest.approx(1.0), used.dataset.digest)
