"""Searches: generated filters and orders over an awkward set of runs, read page by page, and a table of mistakes."""

import pytest
from chance import SEED, chance
from questions import experiment_filter, experiment_order, run_filter, run_order

RUN_SEARCHES, EXPERIMENT_SEARCHES = 300, 60
VIEWS = ["ACTIVE_ONLY", "DELETED_ONLY", "ALL", None]
PAGES_MAX = 4

# The runs: metrics, params, tags, status, end time, datasets as (name, digest, context).
RUNS = [
    ({"m": 1}, {"p": "1", "q.r": "a"}, {"t": "Foo", "mlflow.user": "ada"}, "FINISHED", 1005, []),
    ({"m": 2}, {"p": "2"}, {"t": "foobar"}, "FAILED", 5, [("d", "1", "train")]),
    ({"m": "NaN"}, {"p": "10"}, {"t": "FOO%"}, "RUNNING", None, [("d", "1", "eval"), ("e", "2", None)]),
    ({"m": "Infinity"}, {"q.r": "A"}, {"t": "f_o", "a b": "x y"}, None, None, [("D", "2", "train")]),
    ({"m": "-Infinity"}, {"p": ""}, {"t": ""}, "KILLED", 1, []),
    ({}, {"p": "it's"}, {"t": 'say "hi"'}, None, None, [("ü", "1", "")]),
    ({"m": 1, "M": 5, "ü": 0.5}, {"p": "a%", "ü": "ü"}, {"ü": "Ü", "a b": "a"}, "FINISHED", 20, []),
    ({"m": -5.25, "a b/c": 1}, {"p": "a_b", "q.r": "b"}, {"t": "a\\b", "mlflow.user": "b"}, "SCHEDULED", None, []),
    ({"m": 0}, {"p": "back`tick"}, {"t": "both ' and \""}, None, 2**53, []),
    ({"m": 1e308, "a b/c": "NaN"}, {"p": "100%"}, {"t": "line\nbreak"}, "FAILED", None, []),
    ({"a b/c": -1}, {}, {}, None, None, [("d", "1", "train")]),
    ({"m": 5e-324, "ü": -0.5}, {"p": " "}, {"t": "x" * 300}, "FINISHED", 1005, []),
]


@pytest.fixture(scope="module")
def searched(pair):
    """Experiments `<<first>>` and `<<second>>` with runs `<<s0>>`, `<<s1>>`, …; every fourth run is deleted."""
    for name in ("first", "second"):
        pair.post("experiments/create", {"name": f"searched {name}"}, saves=name)
    for number in range(2 * len(RUNS)):
        make_run(pair, number, *RUNS[number % len(RUNS)])
    return ["<<first>>", "<<second>>"]


def make_run(pair, number, metrics, params, tags, status, end_time, datasets):
    run = {"run_id": f"<<s{number}>>"}
    pair.post(
        "runs/create",
        {
            "experiment_id": "<<first>>" if number % 3 else "<<second>>",
            "run_name": f"run {number % 5}",
            "user_id": ["ada", "b", "a"][number % 3],
            # No two runs start at the same time: equal times are ordered by ids, which each server makes up.
            "start_time": 1000 + (number * 7) % 50,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        },
        saves=f"s{number}",
    )
    logged = [{"key": key, "value": value, "timestamp": 1, "step": 0} for key, value in metrics.items()]
    logged += [{"key": key, "value": 77, "timestamp": 1, "step": -1} for key in metrics]
    listed = [{"key": key, "value": value} for key, value in params.items()]
    pair.post("runs/log-batch", {**run, "metrics": logged, "params": listed})
    inputs = [
        {
            "dataset": {"name": name, "digest": digest, "source_type": "local", "source": "{}"},
            "tags": [] if context is None else [{"key": "mlflow.data.context", "value": context}],
        }
        for name, digest, context in datasets
    ]
    if inputs:
        pair.post("runs/log-inputs", {**run, "datasets": inputs})
    if status or end_time is not None:
        pair.post("runs/update", {**run, "status": status, "end_time": end_time})
    if number % 4 == 3:
        pair.post("runs/delete", run)


