"""The examples of GitLab's page on MLflow, as a reader of it would paste them. test_registry.py proves their
rules.
"""

import os

import mlflow
import mlflow.sklearn
import numpy
import pytest
import trained
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

pytestmark = pytest.mark.forge


@pytest.fixture
def name(project, unique):
    """A free name for a model."""
    return unique("model of the page")


@pytest.fixture
def version(client, name):
    """Version 1.0.0 of a new model."""
    client.create_registered_model(name)
    return client.create_model_version(name, "1.0.0", tags={"gitlab.version": "1.0.0"})


def test_a_model_is_created_read_updated_and_deleted(name):
    client = MlflowClient()
    assert client.create_registered_model(name, description="of a page").name == name
    assert client.get_registered_model(name).description == "of a page"
    client.update_registered_model(name, description="new")
    assert client.get_registered_model(name).description == "new"
    client.delete_registered_model(name)
    with pytest.raises(MlflowException):
        client.get_registered_model(name)


def test_candidates_are_logged_to_a_model(client, name):
    client.create_registered_model(name)
    exp = client.get_experiment_by_name(f"[model]{name}")
    run = client.create_run(exp.experiment_id)
    client.log_metric(run.info.run_id, "loss", 0.5)
    assert [found.info.run_id for found in client.search_runs([exp.experiment_id])] == [run.info.run_id]


def test_versions_are_created_updated_and_read(client, name):
    client.create_registered_model(name)
    client.create_model_version(name, source="", description="counts by itself")
    client.create_model_version(name, "1.4.0", description="given", tags={"gitlab.version": "1.4.0"})
    client.update_model_version(name, "1.4.0", description="new")
    assert client.get_model_version(name, "1.0.0").description == "counts by itself"
    assert client.get_model_version(name, "1.4.0").description == "new"
    assert client.get_latest_versions(name)[0].tags["gitlab.version"] == "1.4.0"


def test_a_version_is_loaded_by_number_search_and_as_the_latest(client, version, name, tmp_path):
    model = trained.model()
    mlflow.sklearn.save_model(model, str(tmp_path / "saved"), pip_requirements=["scikit-learn"])
    client.log_artifacts(version.run_id, str(tmp_path / "saved"))
    latest_version = mlflow.search_registered_models(filter_string=f"name='{name}'")[0].latest_versions[0].version
    for suffix in ("1.0.0", latest_version, "latest"):
        assert trained.agree(mlflow.pyfunc.load_model(f"models:/{name}/{suffix}"), model), suffix


def test_metrics_and_params_are_logged_to_a_version(client, version, name):
    run_id = client.get_model_version(name, "1.0.0").run_id
    client.log_metric(run_id, "accuracy", "0.9")
    client.log_param(run_id, "depth", "3")
    client.log_batch(run_id, [Metric("loss", 0.1, 1, 0)], [Param("rate", "0.1")], [RunTag("team", "vision")])
    data = client.get_run(run_id).data
    assert (data.metrics, data.params) == ({"accuracy": 0.9, "loss": 0.1}, {"depth": "3", "rate": "0.1"})
    assert data.tags["team"] == "vision"


def test_files_are_logged_to_a_version(client, version, name, tmp_path):
    run_id = client.get_model_version(name, "1.0.0").run_id
    (tmp_path / "file.txt").write_text("text")
    figure = Figure(figsize=(1, 1))
    client.log_artifact(run_id, str(tmp_path / "file.txt"), artifact_path="")
    client.log_figure(run_id, figure, artifact_file="my_plot.png")
    client.log_dict(run_id, {"a": 1}, artifact_file="my_dict.json")
    client.log_image(run_id, numpy.zeros((2, 2, 3), dtype=numpy.uint8), artifact_file="image.png")
    # The page's restriction does not apply here: directories work too.
    client.log_artifact(run_id, str(tmp_path / "file.txt"), artifact_path="in/a/directory")
    listed = sorted(item.path for item in client.list_artifacts(run_id))
    assert listed == ["file.txt", "image.png", "in", "my_dict.json", "my_plot.png"]
    assert mlflow.artifacts.load_text(f"models:/{name}/1.0.0/in/a/directory/file.txt") == "text"
    assert mlflow.artifacts.load_dict(f"models:/{name}/latest/my_dict.json") == {"a": 1}


def test_candidates_and_versions_are_tied_to_a_job(client, version, unique, monkeypatch):
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_JOB_ID", "4711")
    mlflow.set_experiment(unique("candidates"))
    with mlflow.start_run(run_name="Candidate 1") as run:
        if os.getenv("GITLAB_CI"):
            mlflow.set_tag("gitlab.CI_JOB_ID", os.getenv("CI_JOB_ID"))
    client.set_tag(version.run_id, "gitlab.CI_JOB_ID", os.getenv("CI_JOB_ID"))
    for run_id in (run.info.run_id, version.run_id):
        assert client.get_run(run_id).data.tags["gitlab.CI_JOB_ID"] == "4711"


def test_a_project_is_named_by_number_or_path(project, monkeypatch):
    for named in (project.number, project.path):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", project.server.tracking_uri(named))
        assert MlflowClient().get_experiment("0").name == "Default"
