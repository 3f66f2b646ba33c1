"""Each endpoint with good, bad and extreme requests. The stored data is compared after each request."""

import json

import pytest
from conftest import new_experiment, new_run

KEYS = ["", "a", "a b", "a.b", "a/b", "a:b", "a-b_c", "ü/코드", "a@b", "a//b", "./a", "/a", "..", ".", "../a", "a/..", "a\n", "a" * 250, "a" * 251, None, 5, ["a"]]
NUMBERS = [0, 1, -1, "7", 3.0, 2.5, "x", "", None, True, [1], 2**53 + 1, 2**63 - 1, -(2**63), 2**63]
FLOATS = [0, -0.5, "1.5", "NaN", "Infinity", "-Infinity", 1e308, 5e-324, "x", "", None, True, [1], "nan"]
TEXTS = ["", "x", "ü✓", "\u0000", " ", None, 5, True, ["x"], {"a": 1}]


def short(value) -> str:
    text = str(value)
    return text if len(text) < 30 else f"{text[:20]}…{len(text)}"


def cases(path, bodies):
    return [pytest.param(path, body, id=f"{path} {short(body)}") for body in bodies]


def each(base, field, values):
    """Copies of a body, in each of which one field has one of some values."""
    return [{**base, field: value} for value in values]


METRIC = {"key": "m", "value": 1, "timestamp": 1}
ONE_RUN = {"run_id": "<<run>>"}

# Bodies of posts that name the fresh run `<<run>>`.
ABOUT_RUNS = (
    cases("runs/log-metric", [{}, ONE_RUN, {**ONE_RUN, **METRIC}, {"run_uuid": "<<run>>", **METRIC}, METRIC])
    + cases("runs/log-metric", each({**ONE_RUN, **METRIC}, "key", KEYS))
    + cases("runs/log-metric", each({**ONE_RUN, **METRIC}, "value", FLOATS))
    + cases("runs/log-metric", each({**ONE_RUN, **METRIC}, "timestamp", NUMBERS))
    + cases("runs/log-metric", each({**ONE_RUN, **METRIC}, "step", NUMBERS))
    + cases("runs/log-metric", each(METRIC, "run_id", ["none", "", 5, "0" * 32, "<<dead>>", "<<of gone>>"]))
    + cases("runs/log-parameter", [{}, ONE_RUN, {**ONE_RUN, "key": "k"}, {"run_uuid": "<<run>>", "key": "k", "value": "v"}])
    + cases("runs/log-parameter", each({**ONE_RUN, "value": "v"}, "key", KEYS))
    + cases("runs/log-parameter", each({**ONE_RUN, "key": "k"}, "value", [*TEXTS, "x" * 6000, "ü" * 6001]))
    + cases("runs/log-parameter", [{**ONE_RUN, "key": "p", "value": "1"}, {**ONE_RUN, "key": "p", "value": "2"}])
    + cases("runs/log-parameter", each({"key": "k", "value": "v"}, "run_id", ["none", "<<dead>>", "<<of gone>>"]))
    + cases("runs/set-tag", [{}, ONE_RUN, {**ONE_RUN, "key": "k"}, {"run_uuid": "<<run>>", "key": "k", "value": "v"}])
    + cases("runs/set-tag", each({**ONE_RUN, "value": "v"}, "key", KEYS))
    + cases("runs/set-tag", each({**ONE_RUN, "key": "k"}, "value", [*TEXTS, "x" * 8000, "ü" * 8001]))
    + cases("runs/set-tag", each({**ONE_RUN, "key": "mlflow.runName"}, "value", ["renamed ✓", "", "x" * 300, "ü" * 8001]))
    + cases("runs/set-tag", each({**ONE_RUN, "key": "mlflow.note.content"}, "value", ["x" * 8000, "ü" * 8001, "x" * 100_001]))
    + cases("runs/set-tag", each({"key": "k", "value": "v"}, "run_id", ["none", "<<dead>>", "<<of gone>>"]))
    + cases("runs/delete-tag", [{}, ONE_RUN, {**ONE_RUN, "key": "t"}, {**ONE_RUN, "key": "absent"}, {**ONE_RUN, "key": ""}])
    + cases("runs/delete-tag", [{**ONE_RUN, "key": "mlflow.runName"}, {"run_id": "none", "key": "t"}, {"run_id": "<<dead>>", "key": "t"}])
    + cases("runs/update", [{}, ONE_RUN, {"run_uuid": "<<run>>", "status": "FAILED"}, {"run_id": "none", "status": "FAILED"}])
    + cases("runs/update", each(ONE_RUN, "status", ["RUNNING", "SCHEDULED", "FINISHED", "KILLED", 3, "3", "finished", "NONE", "", None, 9, ["FAILED"]]))
    + cases("runs/update", each(ONE_RUN, "end_time", NUMBERS))
    + cases("runs/update", each(ONE_RUN, "run_name", ["new ✓", "", None, 5, "x" * 300]))
    + cases("runs/update", [{"run_id": "<<dead>>", "status": "FAILED"}, {"run_id": "<<of gone>>", "status": "FAILED"}])
    + cases("runs/delete", [{}, ONE_RUN, {"run_id": "none"}, {"run_id": ""}, {"run_id": 5}, {"run_uuid": "<<run>>"}, {"run_id": "<<dead>>"}])
    + cases("runs/restore", [{}, ONE_RUN, {"run_id": "none"}, {"run_id": "<<run>>"}, {"run_uuid": "<<run>>"}])
)