def all_pages(pair, path, question):
    """Reads the first pages; both servers must end at the same one."""
    page = pair.post(path, question)
    for _ in range(PAGES_MAX):
        if "next_page_token" not in page.body:
            return
        page = pair.post(path, {**question, "page_token": "<<token>>"})


@pytest.mark.parametrize("number", range(RUN_SEARCHES), ids=lambda number: f"seed {SEED}, {number}")
def test_runs_are_found(pair, searched, number):
    random = chance("runs", number)
    question = {
        "experiment_ids": random.choice([searched, searched, searched[:1], [*searched, "999999"]]),
        "filter": run_filter(random),
        "order_by": run_order(random),
        "run_view_type": random.choice(VIEWS),
        "max_results": random.choice([1, 2, 3, 5, 7, 24, 1000]),
    }
    all_pages(pair, "runs/search", question)


def test_a_token_of_another_search(pair, searched):
    question = {"experiment_ids": searched, "max_results": 2}
    pair.post("runs/search", question)
    pair.post("runs/search", {**question, "max_results": 3, "page_token": "<<token>>"})
    pair.post("runs/search", question)
    pair.post("runs/search", {**question, "filter": "start_time > 0", "page_token": "<<token>>"})


@pytest.fixture(scope="module")
def named(pair):
    """Experiments whose names begin with `search `; one is deleted, one renamed."""
    names = ["a", "B", "b", "Ü", "ü", "it's", 'say "hi"', "100%", "a_b", "x y", "back`tick", "gone", "old"]
    tags = [[], [{"key": "t", "value": "Foo"}], [{"key": "t", "value": "foo"}, {"key": "a b", "value": "it's"}], [{"key": "t", "value": ""}]]
    for number, name in enumerate(names):
        pair.post("experiments/create", {"name": f"search {name}", "tags": tags[number % 4]}, saves=f"x{number}")
    pair.post("experiments/delete", {"experiment_id": "<<x11>>"})
    pair.post("experiments/update", {"experiment_id": "<<x12>>", "new_name": "search new"})
    pair.post("experiments/set-experiment-tag", {"experiment_id": "<<x0>>", "key": "t", "value": "a%"})


@pytest.mark.parametrize("number", range(EXPERIMENT_SEARCHES), ids=lambda number: f"seed {SEED}, {number}")
def test_experiments_are_found(pair, named, number):
    random = chance("experiments", number)
    question = {
        "filter": experiment_filter(random),
        "order_by": experiment_order(random),
        "view_type": random.choice(VIEWS),
        "max_results": random.choice([1, 2, 5, 12, 13, 1000]),
    }
    all_pages(pair, "experiments/search", question)


