"""Logged models: each request goes to both servers, then the stored data is compared."""

import json

import pytest
from conftest import new_experiment, new_run
from differences import message, refuses
from pair import Request, agree, shown
from wire import Answer

PATH = "logged-models"
# The status of answers that may differ. The state of both servers is unknown afterwards.
DIFFERENT = 0
TIMES = ("creation_timestamp_ms", "last_updated_timestamp_ms")

# Allowed differences: a name, a reason, and a function that is true for a request and its two answers.
DIFFERENCES = [
    (
        "internal errors and those of the database",
        "we say what is wrong, or take a repetition for what it is",
        lambda request, theirs, ours: theirs.status == 500 or theirs.error_code == "BAD_REQUEST",
    ),
    (
        "wrong types",
        "MLflow keeps what it could read, and then may not find the model",
        lambda request, theirs, ours: theirs.status in (200, 404) and refuses(ours, "Hint: Value was of type"),
    ),
    ("limits", "every text is bounded", lambda request, theirs, ours: theirs.ok and refuses(ours, "exceeds the maximum length of")),
    ("no key", "MLflow stores the empty key", lambda request, theirs, ours: theirs.status in (200, 404) and refuses(ours, "Missing value", ".key'")),
    (
        "half a dataset",
        "a dataset without a digest is any digest",
        lambda request, theirs, ours: ours.ok and "Both dataset_name and dataset_digest" in message(theirs),
    ),
    (
        "the id in the body",
        "the path says it",
        lambda request, theirs, ours: "'model_id'" in message(theirs) and request.method in ("PATCH", "POST"),
    ),
    (
        "words of status",
        "as MLflow 3.18 reads them",
        lambda request, theirs, ours: "status" in json.dumps(request.body) and request.path.endswith("search"),
    ),
]


class Models:
    """Asks both servers about logged models; `<<model>>` is the one made last."""

    def __init__(self, pair):
        self.pair = pair

    def ask(self, method, path, body=None) -> Answer:
        answers = []
        for side in self.pair.sides:
            request = Request(method, side.encoded(path), body)
            answer = side.send(request)
            if path == PATH and answer.ok:
                side.name("<<model>>", answer.body["model"]["info"]["model_id"])
            answers.append((side, answer))
        self.pair.asked += 1
        request = Request(method, path, body)
        theirs, ours = (self.normal(side, request, answer) for side, answer in answers)
        if not agree(theirs, ours, False):
            holding = (name for name, _, holds in DIFFERENCES if holds(request, theirs, ours))
            assert next(holding, None), f"{request}\n  theirs: {shown(theirs)}\n  ours:   {shown(ours)}"
            theirs.status = DIFFERENT
        return theirs

    def normal(self, side, request, answer) -> Answer:
        text = json.dumps(answer.body)
        for name in ("<<model>>",):
            if name in side.ids:
                text = text.replace(side.ids[name], name)
        normal = side.normal(request, Answer(answer.status, json.loads(text)))
        return Answer(normal.status, plain(normal.body))


def plain(value, key=""):
    """A body without times. Lists without a defined order are sorted."""
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return sorted(items, key=json.dumps) if key in ("metrics", "params", "tags", "model_outputs") else items
    if not isinstance(value, dict):
        return value
    if value.get("key") == "mlflow.modelVersions":
        return {**value, "value": json.loads(value["value"])}
    hidden = ("sqlstate", "error_class")
    return {name: "<<time>>" if name in TIMES else plain(item, name) for name, item in value.items() if name not in hidden}


@pytest.fixture(scope="module")
def models(pair):
    return Models(pair)


@pytest.fixture(scope="module")
def home(pair):
    """An experiment and a run of it."""
    experiment = new_experiment(pair)
    return experiment, new_run(pair, experiment)


def make(models, home, **more):
    return models.ask("POST", PATH, {"experiment_id": home[0], "name": "m", "source_run_id": home[1], **more})


PAIRS = [[], None, 5, [5], [{"key": "a", "value": "1"}], [{"key": "a"}], [{"value": "1"}], [{"key": "a@/ü", "value": ""}]]
CREATIONS = [
    {}, *({"name": name} for name in (5, "a/b", "a:b", "a.b", "a%b", "größe", " ")), *({"model_type": text} for text in ("", None, 5, "agent")),
    *({"experiment_id": text} for text in ("", None, 5, "x", "99999")), *({"params": pairs} for pairs in PAIRS), *({"tags": pairs} for pairs in PAIRS),
]


@pytest.mark.parametrize("more", CREATIONS, ids=lambda more: json.dumps(more))
def test_a_creation(models, home, more):
    if make(models, home, **more).ok:
        models.ask("GET", f"{PATH}/<<model>>")


