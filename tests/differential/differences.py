"""The intended differences between mlforge's answers and those of MLflow's server, each with its reason.

An entry holds for the requests and answers that it describes and for nothing else. The last test of a whole
run fails for an entry that did not occur.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """A difference between two answers to one request. `holds(request, theirs, ours)` is true if they differ
    in this way.
    """

    name: str
    reason: str
    holds: Callable


@dataclass(frozen=True)
class Omission:
    """A part of MLflow's answers that is not compared: `without(request, body)` is a body without it."""

    name: str
    reason: str
    without: Callable


@dataclass(frozen=True)
class Addition:
    """A part of our answers that is not compared: `without(body)` is a body as MLflow's server has it."""

    name: str
    reason: str
    without: Callable


def without(body, unwanted: Callable):
    """A body without the fields that `unwanted(key, value)` selects, at any depth."""
    if isinstance(body, list):
        return [without(item, unwanted) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: without(item, unwanted) for key, item in body.items() if not unwanted(key, item)}


OMISSIONS = [
    Omission(
        "workspace",
        "a forge's project takes the place of MLflow's workspaces",
        lambda request, body: without(body, lambda key, value: key == "workspace" and value == "default"),
    ),
]


def without_user(body, user: str):
    """A body in which no run is this user's."""
    if isinstance(body, list):
        return [without_user(item, user) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: "" if (key, item) == ("user_id", user) else without_user(item, user) for key, item in body.items()}


def without_authors(body):
    """A body without the authors of runs, models and versions. A version takes its user from the author, too."""
    if isinstance(body, list):
        return [without_authors(item) for item in body]
    if not isinstance(body, dict):
        return body
    ours = {"author", "user_id"} if "run_link" in body else {"author"}
    return {key: without_authors(item) for key, item in body.items() if key not in ours or not is_author(key, item)}


def is_author(key, value) -> bool:
    return value == USER if key == "user_id" else isinstance(value, dict) and "login" in value


# The user whose token the requests to mlforge carry.
USER = "dev-of-team-differential"

ADDITIONS = [
    Addition(
        "authors",
        "an item's author is the caller; MLflow knows no callers",
        without_authors,
    ),
    Addition(
        "users of runs",
        "a run that names no user is its caller's; MLflow knows no callers",
        lambda body: without_user(body, USER),
    ),
]


def message(answer) -> str:
    return answer.body.get("message", "") if isinstance(answer.body, dict) else ""


def refuses(ours, *words) -> bool:
    """True if we refuse with 400, INVALID_PARAMETER_VALUE and these words."""
    return (ours.status, ours.error_code) == (400, "INVALID_PARAMETER_VALUE") and all(word in message(ours) for word in words)


def field(request, name: str) -> list:
    """The values of a field anywhere in the body or query of the request."""

    def find(value):
        if isinstance(value, dict):
            found = [value[name]] if name in value else []
            return found + [one for item in value.values() for one in find(item)]
        if isinstance(value, list):
            return [one for item in value for one in find(item)]
        return []

    return find(request.body) + [value for key, value in request.query if key == name]


def filters(request) -> list[str]:
    return [value for value in field(request, "filter") if isinstance(value, str)]