def pairs(count, start=0):
    return [{"key": f"k{n}", "value": "v"} for n in range(start, start + count)]


def points(count):
    return [{"key": f"k{n % 7}", "value": n, "timestamp": n} for n in range(count)]


BATCHES = [
    {}, {"metrics": [METRIC]}, ONE_RUN, {"run_id": "none"}, {"run_id": "0" * 32}, {"run_id": "<<dead>>", "metrics": [METRIC]}, {"run_uuid": "<<run>>", "metrics": [METRIC]},
    {"run_id": "../x"}, {"run_id": "-x"}, {"run_id": "x" * 257}, {"run_id": 5},
    {**ONE_RUN, "metrics": [METRIC, METRIC], "params": pairs(2), "tags": pairs(2)},
    {**ONE_RUN, "params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]},
    {**ONE_RUN, "params": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]},
    {**ONE_RUN, "params": [{"key": "p", "value": "1"}]}, {**ONE_RUN, "params": [{"key": "p", "value": "9"}]},
    {**ONE_RUN, "params": [{"key": "p", "value": "9"}, {"key": "q", "value": "1"}]},
    {**ONE_RUN, "params": [{"key": "q", "value": "1"}, {"key": "p", "value": "9"}], "metrics": [METRIC], "tags": pairs(1)},
    {**ONE_RUN, "tags": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]},
    {**ONE_RUN, "tags": [{"key": "mlflow.runName", "value": "by batch"}]},
    *({**ONE_RUN, "metrics": [METRIC, {**METRIC, "key": key}]} for key in KEYS),
    *({**ONE_RUN, "params": [{"key": key, "value": "v"}]} for key in KEYS),
    *({**ONE_RUN, "tags": [{"key": key, "value": "v"}]} for key in KEYS),
    *({**ONE_RUN, "metrics": [METRIC, {**METRIC, "value": value}]} for value in FLOATS),
    *({**ONE_RUN, "metrics": [METRIC, {**METRIC, "timestamp": value}]} for value in NUMBERS),
    *({**ONE_RUN, "metrics": [METRIC, {**METRIC, "step": value}]} for value in NUMBERS),
    *({**ONE_RUN, "params": [{"key": "k", "value": value}]} for value in TEXTS),
    *({**ONE_RUN, "tags": [{"key": "k", "value": value}]} for value in TEXTS),
    *({**ONE_RUN, what: value} for what in ("metrics", "params", "tags") for value in (None, [], {}, 5, "x", [5], [{}], [None])),
    {**ONE_RUN, "metrics": points(1000)}, {**ONE_RUN, "metrics": points(1001)},
    {**ONE_RUN, "params": pairs(100)}, {**ONE_RUN, "params": pairs(101)},
    {**ONE_RUN, "tags": pairs(100)}, {**ONE_RUN, "tags": pairs(101)},
    {**ONE_RUN, "metrics": points(800), "params": pairs(100), "tags": pairs(100)},
    {**ONE_RUN, "metrics": points(801), "params": pairs(100), "tags": pairs(100)},
]
ABOUT_RUNS += cases("runs/log-batch", BATCHES)

DATASET = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}


def inputs(**more):
    return {**ONE_RUN, "datasets": [{"dataset": {**DATASET, **more}}]}


