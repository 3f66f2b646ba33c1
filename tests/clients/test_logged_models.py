"""Logged models through the client of MLflow 3: their records, without files."""

import json

import pytest

pytestmark = pytest.mark.since(3, 0)


@pytest.fixture
def model(client, experiment, run):
    """A fresh logged model of a run."""
    return client.create_logged_model(experiment, name="cats", source_run_id=run, tags={"t": "1"}, params={"p": "2"}, model_type="agent")


def test_a_logged_model_keeps_what_it_was_created_with(client, experiment, run, model):
    read = client.get_logged_model(model.model_id)
    assert (read.name, read.tags, read.params, read.model_type) == ("cats", {"t": "1"}, {"p": "2"}, "agent")
    assert (read.experiment_id, read.source_run_id, str(read.status)) == (experiment, run, "PENDING")
    assert read.artifact_location.endswith(f"/models/{model.model_id}/artifacts")
    assert client.create_logged_model(experiment).name


def test_a_logged_model_is_finalized_tagged_and_deleted(client, model):
    assert str(client.finalize_logged_model(model.model_id, "READY").status) == "READY"
    client.set_logged_model_tags(model.model_id, {"a": "b", "t": "2"})
    client.delete_logged_model_tag(model.model_id, "a")
    assert client.get_logged_model(model.model_id).tags == {"t": "2"}
    client.delete_logged_model(model.model_id)
    with pytest.raises(Exception, match="not found"):
        client.get_logged_model(model.model_id)


def test_many_params_come_in_several_requests(client, experiment):
    params = {f"p{number}": str(number) for number in range(250)}
    made = client.create_logged_model(experiment, params=params)
    assert client.get_logged_model(made.model_id).params == params


def test_metrics_of_a_model_are_found_by_dataset(client, experiment, run, model):
    other = client.create_logged_model(experiment, name="dogs", source_run_id=run)
    for one, value in ((model, 0.9), (other, 0.4)):
        client.log_metric(run, "accuracy", value, step=1, model_id=one.model_id, dataset_name="d", dataset_digest="1")
    metric = client.get_logged_model(model.model_id).metrics[0]
    assert (metric.key, metric.value, metric.run_id, metric.dataset_name, metric.dataset_digest) == ("accuracy", 0.9, run, "d", "1")
    dataset = {"dataset_name": "d", "dataset_digest": "1"}
    found = client.search_logged_models([experiment], filter_string="metrics.accuracy > 0.5", datasets=[dataset])
    assert [one.model_id for one in found] == [model.model_id]
    order = [{"field_name": "metrics.accuracy", "ascending": True, **dataset}]
    pages = []
    page = client.search_logged_models([experiment], order_by=order, max_results=1)
    pages += page
    assert page.token
    pages += client.search_logged_models([experiment], order_by=order, max_results=1, page_token=page.token)
    assert [one.name for one in pages] == ["dogs", "cats"]


def test_a_run_shows_its_models(client, run, model):
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    client.log_outputs(run, [LoggedModelOutput(model.model_id, step=3)])
    client.log_inputs(run, models=[LoggedModelInput(model.model_id)])
    read = client.get_run(run)
    assert [(one.model_id, one.step) for one in read.outputs.model_outputs] == [(model.model_id, 3)]
    assert [one.model_id for one in read.inputs.model_inputs] == [model.model_id]


def test_a_version_is_made_from_a_logged_model(client, unique, run, model):
    name = unique("model")
    client.create_registered_model(name)
    version = client.create_model_version(name, f"models:/{model.model_id}", run_id=run, model_id=model.model_id)
    assert version.run_id == run
    assert client.get_model_version_download_uri(name, version.version) == model.artifact_location
    noted = json.loads(client.get_logged_model(model.model_id).tags["mlflow.modelVersions"])
    assert noted == [{"name": name, "version": int(version.version)}]