# Odd or wrong filters of runs.
ODD_FILTERS = [
    " ", "m", "metrics", "metrics.m", "metrics.m >", "> 1", "metrics.m > 1 AND", "AND metrics.m > 1", "AND", "metrics.m > 0 metrics.m < 2",
    "metrics.m > 1 OR metrics.m < 0", "NOT metrics.m > 1", "(metrics.m > 1)", "metrics.m > 1; metrics.m > 2", "metrics.m > 1, metrics.m > 2",
    "metrics.m == 1", "metrics.m <> 1", "1 < metrics.m", "metrics.m BETWEEN 0 AND 2", "metrics.m > '1'", "metrics.m > x", "metrics.m > +1",
    "metrics.m > NaN", "metrics.m = 'NaN'", "metrics.m > 1e", "metrics.m > 0x1", "metrics.m LIKE '1'", "metrics.m IN (1)", "metrics.m IS NULL",
    "params.p = 1", "params.p = x", "params.p = `1`", "params.p > '1'", "params.p IN ('1')", "params.p NOT LIKE '1'", "params.p RLIKE '1'",
    "params.p = 'it''s'", "params.p = 'open", "params.p = \"open", "params.p is null", "params.p IS NOT 'a'", "params.p IS", "params.p NOT NULL",
    "params.'p' = '1'", "params.p = '1' -- comment", "params.p = '1' /* comment */", "# params.p = '1'",
    "attributes.status IN ('FINISHED')", "attributes.run_id IN ()", "attributes.run_id IN ('a', 1)", "attributes.run_id IN 'a'", "attributes.run_id = 1",
    "attributes.run_id IN ('a',)", "attributes.run_id NOT LIKE 'a'", "attributes.lifecycle_stage = 'active'", "attributes.experiment_id = '0'", "attributes.run_uuid = 'a'",
    "attributes.duration > 1", "attributes.source_name = 'x'", "attributes.nothing = 'x'", "nothing = 'x'", "nothing.m > 1", "metrics.m.x > 1",
    "start_time > '1'", "start_time > 1.5", "start_time LIKE '1'", "end_time IS NULL", "status = 'NOTHING'", "status = FINISHED", "Status = 'FINISHED'",
    "`run name` = 'run 1'", "attributes.`Run Name` = 'run 1'", "attributes.\"Run name\" LIKE 'run%'", "run_name = 1", "artifact_uri LIKE '%artifacts'",
    "dataset.name = 'd'", "dataset.name > 'd'", "dataset.source = 'x'", "datasets.name IN ('d', 'e')", "datasets.context = ''", "dataset.name IS NULL", "datasets.nothing = 'x'",
    "metrics.`a b/c` > 0", "metrics.a b/c > 0", "metrics.\"m\" >= 1", "tags.`a b` = 'x y'", "tags.mlflow.user = 'ada'", "tags.\"mlflow.user\" = 'ada'", "tags.a-b = 'x'",
    "METRICS.m > 1", "Metrics.m > 1", "metrics.M = 5", "params.p='1'", "params.p=\"1\"", "metrics.m>1", "metrics.m>=1AND params.p='1'", "metrics.m\u00a0> 1",
    "user_id = 'ada'", "run.user_id = 'ada'", "attr.status = 'FAILED'", "parameter.p = '1'", "trace.x = '1'", "model.x = '1'",
    "params.p = ''", "tags.t LIKE ''", "tags.t LIKE '%\n%'", "tags.t = 'line\nbreak'", "params.p LIKE 'a\\%'", "params.p ILIKE 'A\\_B'", "params.p LIKE '100\\%'",
    "tags.ü = 'Ü'", "tags.`ü` ILIKE 'ü'", "tags.`ü` ILIKE '%'", "metrics.ü > 0", "params.`ü` = 'ü'",
    "attributes.created > 1000", "Created > 1000", "created LIKE '1'", "attributes.run_id LIKE '%'", "run_id ILIKE '%a%' AND run_id = 'x'",
    "tags.mlflow.runName = 'run 1'", "tags.`mlflow.runName` LIKE 'run%'", "params.p = '1' AND params.p = '2'", "metrics.m > -1e999", "metrics.m < 1e999",
    "metrics.m < 1.0E+2", "start_time > 1E+3",
]


@pytest.mark.parametrize("text", ODD_FILTERS, ids=repr)
def test_an_odd_filter(pair, searched, text):
    pair.post("runs/search", {"experiment_ids": searched, "filter": text, "run_view_type": "ALL"})


ODD_ORDERS = [
    [""], [" "], ["metrics.m  DESC"], [" metrics.m"], ["metrics.m "], ["metrics.m DESC ASC"], ["metrics.m UP"], ["metrics.m, params.p"], ["metrics.m NULLS LAST"],
    ["metrics.m", "metrics.m"], ["metrics.m", "metric.m DESC"], ["start_time", "start_time DESC"], ["start_time"], ["start_time DESC"], ["created DESC"], ["Created"],
    ["attributes.start_time", "created"], ["dataset.name"], ["experiment_id"], ["lifecycle_stage"], ["nothing"], ["nothing.x"], ["metrics"], ["metrics."], ["metrics.`a b/c` DESC"],
    ["metrics.a b/c"], ["tags.`ü`"], ["tags.ü"], ["`run name`"], ["attributes.`Run Name` DESC"], ["run_name"], ["status"], ["end_time DESC"], ["user_id"], ["metrics.M"],
    ["METRICS.m"], ["params.p desc"], ["params.p Desc"], ["params.`p"], ["params.p'"], ["1"], ["metrics.m; x"], ["params.nowhere"], ["tags.mlflow.user", "params.`q.r` DESC"],
]


@pytest.mark.parametrize("order", ODD_ORDERS, ids=repr)
def test_an_odd_order(pair, searched, order):
    pair.post("runs/search", {"experiment_ids": searched, "order_by": order, "run_view_type": "ALL"})