def tagged(*tags):
    return {**ONE_RUN, "datasets": [{"dataset": DATASET, "tags": list(tags)}]}


ABOUT_RUNS += cases(
    "runs/log-inputs",
    [
        {}, ONE_RUN, inputs(), {"run_id": "none", "datasets": inputs()["datasets"]}, {"run_id": "<<dead>>", "datasets": inputs()["datasets"]},
        {"run_id": "../x", "datasets": inputs()["datasets"]}, {"run_id": "../x"}, {**ONE_RUN, "datasets": []}, {**ONE_RUN, "datasets": [{}]}, {**ONE_RUN, "datasets": [{"dataset": {}}]}, {**ONE_RUN, "datasets": 5},
        *(inputs(**{name: value}) for name in ("name", "digest", "source_type", "source") for value in ("", None, 5)),
        *(inputs(**{name: value}) for name in ("schema", "profile") for value in ("", None, 5, "{}")),
        inputs(name="x" * 500), inputs(name="x" * 501), inputs(digest="x" * 36), inputs(digest="x" * 37),
        inputs(source="x" * 65535), inputs(source="x" * 65536), inputs(schema="x" * 1048576),
        tagged({"key": "mlflow.data.context", "value": "train"}), tagged({"key": "a", "value": "1"}, {"key": "b", "value": ""}),
        tagged({"key": "a"}), tagged({"value": "1"}), tagged({"key": "x" * 255, "value": "x" * 500}), tagged({"key": "x" * 256, "value": "1"}),
        tagged({"key": "a", "value": "x" * 501}),
        {**ONE_RUN, "datasets": [{"dataset": DATASET}, {"dataset": {**DATASET, "source": "other"}}, {"dataset": {**DATASET, "digest": "2"}}]},
        {**ONE_RUN, "datasets": [{"dataset": {**DATASET, "name": name}} for name in ("zeta", "alpha", "mid")]},
        {**ONE_RUN, "datasets": [{"dataset": {**DATASET, "name": f"d{n}"}} for n in range(1000)]},
        {**ONE_RUN, "datasets": [{"dataset": {**DATASET, "name": f"d{n}"}} for n in range(1001)]},
    ],
)


@pytest.fixture(scope="module")
def deleted(pair):
    """Deleted objects: `<<dead>>` is a run, `<<gone>>` an experiment, `<<of gone>>` a run in it."""
    experiment = new_experiment(pair)
    pair.post("runs/create", {"experiment_id": experiment, "run_name": "dead"}, saves="dead")
    pair.post("runs/delete", {"run_id": "<<dead>>"})
    pair.post("experiments/create", {"name": "gone"}, saves="gone")
    pair.post("runs/create", {"experiment_id": "<<gone>>", "run_name": "of gone"}, saves="of gone")
    pair.post("experiments/delete", {"experiment_id": "<<gone>>"})


@pytest.fixture(scope="module")
def shared(pair):
    """An experiment for the runs of several tests."""
    return new_experiment(pair)


@pytest.mark.parametrize(("path", "body"), ABOUT_RUNS)
def test_a_post_about_a_run(pair, shared, deleted, path, body):
    pair.post("runs/create", {"experiment_id": shared, "run_name": "run", "tags": [{"key": "t", "value": "1"}]}, saves="run")
    if '"p"' in json.dumps(body):
        pair.post("runs/log-parameter", {"run_id": "<<run>>", "key": "p", "value": "1"})
    before = pair.differed
    answer = pair.post(path, body)
    # Both have stored the same now, unless a difference was allowed. Of a refused batch nothing is stored.
    if pair.differed == before and (answer.ok or path == "runs/log-batch"):
        pair.get("runs/get", {"run_id": "<<run>>"})


