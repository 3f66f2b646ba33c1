"""The model registry: tables of requests, then random sequences of changes, each answer compared.

Additions of the forge are removed from our answers: the semantic version, which shows in a tag and among the
aliases of a version. Intended differences from MLflow's server are in `DIFFERENCES`.
"""

import itertools
import json
import re

import pytest
from chance import SEED, chance
from conftest import new_experiment, new_run
from differences import field, message, refuses, without, without_authors
from pair import Request, agree, shown
from wire import Answer

SEQUENCES, STEPS = 6, 70
MODELS, VERSIONS = "registered-models/", "model-versions/"
SEMVER = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
# The status of answers that may differ. The state of both servers is unknown afterwards.
DIFFERENT = 0
TIMES = ("creation_timestamp", "last_updated_timestamp")
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "hi"}]

# Allowed differences: a name, a reason, and a function that is true for a request and its two answers.
DIFFERENCES = [
    (
        "internal errors",
        "what MLflow answers with 500, clients repeat and hide; we refuse it",
        lambda request, theirs, ours: theirs.status == 500 and ours.status in (400, 404) and "error_code" in ours.body,
    ),
    (
        "wrong types",
        "MLflow keeps what it could read of such a request",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "Hint: Value was of type"),
    ),
    (
        "limits",
        "every text is bounded; the name of a model also by that of its experiment",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "exceeds the maximum length of"),
    ),
    (
        "control characters in names of models",
        "a name stands in addresses of pages",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "it has control characters"),
    ),
    (
        "semantic versions",
        "they name versions wherever a number does",
        lambda request, theirs, ours: "must be an integer" in message(theirs)
        and any(SEMVER.match(str(value)) for value in field(request, "version"))
        and (ours.ok or ours.error_code == "RESOURCE_DOES_NOT_EXIST"),
    ),
    (
        "no source",
        "the files of the version's own run",
        lambda request, theirs, ours: "Missing value for required parameter 'source'" in message(theirs)
        and (ours.ok or "Run with id=" in message(ours)),
    ),
    (
        "the run of a source",
        "it is found out when the request does not name it",
        lambda request, theirs, ours: "run_id request parameter must identify" in message(theirs)
        and field(request, "run_id") in ([], [""], [None])
        and ours.ok,
    ),
    (
        "schemes of sources",
        "those that lead out of the project are taken if they are on the host's list",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "Invalid model version source", "is not allowed here"),
    ),
    (
        "the order of stages",
        "latest versions come in the order of the stages asked for, in MLflow by the lowest version that a stage ever had",
        lambda request, theirs, ours: request.path == MODELS + "get-latest-versions"
        and theirs.ok
        and ours.ok
        and field(request, "stages") != []
        and by_number(theirs) == by_number(ours),
    ),
    (
        "hosts in sources",
        "clients follow such a source; MLflow 3.17 refuses it, since its server would follow it, too",
        lambda request, theirs, ours: "addresses a host other than" in message(theirs)
        and (ours.ok or refuses(ours, "is not allowed here") or "Run with id=" in message(ours)),
    ),
    (
        "escaped slashes in sources",
        "decoded, as in the address of an artifact",
        lambda request, theirs, ours: "must identify the resource that contains the source" in message(theirs)
        and any("%2F" in source for source in field(request, "source"))
        and ours.ok,
    ),
    (
        "the run of a source elsewhere",
        "every version has a run",
        lambda request, theirs, ours: theirs.ok
        and ours.ok
        and request.path == VERSIONS + "create"
        and theirs.body["model_version"]["run_id"] == ""
        and {**ours.body["model_version"], "run_id": ""} == theirs.body["model_version"],
    ),
    (
        "names in sources",
        "what no artifact can be called stands in no source; MLflow cuts it off or decodes it",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "Invalid model version source", "A name has no '#'"),
    ),
    (
        "question marks in names of models",
        "one would end the name in a models:/ address",
        lambda request, theirs, ours: theirs.ok and refuses(ours, "Names cannot contain '?'"),
    ),
    (
        "sources of runs that do not exist",
        "MLflow compares two texts; we look for the run",
        lambda request, theirs, ours: theirs.ok
        and field(request, "run_id") == ["0" * 32]
        and (ours.status, ours.error_code) in ((404, "RESOURCE_DOES_NOT_EXIST"), (400, "INVALID_PARAMETER_VALUE")),
    ),
]