CHANGES = [
    *(("PATCH", "", {"model_id": "<<model>>", "status": status}) for status in ("LOGGED_MODEL_READY", 3, "1", None, [])),
    ("DELETE", "", {}), *(("PATCH", "/tags", {"tags": pairs}) for pairs in PAIRS),
    ("DELETE", "/tags/t", {}), ("DELETE", "/tags/none", {}), *(("POST", "/params", {"model_id": "<<model>>", "params": pairs}) for pairs in PAIRS),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize("model", ["<<model>>", "m-" + "0" * 32])
def test_a_change(models, home, method, path, body, model):
    make(models, home, tags=[{"key": "t", "value": "1"}])
    body = {key: model if key == "model_id" else value for key, value in body.items()}
    if models.ask(method, f"{PATH}/{model}{path}", body).status != DIFFERENT:
        models.ask("GET", f"{PATH}/<<model>>")


def test_metrics_and_outputs(models, home):
    make(models, home)
    metric = {"run_id": home[1], "key": "k", "value": 1.5, "timestamp": 5, "step": 2, "model_id": "<<model>>"}
    for more in ({}, {}, {"step": 3, "dataset_name": "d", "dataset_digest": "1"}):
        models.ask("POST", "runs/log-metric", {**metric, **more})
    models.ask("POST", "runs/log-batch", {"run_id": home[1], "metrics": [{**metric, "key": "b"}]})
    models.ask("POST", "runs/outputs", {"run_id": home[1], "models": [{"model_id": "<<model>>", "step": 3}]})
    for bad in ({}, {"run_id": home[1]}, {"run_id": "0" * 32, "models": [{"model_id": "x"}]}):
        models.ask("POST", "runs/outputs", bad)
    models.ask("GET", f"{PATH}/<<model>>")
    models.ask("POST", "runs/log-metric", {**metric, "step": 4, "dataset_name": "d"})


def test_registered_versions_are_listed_in_a_tag(models, home):
    make(models, home)
    for number in (1, 2):
        for side in models.pair.sides:
            side.send(Request("POST", "registered-models/create", {"name": "of a logged model"}))
            version = {"name": "of a logged model", "source": "models:/<<model>>", "model_id": "<<model>>"}
            answer = side.send(Request("POST", "model-versions/create", version))
            assert answer.body["model_version"]["version"] == str(number)
        models.ask("GET", f"{PATH}/<<model>>")


@pytest.fixture(scope="module")
def shelf(pair, models):
    """An experiment with four models of different metrics."""
    experiment = new_experiment(pair)
    run = new_run(pair, experiment)
    for number, name in enumerate("abcd"):
        pairs = [{"key": "p", "value": str(number)}]
        models.ask("POST", PATH, {"experiment_id": experiment, "name": name, "params": pairs, "tags": pairs, "model_type": "xy"[number % 2]})
        if number < 3:
            point = {"run_id": run, "key": "m", "value": number, "timestamp": 1, "model_id": "<<model>>", "dataset_name": "d", "dataset_digest": "1"}
            models.ask("POST", "runs/log-metric", point)
    return experiment


FILTERS = [
    "", "name = 'a'", "name = a", "name != 'a'", "name LIKE 'A'", "name ILIKE 'A'", "name IN ('a', 'c')", "attributes.name = 'b'", "params.p = 1", "params.p > '1'",
    "params.p LIKE '%'", "tags.p = '2'", "metrics.m > 0", "metrics.m <= 1 AND params.p = '0'", "metrics.none = 1", "model_type = 'x'", "status = 'READY'",
    "creation_timestamp > 0", "creation_time < 5", "metric.m > 0", "attribute.name = 'a'", "name = 'a' OR name = 'b'", "nothing = 1",
]


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("datasets", [[], [{"dataset_name": "d", "dataset_digest": "1"}], [{"dataset_name": "e", "dataset_digest": "1"}]])
def test_a_search(models, shelf, text, datasets):
    answers = models_found(models, shelf, {"filter": text, "datasets": datasets, "order_by": [{"field_name": "name", "ascending": True}]})
    assert answers[0] == answers[1] or "status" in text, answers


ORDERS = [("name", True), ("name", False), ("metrics.m", True), ("metrics.m", False), ("model_type", True), ("nothing", True), ("params.p", True)]


@pytest.mark.parametrize(("field", "ascending"), ORDERS)
def test_an_order(models, shelf, field, ascending):
    order = [{"field_name": field, "ascending": ascending}, {"field_name": "name"}]
    theirs, ours = models_found(models, shelf, {"order_by": order})
    assert theirs == ours


def models_found(models, shelf, body):
    """The names that both servers find, or the class of the refusal."""
    request = Request("POST", f"{PATH}/search", {"experiment_ids": [shelf], **body})
    models.pair.asked += 1
    answers = [side.send(request) for side in models.pair.sides]
    return [[one["info"]["name"] for one in answer.body.get("models", [])] if answer.ok else "refused" for answer in answers]
