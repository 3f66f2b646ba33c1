"""Experiments through MlflowClient and the fluent calls."""

import mlflow
import pytest
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException


def test_an_experiment_keeps_what_it_was_created_with(client, unique):
    name = unique("größe/모델 ✓")
    made = client.create_experiment(name, tags={"owner": "ada", "a/b.c d": "ü"})
    read = client.get_experiment(made)
    assert (read.experiment_id, read.name, read.lifecycle_stage) == (made, name, "active")
    assert {key: read.tags[key] for key in ("owner", "a/b.c d")} == {"owner": "ada", "a/b.c d": "ü"}
    assert read.creation_time > 0
    assert read.artifact_location.endswith(f"/{made}")
    assert client.get_experiment_by_name(name).experiment_id == made


def test_the_default_experiment_is_there(client):
    assert client.get_experiment("0").name == "Default"


def test_unknown_experiments(client, unique):
    assert client.get_experiment_by_name(unique("nobody made this")) is None
    assert mlflow.get_experiment_by_name(unique("nor this")) is None
    with pytest.raises(MlflowException) as missing:
        client.get_experiment("987654321")
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_name_is_taken_only_once(client, unique):
    name = unique("taken")
    client.create_experiment(name)
    with pytest.raises(MlflowException) as taken:
        client.create_experiment(name)
    assert taken.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_rename_and_tags(client, experiment, unique):
    name = unique("renamed")
    client.rename_experiment(experiment, name)
    client.set_experiment_tag(experiment, "stage", "one")
    client.set_experiment_tag(experiment, "stage", "two")
    read = client.get_experiment_by_name(name)
    assert (read.experiment_id, read.tags["stage"]) == (experiment, "two")


def test_a_deleted_experiment_hides_its_runs_until_restored(client, experiment, run):
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException):
        client.create_run(experiment)
    client.restore_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "active"
    assert client.get_run(run).info.lifecycle_stage == "active"


def test_set_experiment_of_a_deleted_one_raises(client, unique):
    name = unique("deleted")
    client.delete_experiment(client.create_experiment(name))
    with pytest.raises(MlflowException, match="deleted"):
        mlflow.set_experiment(name)


def test_set_experiment_makes_it_once(client, unique):
    name = unique("set twice")
    assert mlflow.set_experiment(name).experiment_id == mlflow.set_experiment(name).experiment_id


def test_search_sees_names_tags_and_view_types(client, unique):
    names = [unique(f"found {word}") for word in ("alpha", "beta", "gamma")]
    ids = {name: client.create_experiment(name, tags={"set": names[0]}) for name in names}
    client.delete_experiment(ids[names[2]])

    def search(view=ViewType.ACTIVE_ONLY, extra=""):
        text = f"tags.set = '{names[0]}'{extra}"
        return [e.name for e in client.search_experiments(view, filter_string=text, order_by=["name ASC"])]

    assert search() == names[:2]
    assert search(ViewType.DELETED_ONLY) == names[2:]
    assert search(ViewType.ALL) == names
    assert search(extra=" and name LIKE '%beta%'") == [names[1]]


def test_search_pages_hold_every_experiment_once(client, unique):
    mark = unique("paged")
    made = [client.create_experiment(f"{mark} {letter}") for letter in "abcde"]
    found, token = [], None
    while not found or token:
        page = client.search_experiments(
            max_results=2, filter_string=f"name LIKE '{mark}%'", order_by=["name ASC"], page_token=token
        )
        found, token = found + [experiment.experiment_id for experiment in page], page.token
    assert found == made