def by_number(answer) -> list:
    return sorted(answer.body.get("model_versions", []), key=lambda version: version["version"])


class Registry:
    """Asks both servers about models."""

    def __init__(self, pair):
        self.pair = pair

    def ask(self, method, path, body=None, query=()) -> Answer:
        """Asks both servers; fails unless the answers agree or may differ. Returns MLflow's answer."""
        request = Request(method, path, body, tuple(query.items() if isinstance(query, dict) else query))
        answers = [side.send(request) for side in self.pair.sides]
        self.pair.asked += 1
        normal = (side.normal(request, answer) for side, answer in zip(self.pair.sides, answers, strict=True))
        theirs, ours = (Answer(answer.status, normal_model(answer.body)) for answer in normal)
        theirs.body = without(theirs.body, lambda key, value: key in ("sqlstate", "error_class"))
        ours.body = without_authors(ours.body)
        if not agree(theirs, ours, False):
            holding = (name for name, _, holds in DIFFERENCES if holds(request, theirs, ours))
            name = next(holding, None)
            assert name, f"{request}\n  theirs: {shown(theirs)}\n  ours:   {shown(ours)}"
            theirs.status = DIFFERENT
        return theirs

    def forget(self, name):
        """Deletes a model on each server that has it."""
        for side in self.pair.sides:
            side.send(Request("DELETE", MODELS + "delete", {"name": name}))

    def get(self, path, query=()):
        return self.ask("GET", path, query=query)

    def post(self, path, body):
        return self.ask("POST", path, body)


def normal_model(value, key=""):
    """A body without times and without additions of the forge, in a fixed order."""
    if isinstance(value, list):
        items = [normal_model(item) for item in value]
        if key in ("tags", "aliases"):
            items = [item for item in items if not is_semver(item)]
        unordered = key in ("tags", "aliases", "latest_versions")
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if unordered else items
    if not isinstance(value, dict):
        return value
    fields = {name: "<<time>>" if name in TIMES else normal_model(item, name) for name, item in value.items()}
    if "mlflow.prompt.is_prompt" in json.dumps(fields.get("tags", [])):
        # In our answers a prompt has a run, too.
        fields.pop("run_id", None)
    return {name: item for name, item in fields.items() if item != []}


def is_semver(item) -> bool:
    text = item if isinstance(item, str) else item.get("key")
    return text == "gitlab.version" or (isinstance(item, str) and SEMVER.match(item) is not None)


@pytest.fixture(scope="module")
def registry(pair):
    return Registry(pair)


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def run(pair):
    """The placeholder of the id of a run that versions are made from."""
    return new_run(pair, new_experiment(pair))


@pytest.fixture
def model(registry, run):
    """The name of a fresh model with two versions and the alias `a` of the first."""
    name = f"model {next(_numbers)}"
    registry.post(MODELS + "create", {"name": name, "tags": [{"key": "t", "value": "1"}]})
    for number in (1, 2):
        body = {"name": name, "source": f"runs:/{run}/m", "run_id": run, "tags": [{"key": "n", "value": str(number)}]}
        registry.post(VERSIONS + "create", body)
    registry.post(MODELS + "alias", {"name": name, "alias": "a", "version": "1"})
    return name


def each(base, name, values):
    return [{**base, name: value} for value in values]


def cases(method, path, bodies):
    return [pytest.param(method, path, body, id=f"{method} {path} {json.dumps(body)[:80]}") for body in bodies]


KEYS = ["k", "a/b", "a@b", "", None, 5, "x" * 250, "x" * 251, "..", "a b:c"]
TEXTS = ["", "ü✓", None, 5, "x" * 5001]
NAMES = ["<<model>>", "absent", "", " ", None, 5, "a/b", "a:b", "..", ".", "x" * 600, "größe", "a\nb", "a?b", "a%b#c\\d"]
NUMBERS = ["1", "2", "9", "0", "-1", "01", " 1 ", "+1", "1.0", "x", "", None, 1, "1.0.0", "9.9.9", "9" * 30]
STAGES = ["None", "Staging", "production", "ARCHIVED", "zzz", "", None, 5]
ALIASES = ["a", "b", "latest", "LATEST", "v1", "V12", "vx", "1", "a.b", "a b", "ü", "x" * 255, "x" * 256, "", None, 5]
TAGS = [[], None, 5, [5], [{"key": "a", "value": "1"}], [{"key": "a"}], [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}], [{"key": "a@b"}], PROMPT]
ONE = {"name": "<<model>>"}
FIRST = {**ONE, "version": "1"}