ODD_QUESTIONS = [
    {}, {"experiment_ids": []}, {"experiment_ids": None}, {"experiment_ids": "<<first>>"}, {"experiment_ids": [0]}, {"experiment_ids": ["abc"]}, {"experiment_ids": [""]},
    {"experiment_ids": ["999999"]}, {"experiment_ids": ["-1"]}, {"experiment_ids": ["<<first>>", "<<first>>"]}, {"experiment_ids": ["<<second>>", "<<first>>"]},
    *({"experiment_ids": ["<<first>>"], "max_results": value} for value in (0, -1, 1, 50000, 50001, "5", 2.0, 2.5, "x", None, True)),
    *({"experiment_ids": ["<<first>>"], "run_view_type": value} for value in (1, 2, 3, 0, 4, "1", "active_only", "", "NOTHING", None)),
    *({"experiment_ids": ["<<first>>"], "filter": value} for value in (None, "", 5, ["metrics.m > 1"])),
    *({"experiment_ids": ["<<first>>"], "order_by": value} for value in (None, [], "metrics.m", [5], 5, {})),
    *({"experiment_ids": ["<<first>>"], "page_token": value} for value in (None, "", "nonsense", 5, "e30=")),
]


@pytest.mark.parametrize("question", ODD_QUESTIONS, ids=repr)
def test_an_odd_search_for_runs(pair, searched, question):
    pair.post("runs/search", question)


ODD_EXPERIMENT_QUESTIONS = [
    {}, *({"max_results": value, "filter": "name LIKE 'search %'"} for value in (0, -1, 1, 50000, 50001, "5", "x", None, True)),
    *({"max_results": 50, "view_type": value, "filter": "name LIKE 'search %'"} for value in (1, "2", 0, 4, "NOTHING", "all", None)),
    *({"max_results": 50, "page_token": value} for value in ("nonsense", 5)),
    *(
        {"max_results": 50, "filter": value}
        for value in (
            " ", "name", "name = search a", "name = 'search a'", "attributes.name = 'search a'", "attr.name = 'search a'", "experiment.name = 'x'",
            "name IN ('search a')", "name > 'a'", "name IS NULL", "name like 'search a%'", "name LIKE 'search a%' OR name = 'x'", "creation_time > 0 AND name = 'search a'",
            "creation_time > 0.5 AND name = 'search a'", "creation_time > '0'", "creation_time LIKE '1'", "last_update_time >= 0 AND name = 'search b'", "experiment_id = '<<x0>>'",
            "experiment_id IN ('<<x0>>', '<<x1>>')", "experiment_id NOT IN ('<<x0>>') AND name LIKE 'search a%'", "experiment_id != '<<x0>>' AND name LIKE 'search a%'", "experiment_id = 1", "experiment_id > '1'", "experiment_id LIKE '%'",
            "tags.t = 'Foo'", "tag.t ILIKE 'foo'", "tags.t IS NULL AND name LIKE 'search a%'", "tags.t IS NOT NULL AND name LIKE 'search%'", "tags.t > 'a'", "tags.t IN ('Foo')",
            "params.p = '1'", "metrics.m > 1", "lifecycle_stage = 'active'", "artifact_location LIKE '%'", "tags.`a b` = \"it's\"", "tags.a b = 'x'",
        )
    ),
    *(
        {"max_results": 50, "filter": "name LIKE 'search %'", "order_by": value}
        for value in (
            None, [], "name", ["name"], ["name DESC"], ["attribute.name"], ["attributes.name desc"], ["creation_time"], ["last_update_time DESC"], ["experiment_id DESC"],
            ["tags.t"], ["nothing"], ["name", "name"], ["name ASC", "creation_time"], ["name UP"], ["name  ASC"], [""], [5], ["artifact_location"],
        )
    ),
]


@pytest.mark.parametrize("question", ODD_EXPERIMENT_QUESTIONS, ids=repr)
def test_an_odd_search_for_experiments(pair, named, question):
    pair.post("experiments/search", question)


def test_experiments_are_found_by_get_too(pair, named):
    pair.get("experiments/search", [("max_results", 3), ("filter", "name LIKE 'search %'"), ("order_by", "name"), ("order_by", "creation_time DESC")])