CREATIONS = [
    {}, {"experiment_id": "0"}, {"experiment_id": "<<e>>"}, {"experiment_id": "999999"}, {"experiment_id": "abc"}, {"experiment_id": "-1"}, {"experiment_id": "<<gone>>"}, {"experiment_id": 0}, {"experiment_id": ""},
    *each({"experiment_id": "<<e>>"}, "start_time", NUMBERS),
    *each({"experiment_id": "<<e>>"}, "user_id", [*TEXTS, "x" * 256, "x" * 257]),
    *each({"experiment_id": "<<e>>"}, "run_name", [*TEXTS, "x" * 250, "x" * 300]),
    *({"experiment_id": "<<e>>", "run_name": "n", "tags": [{"key": "mlflow.runName", "value": value}]} for value in ("n", "other", "")),
    {"experiment_id": "<<e>>", "tags": [{"key": "mlflow.runName", "value": "by tag"}]},
    {"experiment_id": "<<e>>", "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "ü"}]},
    {"experiment_id": "<<e>>", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
    {"experiment_id": "<<e>>", "tags": [{"key": "a"}]}, {"experiment_id": "<<e>>", "tags": [{"value": "1"}]}, {"experiment_id": "<<e>>", "tags": [{"key": "a@", "value": "1"}]},
    {"experiment_id": "<<e>>", "tags": [{"key": "k" * 251, "value": "1"}]}, {"experiment_id": "<<e>>", "tags": [{"key": "a", "value": "x" * 8001}]},
    {"experiment_id": "<<e>>", "tags": 5}, {"experiment_id": "<<e>>", "tags": [5]}, {"experiment_id": "<<e>>", "tags": None},
    {"experimentId": "<<e>>", "runName": "camel", "startTime": 3, "userId": "u"},
]


@pytest.mark.parametrize("body", [pytest.param(body, id=short(body)) for body in CREATIONS])
def test_a_run_is_created(pair, deleted, shared, body):
    named = {**body, "experiment_id": shared} if body.get("experiment_id") == "<<e>>" else body
    if "experimentId" in body:
        named = {**body, "experimentId": shared}
    before = pair.differed
    answer = pair.post("runs/create", named, saves="made")
    if answer.ok and pair.differed == before:
        pair.get("runs/get", {"run_id": "<<made>>"})


LONG_NAMES = ["x" * 500, "x" * 501, "ü" * 500]
EXPERIMENTS = [
    {}, *({"name": value} for value in [*TEXTS, *LONG_NAMES, "taken", "gone", "a/b:c", "Default"]),
    *each({"name": "<new>"}, "artifact_location", ["", "s3://bucket/path", "relative", "/absolute", "s3://a#b", "s3://a?b=c", "s3://a/../b", "s3://" + "a" * 2100, "mlflow-artifacts:/999999", 5, None]),
    *each({"name": "<new>"}, "tags", [[], None, 5, [5], [{"key": "a", "value": "1"}], [{"key": "a"}], [{"value": "a"}], [{"key": "a@", "value": "1"}], [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}], [{"key": "a", "value": "x" * 5001}]]),
    {"name": "<new>", "artifactLocation": "s3://camel"}, {"name": "<new>", "unknown": [1]},
]


@pytest.fixture(scope="module")
def taken(pair):
    """An experiment whose name is `taken`."""
    pair.post("experiments/create", {"name": "taken"}, saves="taken")


@pytest.mark.parametrize(("number", "body"), [pytest.param(*case, id=short(case)) for case in enumerate(EXPERIMENTS)])
def test_an_experiment_is_created(pair, deleted, taken, number, body):
    if body.get("name") == "<new>":
        body = {**body, "name": f"new {number}"}
    before = pair.differed
    answer = pair.post("experiments/create", body, saves="made")
    if answer.ok and pair.differed == before:
        pair.get("experiments/get", {"experiment_id": "<<made>>"})
        pair.get("experiments/get-by-name", {"experiment_name": body["name"]})


IDS = ["<<e>>", "<<gone>>", "999999", "abc", "-1", "", None, 5, "1.0", " 999999", "99999999999999999999999"]
ABOUT_EXPERIMENTS = (
    cases("experiments/delete", [{}, *each({}, "experiment_id", IDS)])
    + cases("experiments/restore", [{}, *each({}, "experiment_id", IDS)])
    + cases("experiments/update", [{}, {"experiment_id": "<<e>>"}, *each({"new_name": "<new>"}, "experiment_id", IDS)])
    + cases("experiments/update", each({"experiment_id": "<<e>>"}, "new_name", [*TEXTS, *LONG_NAMES, "taken", "Default", "experiment <<e>>"]))
    + cases("experiments/set-experiment-tag", [{}, {"experiment_id": "<<e>>"}, *each({"key": "k", "value": "v"}, "experiment_id", IDS)])
    + cases("experiments/set-experiment-tag", each({"experiment_id": "<<e>>", "value": "v"}, "key", KEYS))
    + cases("experiments/set-experiment-tag", each({"experiment_id": "<<e>>", "key": "k"}, "value", [*TEXTS, "x" * 5000, "x" * 5001, "x" * 20001]))
    + cases("experiments/delete-experiment-tag", [{}, *each({"key": "t"}, "experiment_id", IDS), *each({"experiment_id": "<<e>>"}, "key", ["t", "absent", "", None, 5])])
)


@pytest.mark.parametrize(("path", "body"), ABOUT_EXPERIMENTS)
def test_a_post_about_an_experiment(pair, deleted, taken, experiment, path, body):
    if path == "experiments/delete-experiment-tag":
        pair.post("experiments/set-experiment-tag", {"experiment_id": experiment, "key": "t", "value": "1"})
    body = {key: experiment if value == "<<e>>" else value for key, value in body.items()}
    if body.get("new_name") in ("<new>", LONG_NAMES[0], LONG_NAMES[2], "x", "ü✓"):
        body["new_name"] = (str(pair.asked) + body["new_name"])[:500]
    before = pair.differed
    answer = pair.post(path, body)
    if answer.ok and pair.differed == before:
        pair.get("experiments/get", {"experiment_id": experiment})
    if path == "experiments/restore":
        # Later tests need the deleted objects to stay deleted.
        pair.post("experiments/delete", {"experiment_id": "<<gone>>"})


READS = [
    ("experiments/get", {}), *(("experiments/get", {"experiment_id": value}) for value in ("0", "<<gone>>", "999999", "abc", "-1", "")),
    ("experiments/get-by-name", {}), *(("experiments/get-by-name", {"experiment_name": value}) for value in ("Default", "gone", "taken", "absent", "")),
    ("runs/get", {}), *(("runs/get", {name: value}) for name in ("run_id", "run_uuid") for value in ("<<dead>>", "<<of gone>>", "none", "", "0" * 32)),
    ("metrics/get-history", {}), ("metrics/get-history", {"run_id": "<<logged>>"}), ("metrics/get-history", {"metric_key": "m"}),
    *(("metrics/get-history", {"run_id": run, "metric_key": key}) for run in ("<<logged>>", "<<dead>>", "none") for key in ("m", "nan", "absent", "a b/c", "")),
    *(("metrics/get-history", {"run_id": "<<logged>>", "metric_key": "m", "max_results": value}) for value in (1, 5, 25000, 25001, 0, -1, "x", "")),
    ("metrics/get-history", {"run_uuid": "<<logged>>", "metric_key": "m"}),
    ("metrics/get-history", {"run_id": "<<logged>>", "metric_key": "m", "page_token": "nonsense"}),
]


@pytest.fixture(scope="module")
def logged(pair):
    """`<<logged>>` and `<<other>>` are runs with histories: many points of one step, steps that fall, NaN, infinities."""
    experiment = new_experiment(pair)
    values = ["NaN", "Infinity", "-Infinity", 0.5, -1, 2]
    histories = {
        "logged": [{"key": "m", "value": n % 3, "timestamp": n // 4, "step": (n * 7) % 60 - 10} for n in range(100)]
        + [{"key": "nan", "value": value, "timestamp": 5, "step": 1} for value in values]
        + [{"key": "one step", "value": n, "timestamp": n} for n in range(57)],
        "other": [{"key": "m", "value": n, "timestamp": 1000 + n, "step": n} for n in range(23)],
    }
    for name, metrics in histories.items():
        pair.post("runs/create", {"experiment_id": experiment, "run_name": name}, saves=name)
        pair.post("runs/log-batch", {"run_id": f"<<{name}>>", "metrics": metrics})


@pytest.mark.parametrize(("path", "query"), [pytest.param(*case, id=short(case)) for case in READS])
def test_a_read(pair, deleted, taken, logged, path, query):
    pair.get(path, query)


def test_a_history_is_paged(pair, logged):
    for size in (7, 50, 100):
        question = {"run_id": "<<logged>>", "metric_key": "m", "max_results": size}
        page = pair.get("metrics/get-history", question)
        while "next_page_token" in page.body:
            page = pair.get("metrics/get-history", {**question, "page_token": "<<token>>"})


BOTH = [("run_ids", "<<logged>>"), ("run_ids", "<<other>>")]
INTERVALS = [
    [], BOTH, [("metric_key", "m")], [("run_ids", ""), ("metric_key", "m")],
    *([*BOTH, ("metric_key", key)] for key in ("m", "nan", "one step", "absent", "")),
    *([*BOTH, ("metric_key", key), ("max_results", count)] for key in ("m", "nan", "one step") for count in (1, 2, 3, 5, 7, 10, 22, 23, 24, 50, 99, 100, 101, 2500)),
    *([*BOTH, ("metric_key", "m"), ("max_results", count)] for count in (0, -1, 2501, "x", "", "1.5")),
    *([*BOTH, ("metric_key", "m"), ("start_step", start), ("end_step", end), ("max_results", 6)] for start, end in ((0, 20), (-10, -1), (5, 5), (300, 400), (-9999, 9999), (5, 4), ("x", 5), (0, 2**63 - 1))),
    [*BOTH, ("metric_key", "m"), ("start_step", 1)], [*BOTH, ("metric_key", "m"), ("end_step", 1)],
    [*BOTH, *BOTH, ("metric_key", "m"), ("max_results", 3)], [("run_ids", "none"), ("metric_key", "m")],
    [*BOTH * 50, ("metric_key", "absent")], [*BOTH * 50, ("run_ids", "none"), ("metric_key", "absent")],
]


@pytest.mark.parametrize("query", [pytest.param(query, id=short(query)) for query in INTERVALS])
def test_histories_are_sampled(pair, logged, query):
    pair.get("metrics/get-history-bulk-interval", query, ajax=True)


BULK = [("run_id", "<<logged>>"), ("run_id", "<<other>>")]
BULKS = [
    [], BULK, [("metric_key", "m")], [*BULK, ("metric_key", "")],
    *([*BULK, ("metric_key", key)] for key in ("m", "nan", "absent")),
    # The run that is cut off depends on the ids.
    *([BULK[0], ("metric_key", "m"), ("max_results", count)] for count in (0, 1, 10, 99, 100, 101, "x", -1)),
    *([*BULK, ("metric_key", "m"), ("max_results", count)] for count in (0, 123, 25000, 30000)),
    [*BULK, *BULK, ("metric_key", "m")], [("run_id", "none"), ("metric_key", "m")],
    [*BULK * 50, ("metric_key", "absent")], [*BULK * 50, ("run_id", "none"), ("metric_key", "absent")],
]


@pytest.mark.parametrize("query", [pytest.param(query, id=short(query)) for query in BULKS])
def test_histories_are_read_in_bulk(pair, logged, query):
    pair.get("metrics/get-history-bulk", query, ajax=True)


@pytest.fixture(scope="module")
def datasets(pair):
    """`<<read>>` and `<<read too>>` are experiments whose runs read datasets, some in several contexts."""
    for name, names in (("read", "ab"), ("read too", "bc")):
        pair.post("experiments/create", {"name": name}, saves=name)
        for context in ("train", "eval", None, ""):
            run = new_run(pair, f"<<{name}>>")
            tags = [] if context is None else [{"key": "mlflow.data.context", "value": context}]
            listed = [{"dataset": {**DATASET, "name": letter}, "tags": tags} for letter in names]
            pair.post("runs/log-inputs", {"run_id": run, "datasets": listed})


@pytest.mark.parametrize("ids", [["<<read>>"], ["<<read>>", "<<read too>>"], ["<<read>>", "<<read>>"], ["0"], ["999999"], ["abc"], [], None, "0", [5], 5, ["0"] * 20, ["0"] * 21], ids=short)
def test_datasets_are_searched(pair, datasets, ids):
    pair.post("experiments/search-datasets", {"experiment_ids": ids}, ajax=True)


RAW = [b"", b"{", b"[]", b"5", b"null", b'"x"', b'"{}"', b"nonsense", b'{"name": NaN}', b'{"name": "a", "name": "raw twice"}', "\ufeff{}".encode(), '\ufeff{"name": "raw behind a mark"}'.encode(), b'"{\\"name\\": \\"raw in text\\"}"', b'{"name": "raw \\ud83d\\ude00"}']


@pytest.mark.parametrize("body", RAW, ids=repr)
def test_a_raw_body(pair, body):
    pair.post("experiments/create", body, saves="raw")


@pytest.mark.parametrize(("method", "path"), [("GET", "nothing"), ("POST", "runs/nothing"), ("GET", "runs/create"), ("POST", "runs/get"), ("PUT", "runs/create"), ("DELETE", "experiments/delete")])
def test_missing_objects(pair, method, path):
    pair.ask(method, path, {})