CHANGES = (
    cases("POST", MODELS + "create", [{}, *each({}, "name", NAMES), *each({"name": "<<new>>"}, "tags", TAGS), *each({"name": "<<new>>"}, "description", TEXTS)])
    + cases("PATCH", MODELS + "update", [{}, ONE, *each({"description": "d"}, "name", NAMES), *each(ONE, "description", TEXTS)])
    + cases("POST", MODELS + "rename", [{}, ONE, *each({"new_name": "<<new>>"}, "name", NAMES), *each(ONE, "new_name", NAMES)])
    + cases("DELETE", MODELS + "delete", [{}, *each({}, "name", NAMES)])
    + cases("POST", MODELS + "set-tag", [{}, ONE, *each({"key": "k", "value": "v"}, "name", NAMES), *each({**ONE, "value": "v"}, "key", KEYS), *each({**ONE, "key": "k"}, "value", TEXTS)])
    + cases("DELETE", MODELS + "delete-tag", [{}, ONE, *each({"key": "t"}, "name", NAMES), *each(ONE, "key", [*KEYS, "t"])])
    + cases("POST", MODELS + "alias", [{}, FIRST, *each({"version": "2", "alias": "a"}, "name", NAMES), *each(FIRST, "alias", ALIASES), *each({**ONE, "alias": "b"}, "version", NUMBERS)])
    + cases("DELETE", MODELS + "alias", [{}, ONE, *each({"alias": "a"}, "name", NAMES), *each(ONE, "alias", ALIASES)])
    + cases("PATCH", VERSIONS + "update", [{}, ONE, *each(ONE, "version", NUMBERS), *each(FIRST, "description", TEXTS), {"name": "absent", "version": "1"}])
    + cases("POST", VERSIONS + "transition-stage", [{}, FIRST, *each(FIRST, "stage", STAGES), *each({**ONE, "stage": "Staging"}, "version", NUMBERS)])
    + cases("POST", VERSIONS + "transition-stage", each({**FIRST, "archive_existing_versions": True}, "stage", STAGES))
    + cases("DELETE", VERSIONS + "delete", [{}, ONE, *each(ONE, "version", NUMBERS), {"name": "absent", "version": "1"}])
    + cases("POST", VERSIONS + "set-tag", [{}, FIRST, *each({**FIRST, "value": "v"}, "key", KEYS), *each({**FIRST, "key": "k"}, "value", TEXTS), *each({**ONE, "key": "k"}, "version", NUMBERS)])
    + cases("DELETE", VERSIONS + "delete-tag", [{}, FIRST, *each(FIRST, "key", [*KEYS, "n"]), *each({**ONE, "key": "n"}, "version", NUMBERS)])
    + cases("POST", MODELS + "get-latest-versions", [{}, ONE, *each({}, "name", NAMES), *each(ONE, "stages", [[], ["None"], ["none", "Staging"], ["zzz"], None])])
)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change(registry, model, method, path, body):
    names = {"<<model>>": model, "<<new>>": f"new {next(_numbers)}"}
    body = {key: names.get(value, value) if isinstance(value, str) else value for key, value in body.items()}
    answer = registry.ask(method, path, body)
    if answer.status == DIFFERENT:
        registry.forget(body.get("new_name", body.get("name")))
    if answer.ok:
        for name in {model, body.get("new_name", model)}:
            registry.get(MODELS + "get", {"name": name})
            registry.get(VERSIONS + "get", {"name": name, "version": "1"})


SOURCES = [
    "runs:/<<run>>/m", "runs:/<<run>>/a/b", "runs:/<<run>>/../m", "runs:/<<run>>/%2e%2e/m", f"runs:/{'0' * 32}/m", "runs:/none/m",
    "mlflow-artifacts:/<<experiment>>/<<run>>/artifacts/m", "mlflow-artifacts:/<<experiment>>/<<run>>/artifacts/../m", "mlflow-artifacts:/9/<<run>>/artifacts/m",
    "models:/<<model>>/1", "models:/<<model>>@a", "models:/<<model>>/None", "models:/<<model>>/9", "models:/absent/1", "models:/<<model>>@none", "models:/<<model>>",
    "/a", "a", "./a", "file:///a", "", "s3://a/b", "s3://a/../b", "s3://a/%2e%2e/b", "https://host/a", "http://host/a", "other://a/b", None, 5,
    "runs:/<<run>>/m/", "runs:/<<run>>/100% a", "runs:/<<run>>/a%20b", "runs:/<<run>>/a\\b", "runs:/<<run>>/a#b", "runs:/<<run>>/a%23b",
    "mlflow-artifacts:/<<experiment>>/<<run>>/artifacts/", "mlflow-artifacts:/<<experiment>>/<<run>>/artifacts/50% of", "mlflow-artifacts:/<<experiment>>%2F<<run>>/artifacts/m",
]


