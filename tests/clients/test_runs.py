"""Runs through MlflowClient: create, log, change, delete, and refused requests."""

import json
import math

import mlflow
import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

FLOAT_MAX = 1.7976931348623157e308
KEYS = ["plain", "with space", "with/slash/deep", "with.dot", "with-dash_underscore", "ünï/코드 ключ", "UPPER and lower"]


def test_a_run_keeps_what_it_was_created_with(client, experiment):
    made = client.create_run(experiment, start_time=1234567890123, tags={"a": "1", "b": "zwei ✓"}, run_name="first")
    read = client.get_run(made.info.run_id)
    assert (read.info.run_name, read.info.start_time, read.info.status) == ("first", 1234567890123, "RUNNING")
    assert read.info.experiment_id == experiment
    assert read.info.lifecycle_stage == "active"
    assert read.info.end_time is None
    assert (read.data.tags["a"], read.data.tags["b"]) == ("1", "zwei ✓")
    assert read.info.artifact_uri.endswith(f"{experiment}/{made.info.run_id}/artifacts")


def test_an_unnamed_run_gets_a_nickname(client, experiment):
    names = [client.create_run(experiment).info.run_name for _ in range(3)]
    assert all(names) and len(set(names)) == 3


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_a_run_ends_with_a_status_and_a_time(client, run, status):
    client.set_terminated(run, status, end_time=1999999999999)
    info = client.get_run(run).info
    assert (info.status, info.end_time) == (status, 1999999999999)


def test_the_active_run_ends_with_a_status(client, experiment):
    run = mlflow.start_run(experiment_id=experiment).info.run_id
    mlflow.end_run("KILLED")
    assert client.get_run(run).info.status == "KILLED"


def test_update_run_changes_status_and_name(client, run):
    client.update_run(run, status="FINISHED", name="renamed ✓")
    read = client.get_run(run)
    assert (read.info.status, read.info.run_name) == ("FINISHED", "renamed ✓")
    assert read.data.tags["mlflow.runName"] == "renamed ✓"


def test_a_thousand_points_come_back_once_each_and_in_order(client, run):
    points = [Metric("m", float(step * step % 97), 1_700_000_000_000 + step, step) for step in range(1000)]
    client.log_batch(run, metrics=points)
    history = client.get_metric_history(run, "m")
    assert [(p.step, p.timestamp, p.value) for p in history] == [(p.step, p.timestamp, p.value) for p in points]
    assert client.get_run(run).data.metrics == {"m": points[-1].value}


def test_the_latest_metric_is_that_of_the_highest_step(client, run):
    for step, timestamp, value in [(5, 100, 1.0), (9, 50, 2.0), (7, 900, 3.0), (-3, 950, 4.0)]:
        client.log_metric(run, "m", value, timestamp=timestamp, step=step)
    assert client.get_run(run).data.metrics["m"] == 2.0
    assert sorted(p.step for p in client.get_metric_history(run, "m")) == [-3, 5, 7, 9]


def test_the_same_point_twice_is_one_point(client, run):
    for _ in range(3):
        client.log_metric(run, "m", 0.5, timestamp=1000, step=1)
        client.log_batch(run, metrics=[Metric("m", 0.5, 1000, 1)])
    assert len(client.get_metric_history(run, "m")) == 1


def test_not_a_number_and_infinity_round_trip(client, run):
    client.log_metric(run, "nan", math.nan)
    client.log_metric(run, "inf", math.inf)
    client.log_batch(run, metrics=[Metric("-inf", -math.inf, 1, 0), Metric("nan in batch", math.nan, 1, 0)])
    metrics = client.get_run(run).data.metrics
    assert math.isnan(metrics["nan"]) and math.isnan(metrics["nan in batch"])
    assert (metrics["inf"], metrics["-inf"]) == (FLOAT_MAX, -FLOAT_MAX)
    assert math.isnan(client.get_metric_history(run, "nan")[0].value)


def test_the_history_of_an_unknown_metric_is_empty(client, run):
    assert client.get_metric_history(run, "never logged") == []