DIFFERENCES = [
    Difference(
        "wrong types",
        "MLflow keeps what it could read of such a request, and stores for example time 0",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "Hint: Value was of type"),
    ),
    Difference(
        "unknown words",
        "MLflow ignores a status or view that it does not know",
        lambda request, theirs, ours: theirs.ok
        and refuses(ours, "it must be one of")
        and field(request, "status") + field(request, "run_view_type") + field(request, "view_type") != [],
    ),
    Difference(
        "internal errors",
        "what MLflow answers with 500, clients repeat and hide; we refuse it",
        lambda request, theirs, ours: theirs.status == 500 and ours.status in (400, 404) and "error_code" in ours.body,
    ),
    Difference(
        "null",
        "it means absent everywhere; in some fields MLflow fails with 500",
        lambda request, theirs, ours: theirs.status == 500
        and ours.ok
        and None in [value for name in ("metrics", "params", "tags", "max_results") for value in field(request, name)],
    ),
    Difference(
        "one text for a list of texts",
        "read as a list of one, as it is in a query",
        lambda request, theirs, ours: ours.ok
        and theirs.status == 400
        and any(isinstance(value, str) for name in ("experiment_ids", "order_by") for value in field(request, name)),
    ),
    Difference(
        "line breaks at the end of keys",
        "MLflow 3.18 refuses them too",
        lambda request, theirs, ours: theirs.ok and "a\n" in field(request, "key") and refuses(ours, "Names may only contain"),
    ),
    Difference(
        "blank names of experiments",
        "MLflow 3.18 refuses them too",
        lambda request, theirs, ours: refuses(ours, "must not be blank"),
    ),
    Difference(
        "runs without an experiment",
        "the missing parameter is named; MLflow leaks an error of its database",
        lambda request, theirs, ours: request.path == "runs/create"
        and theirs.error_code == "BAD_REQUEST"
        and refuses(ours, "Missing value for required parameter 'experiment_id'"),
    ),
    Difference(
        "tags of new runs",
        "the rules of set-tag hold on every way in; MLflow stores here what it refuses or cuts there",
        lambda request, theirs, ours: request.path == "runs/create"
        and theirs.ok
        and (refuses(ours, "'tags[0].key'") or with_cut_tags(theirs.body) == without_outputs(ours.body) != theirs.body),
    ),
    Difference(
        "long tags that clients parse",
        "those that begin with 'mlflow.' are whole up to 100,000 characters, else refused; MLflow cuts them, so that they are no JSON",
        lambda request, theirs, ours: (request.path == "runs/set-tag" and theirs.ok and refuses(ours, "100000 characters"))
        or (request.path == "runs/get" and theirs.ok and ours.ok and theirs.body == with_cut_tags(ours.body)),
    ),
    Difference(
        "a plus in an exponent",
        "read, since Python prints it; MLflow's parser takes it for an operator",
        lambda request, theirs, ours: ours.ok and theirs.error_code == "INVALID_PARAMETER_VALUE" and any("E+" in text for text in filters(request)),
    ),
    Difference(
        "tokens of other searches",
        "a page token belongs to its search, as MLflow has it for logged models alone",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "it belongs to another search"),
    ),
    Difference(
        "locations of other experiments",
        "what the server made up for one experiment is no location of another: each lies in a place of its own",
        lambda request, theirs, ours: request.path in ("experiments/get", "experiments/get-by-name")
        and theirs.ok
        and ours.ok
        and theirs.body["experiment"]["artifact_location"] == "mlflow-artifacts:/999999"
        and ours.body["experiment"]["artifact_location"].startswith("mlflow-artifacts:/<<"),
    ),
    Difference(
        "equal tags of something new",
        "the last one counts, as in log-batch; MLflow leaks an error of its database",
        lambda request, theirs, ours: request.path in ("runs/create", "experiments/create")
        and "UNIQUE constraint failed" in message(theirs)
        and "tags.key" in message(theirs)
        and ours.ok,
    ),
    Difference(
        "tags without a key",
        "MLflow stores the empty key",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "Missing value for required parameter", "tags[0].key"),
    ),
    Difference(
        "incomplete datasets",
        "MLflow stores datasets without name, digest, source or its type",
        lambda request, theirs, ours: request.path == "runs/log-inputs"
        and theirs.ok
        and refuses(ours, "Missing value for required parameter", "dataset"),
    ),
    Difference(
        "more than 1000 datasets at once",
        "every request is bounded",
        lambda request, theirs, ours: request.path == "runs/log-inputs" and theirs.ok and refuses(ours, "at most 1000"),
    ),
    Difference(
        "long ids of users",
        "256 characters, as MLflow's other databases have it; SQLite takes any length",
        lambda request, theirs, ours: request.path == "runs/create" and theirs.ok and refuses(ours, "'user_id' exceeds"),
    ),
    Difference(
        "locations of artifacts",
        "no '..' and no query in them, since a path is made of them",
        lambda request, theirs, ours: request.path == "experiments/create"
        and theirs.ok
        and refuses(ours, "'artifact_location'", "a location has no"),
    ),
    Difference(
        "relative locations of artifacts",
        "kept as they are, for the client; MLflow resolves them in the directory in which its server runs",
        lambda request, theirs, ours: request.path in ("experiments/get", "experiments/get-by-name")
        and theirs.ok
        and ours.ok
        and ours.body["experiment"]["artifact_location"] == "relative"
        and theirs.body["experiment"]["artifact_location"].endswith("/relative"),
    ),
    Difference(
        "renaming onto a taken name",
        "told as it is when something is created; MLflow leaks an error of its database",
        lambda request, theirs, ours: request.path == "experiments/update"
        and theirs.error_code == "BAD_REQUEST"
        and (ours.status, ours.error_code) == (400, "RESOURCE_ALREADY_EXISTS"),
    ),
    Difference(
        "NaN in bulk",
        "a text, as in every other answer; MLflow writes a token that is no JSON",
        lambda request, theirs, ours: request.path == "metrics/get-history-bulk"
        and "NaN" in json.dumps(theirs.body)
        and json.loads(json.dumps(theirs.body), parse_constant=str) == ours.body,
    ),
    Difference(
        "a negative number of points",
        "refused; MLflow drops points from the end",
        lambda request, theirs, ours: request.path == "metrics/get-history-bulk" and refuses(ours, "must not be negative"),
    ),
    Difference(
        "ids of experiments with blanks",
        "an id is written in one way only",
        lambda request, theirs, ours: theirs.status == 404
        and any(str(value).strip() != value for value in field(request, "experiment_id"))
        and refuses(ours, "must be a valid integer"),
    ),
    Difference(
        "deleting or restoring a run by run_uuid",
        "neither server takes it: we name what is missing, MLflow looks for a run without an id",
        lambda request, theirs, ours: request.path in ("runs/delete", "runs/restore")
        and theirs.status == 404
        and "run_uuid" in request.body
        and refuses(ours, "Missing value for required parameter 'run_id'"),
    ),
    Difference(
        "unknown endpoints and methods",
        "told in JSON, which clients need; MLflow answers with a page",
        lambda request, theirs, ours: isinstance(theirs.body, str)
        and theirs.status == ours.status
        and (ours.status, ours.error_code) in ((404, "ENDPOINT_NOT_FOUND"), (405, "BAD_REQUEST")),
    ),
    Difference(
        "ILIKE beyond ASCII",
        "it folds the case of all scripts; SQLite folds that of ASCII alone",
        lambda request, theirs, ours: theirs.ok and ours.ok and any("ILIKE" in text and not text.isascii() for text in filters(request)),
    ),
    Difference(
        "attributes of experiments in the plural",
        "MLflow 3.18 reads them too",
        lambda request, theirs, ours: request.path == "experiments/search"
        and ours.ok
        and "Invalid entity type 'attributes'" in message(theirs),
    ),
    Difference(
        "like in lower case",
        "words of the language may be in any case; MLflow refuses this one for experiments",
        lambda request, theirs, ours: request.path == "experiments/search" and ours.ok and "comparator 'like'" in message(theirs),
    ),
    Difference(
        "an empty key to order by",
        "refused; MLflow orders by a key that nothing has",
        lambda request, theirs, ours: theirs.ok and field(request, "order_by") == [["metrics."]] and refuses(ours, "order_by"),
    ),
    Difference(
        "outputs of a new run",
        "shown as in every other answer, empty; MLflow leaves them out when it makes a run",
        lambda request, theirs, ours: request.path == "runs/create"
        and theirs.ok
        and theirs.body == without_outputs(ours.body),
    ),
    Difference(
        "an end at time 0",
        "it is shown; MLflow takes it for absent when it answers",
        lambda request, theirs, ours: theirs.ok and ours.ok and theirs.body == without(ours.body, lambda key, value: key == "end_time" and value == 0),
    ),
]


def without_outputs(body):
    """A run without an empty list of outputs."""
    return without(body, lambda key, value: key == "outputs" and value == {})


def with_cut_tags(body):
    """A run whose tags are cut, as MLflow cuts them when they are set."""
    tags = [{**tag, "value": tag["value"][:8000]} for tag in body["run"]["data"].get("tags", [])]
    return {"run": {**body["run"], "data": {**body["run"]["data"], "tags": tags}}}


def allowed(request, theirs, ours) -> Difference | None:
    """The entry that allows these answers to differ."""
    return next((entry for entry in DIFFERENCES if entry.holds(request, theirs, ours)), None)