@pytest.mark.parametrize("named", ["run", "none", "other"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_source(registry, model, run, pair, source, named):
    if isinstance(source, str):
        experiment = pair.get("runs/get", {"run_id": run}).body["run"]["info"]["experiment_id"]
        source = source.replace("<<run>>", run).replace("<<model>>", model).replace("<<experiment>>", experiment)
    ids = {"run": run, "none": None, "other": "0" * 32}
    answer = registry.post(VERSIONS + "create", {"name": model, "source": source, "run_id": ids[named]})
    if answer.ok:
        registry.get(VERSIONS + "get-download-uri", {"name": model, "version": answer.body["model_version"]["version"]})


def test_latest_versions_of_several_stages(registry, model):
    for version, stage in (("1", "Staging"), ("2", "Production")):
        registry.post(VERSIONS + "transition-stage", {"name": model, "version": version, "stage": stage})
    for stages in (["Staging", "Production"], ["production", "STAGING", "Production"], ["None"], []):
        registry.post(MODELS + "get-latest-versions", {"name": model, "stages": stages})


def test_a_version_is_copied_with_its_tags(registry, model):
    """A version is promoted as clients do it: with all tags, including those that the server made up."""
    for target in (model, f"copies {model}"):
        registry.post(MODELS + "create", {"name": target})
        for number in ("1", "2", "1"):
            original = Request("GET", VERSIONS + "get", None, (("name", model), ("version", number)))
            tags = registry.pair.sides[1].send(original).body["model_version"]["tags"]
            registry.post(VERSIONS + "create", {"name": target, "source": f"models:/{model}/{number}", "tags": tags})
        registry.get(MODELS + "get", {"name": target})


def test_prompts_and_models_share_names(registry):
    for name, tags in (("a prompt", PROMPT), ("a prompt", []), ("a prompt", PROMPT), ("no prompt", []), ("no prompt", PROMPT)):
        registry.post(MODELS + "create", {"name": name, "tags": tags})
    for source in ("dummy-source", "prompt-template", "other", "runs:/x/y"):
        registry.post(VERSIONS + "create", {"name": "a prompt", "source": source, "tags": PROMPT})
    registry.post(VERSIONS + "create", {"name": "no prompt", "source": "models:/a prompt/1"})
    key = "tags.`mlflow.prompt.is_prompt`"
    for clause in ("", f"{key} = 'true'", f"{key} != 'true'", f"{key} = 'false'", f"{key} != 'false'", f"{key} = 'TRUE'", f"{key} LIKE 'true'"):
        for name in ("a prompt", "no prompt"):
            both = " AND ".join(filter(None, [f"name = '{name}'", clause]))
            registry.get(MODELS + "search", {"filter": both})
            registry.get(VERSIONS + "search", {"filter": both, "max_results": 100})


class Sequence:
    """A few models that are changed at random."""

    def __init__(self, registry, run, number):
        self.registry, self.run, self.number = registry, run, number
        self.random = chance("registry", number)

    def model(self) -> str:
        return f"sequence {self.number} {self.random.choice('abc')}"

    def version(self) -> dict:
        return {"name": self.model(), "version": str(self.random.randrange(1, 6))}

    def tag(self) -> dict:
        return {"key": self.random.choice("tu"), "value": self.random.choice(["1", "2", "ü", ""])}

    def step(self):
        choice = self.random.choice
        name, version, tag = {"name": self.model()}, self.version(), self.tag()
        stage = {"stage": choice(STAGES[:4]), "archive_existing_versions": choice([True, False])}
        source = {"source": f"runs:/{self.run}/m", "run_id": self.run, "tags": [tag]}
        alias = {"alias": choice(["a", "b", "c"])}
        rare = [
            ("POST", MODELS + "rename", {**name, "new_name": self.model()}),
            ("DELETE", MODELS + "delete", name),
            ("PATCH", MODELS + "update", {**name, "description": choice(["d", ""])}),
            ("DELETE", VERSIONS + "delete", version),
        ]
        often = [
            ("POST", MODELS + "create", {**name, "tags": [tag]}),
            ("POST", MODELS + "set-tag", {**name, **tag}),
            ("DELETE", MODELS + "delete-tag", {**name, "key": tag["key"]}),
            ("POST", MODELS + "alias", {**version, **alias}),
            ("DELETE", MODELS + "alias", {**name, **alias}),
            ("POST", VERSIONS + "create", {**name, **source}),
            ("POST", VERSIONS + "create", {**name, **source}),
            ("PATCH", VERSIONS + "update", {**version, "description": choice(["d", ""])}),
            ("POST", VERSIONS + "set-tag", {**version, **tag}),
            ("DELETE", VERSIONS + "delete-tag", {**version, "key": tag["key"]}),
            ("POST", VERSIONS + "transition-stage", {**version, **stage}),
        ]
        self.registry.ask(*choice([*rare, *often, *often]))

    def compare_all(self):
        """Compares all stored data: models, versions, aliases, latest versions, results of searches."""
        mine = f"name LIKE 'sequence {self.number} %'"
        for letter in "abc":
            name = f"sequence {self.number} {letter}"
            self.registry.get(MODELS + "get", {"name": name})
            self.registry.post(MODELS + "get-latest-versions", {"name": name, "stages": ["Production"]})
            for alias in ("a", "b", "c", "latest"):
                self.registry.get(MODELS + "alias", {"name": name, "alias": alias})
            for number in range(1, 7):
                self.registry.get(VERSIONS + "get", {"name": name, "version": number})
        for clause in ("", " AND tags.t = '1'", " AND tags.u != '1'", " AND tags.t LIKE '%' AND tags.u ILIKE '1%'"):
            self.registry.get(MODELS + "search", [("filter", mine + clause), ("order_by", "name DESC")])
            for order in (["name DESC"], ["version_number", "name"], ["attribute.version_number DESC"]):
                query = [("filter", mine + clause), ("max_results", 100), *(("order_by", item) for item in order)]
                self.registry.get(VERSIONS + "search", query)
        for clause in ("version_number > 2", "version_number = '1'", "version_number != 1 AND source_path LIKE 'runs:%'"):
            query = [("filter", f"{mine} AND {clause}"), ("max_results", 100), ("order_by", "name")]
            self.registry.get(VERSIONS + "search", query)


@pytest.mark.parametrize("number", range(SEQUENCES))
def test_a_sequence_of_changes_leaves_both_with_the_same_registry(registry, run, number):
    sequence = Sequence(registry, run, number)
    for _ in range(STEPS):
        sequence.step()
    sequence.compare_all()


REFUSED = [
    *((MODELS, text) for text in ("name > 'a'", "id = 'a'", "name = a", "params.p = 'x'", "attributes.name = 'a'", "timestamp = 1", "name = 5", "name IN ()", "tags.t IN ('a')")),
    *((VERSIONS, text) for text in ("version = 1", "current_stage = 'None'", "version_number = 1.5", "version_number LIKE '1'", "creation_timestamp > 1", "source_path IN ('a')", "status = 'READY'", "version_number = 'x'")),
]


@pytest.mark.parametrize(("what", "text"), REFUSED)
def test_a_filter_is_refused(registry, what, text):
    assert not registry.get(what + "search", {"filter": text, "max_results": 10}).ok


@pytest.mark.parametrize("what", [MODELS, VERSIONS])
@pytest.mark.parametrize("more", [("max_results", 0), ("max_results", 1001), ("max_results", 200001), ("order_by", "version"), ("order_by", "tags.t"), ("order_by", "creation_timestamp")])
def test_a_page_is_refused_or_not(registry, what, more):
    query = [("filter", "name = 'absent'"), more] + ([] if more[0] == "max_results" else [("max_results", 10)])
    if (what, more) == (MODELS, ("max_results", 0)):
        return  # MLflow answers with an empty page and a token of the same page.
    registry.get(what + "search", query)


def test_the_seed_is_known():
    """Shows the seed in the log: sequences are the same for the same seed."""
    assert SEED
