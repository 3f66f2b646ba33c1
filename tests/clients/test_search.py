"""Searching runs: filters, order, view types, pages."""

import pytest
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException


@pytest.fixture
def runs(client, experiment):
    """Ids by name: three runs with metric m = 1, 2, 3. The third is deleted, the second finished."""
    ids = {}
    for number, name in enumerate(("one", "two", "three"), start=1):
        ids[name] = client.create_run(experiment, start_time=number * 1000, run_name=name).info.run_id
        client.log_metric(ids[name], "m", number)
        client.log_param(ids[name], "a param", f"p{number}")
        client.set_tag(ids[name], "t.dotted", name.upper())
    client.set_terminated(ids["two"])
    client.delete_run(ids["three"])
    return ids


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (ViewType.ACTIVE_ONLY, ["two", "one"]),
        (ViewType.DELETED_ONLY, ["three"]),
        (ViewType.ALL, ["three", "two", "one"]),
    ],
)
def test_view_types_choose_active_and_deleted_runs(client, experiment, runs, view, expected):
    found = client.search_runs([experiment], run_view_type=view)
    assert [run.info.run_name for run in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.m > 1", ["two"]),
        ("metrics.m >= 1 and metrics.m != 2", ["one"]),
        ("params.`a param` = 'p1'", ["one"]),
        ('params."a param" LIKE \'p%\'', ["two", "one"]),
        ("tags.t.dotted ILIKE 'TW%'", ["two"]),
        ("attributes.status = 'FINISHED'", ["two"]),
        ("attributes.run_name = 'one'", ["one"]),
        ("attributes.start_time < 2000", ["one"]),
        ("metrics.unknown > 0", []),
    ],
)
def test_a_filter_chooses_runs(client, experiment, runs, text, expected):
    assert [run.info.run_name for run in client.search_runs([experiment], text)] == expected


@pytest.mark.parametrize("text", ["metrics.m > 'one'", "metrics.m > 1 or metrics.m < 0", "nothing.at = 'all'", "metrics.m"])
def test_a_bad_filter_is_refused(client, experiment, text):
    with pytest.raises(MlflowException) as refused:
        client.search_runs([experiment], text)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_runs_are_ordered_as_asked(client, experiment, runs):
    by = lambda order: [run.info.run_name for run in client.search_runs([experiment], order_by=[order])]
    assert by("metrics.m ASC") == ["one", "two"]
    assert by("metrics.m DESC") == ["two", "one"]
    assert by("params.`a param`") == ["one", "two"]
    assert by("attributes.start_time ASC") == ["one", "two"]


def test_pages_hold_every_run_once(client, experiment):
    made = [client.create_run(experiment, start_time=number).info.run_id for number in range(1, 26)]
    found, token, pages = [], None, 0
    while pages == 0 or token:
        page = client.search_runs([experiment], max_results=10, order_by=["attributes.start_time ASC"], page_token=token)
        found, token, pages = found + [run.info.run_id for run in page], page.token, pages + 1
    assert (found, pages) == (made, 3)


def test_several_experiments_are_searched_at_once(client, unique):
    experiments = [client.create_experiment(unique("many")) for _ in range(3)]
    made = [client.create_run(experiment).info.run_id for experiment in experiments]
    assert sorted(run.info.run_id for run in client.search_runs(experiments)) == sorted(made)
    assert len(client.search_runs(experiments[:2])) == 2


def test_the_fluent_search_finds_by_experiment_name(client, unique):
    import mlflow

    name = unique("by name")
    run = client.create_run(client.create_experiment(name)).info.run_id
    found = mlflow.search_runs(experiment_names=[name], output_format="list")
    assert [r.info.run_id for r in found] == [run]


def test_found_runs_are_a_table_unless_a_list_is_asked_for(client, experiment):
    import mlflow

    for number in range(2):
        run = client.create_run(experiment, start_time=number + 1).info.run_id
        client.log_metric(run, "loss", number / 3)
        client.log_param(run, "rate", number)
    table = mlflow.search_runs([experiment], order_by=["start_time ASC"])
    assert table["metrics.loss"].tolist() == [0.0, 1 / 3]
    assert table["params.rate"].tolist() == ["0", "1"]
    assert table["run_id"].iloc[-1] == run