def test_keys_may_have_spaces_slashes_dots_and_unicode(client, run):
    for index, key in enumerate(KEYS):
        client.log_metric(run, key, index)
        client.log_param(run, key, f"param of {key}")
        client.set_tag(run, key, f"tag of {key}")
    data = client.get_run(run).data
    assert data.metrics == {key: float(index) for index, key in enumerate(KEYS)}
    assert data.params == {key: f"param of {key}" for key in KEYS}
    assert {key: data.tags[key] for key in KEYS} == {key: f"tag of {key}" for key in KEYS}
    assert [len(client.get_metric_history(run, key)) for key in KEYS] == [1] * len(KEYS)


@pytest.mark.parametrize("key", ["a@b", "../up", "a//b", "/absolute", "x" * 251])
def test_a_bad_key_is_refused(client, run, key):
    with pytest.raises(MlflowException) as refused:
        client.log_param(run, key, "1")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run).data.params == {}


def test_a_param_cannot_change_but_may_be_repeated(client, run):
    client.log_param(run, "rate", 0.1)
    client.log_param(run, "rate", 0.1)
    client.log_batch(run, params=[Param("rate", "0.1")])
    with pytest.raises(MlflowException, match="rate"):
        client.log_param(run, "rate", 0.2)
    with pytest.raises(MlflowException, match="rate"):
        client.log_batch(run, params=[Param("other", "1"), Param("rate", "0.2")])
    assert client.get_run(run).data.params == {"rate": "0.1"}


def test_a_tag_is_overwritten_and_deleted(client, run):
    client.set_tag(run, "stage", "one")
    client.log_batch(run, tags=[RunTag("stage", "two")])
    assert client.get_run(run).data.tags["stage"] == "two"
    client.delete_tag(run, "stage")
    assert "stage" not in client.get_run(run).data.tags
    with pytest.raises(MlflowException) as missing:
        client.delete_tag(run, "stage")
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_datasets_are_kept_with_their_tags(client, run):
    dataset = Dataset("iris", "abc123", "local", '{"path": "iris.csv"}', schema='{"columns": 4}', profile='{"rows": 150}')
    inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    client.log_inputs(run, inputs)
    client.log_inputs(run, inputs)
    (read,) = client.get_run(run).inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest, read.dataset.source_type) == ("iris", "abc123", "local")
    assert (read.dataset.schema, read.dataset.profile) == ('{"columns": 4}', '{"rows": 150}')
    assert [(tag.key, tag.value) for tag in read.tags] == [("mlflow.data.context", "training")]


def test_datasets_come_in_the_order_of_logging(client, run):
    names = ["zeta", "alpha", "mid", "before"]
    for name in names:
        client.log_inputs(run, [DatasetInput(Dataset(name, "1", "local", "{}"), [])])
    assert [read.dataset.name for read in client.get_run(run).inputs.dataset_inputs] == names


def test_a_tag_that_clients_parse_is_stored_whole_or_refused(client, run):
    listed = json.dumps([{"path": f"some/rather/long/directory/name/for/tables/{n:04}.json"} for n in range(400)])
    client.set_tag(run, "mlflow.loggedArtifacts", listed)
    assert client.get_run(run).data.tags["mlflow.loggedArtifacts"] == listed
    with pytest.raises(MlflowException) as too_long:
        client.set_tag(run, "mlflow.loggedArtifacts", "x" * 100_001)
    assert too_long.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run).data.tags["mlflow.loggedArtifacts"] == listed


def test_a_deleted_run_is_hidden_refuses_writes_and_can_be_restored(client, experiment, run):
    client.log_metric(run, "m", 1.0)
    client.delete_run(run)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment]) == []
    with pytest.raises(MlflowException):
        client.log_metric(run, "m", 2.0)
    assert [r.info.run_id for r in client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)] == [run]
    client.restore_run(run)
    assert client.get_run(run).info.lifecycle_stage == "active"
    assert [r.data.metrics for r in client.search_runs([experiment])] == [{"m": 1.0}]


def test_an_unknown_run_does_not_exist(client):
    with pytest.raises(MlflowException) as missing:
        client.get_run("0" * 32)
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_nested_run_knows_its_parent(client, experiment, run):
    child = client.create_run(experiment, tags={"mlflow.parentRunId": run}).info.run_id
    assert client.get_parent_run(child).info.run_id == run
    assert [r.info.run_id for r in client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run}'")] == [child]
