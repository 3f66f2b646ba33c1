"""Two servers that get the same requests and must give the same answers: MLflow's (`theirs`) and mlforge
(`ours`).

Values that each server makes up itself (ids, names of unnamed runs, page tokens) are written `<<name>>` in
requests and answers.
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from differences import ADDITIONS, OMISSIONS, allowed
from wire import Answer, Connection

PREFIX = "/api/2.0/mlflow/"
# The prefix of endpoints that only MLflow's web pages use.
AJAX_PREFIX = "/ajax-api/2.0/mlflow/"

# Fields that a server makes up and no test reads.
TIMES = ("creation_time", "last_update_time")
LOCATIONS = ("artifact_uri", "artifact_location", "source")
# Lists without a defined order.
UNORDERED = ("tags", "params", "model_inputs", "dataset_summaries")
# The runs of this answer are ordered by their ids, which each server makes up.
ORDERED_BY_RUN = "metrics/get-history-bulk"

NAMED = re.compile(r"<<[^<>]+>>")
RUN_ID_OR_NICKNAME = re.compile(r"\b(?:[0-9a-f]{32}|[a-z]+-[a-z]+-[0-9]+)\b")
NICKNAME = re.compile(r"[a-z]+-[a-z]+-[0-9]+")
LOCATION = re.compile(r"mlflow-artifacts:/([0-9]+)")


@dataclass(frozen=True)
class Request:
    """A request to both servers. `<<name>>` is replaced by each server's own value of that name."""

    method: str
    path: str
    body: object = None
    query: tuple = ()
    ajax: bool = False

    def __str__(self):
        body = "" if self.method == "GET" else json.dumps(self.body, ensure_ascii=False, default=repr)
        return f"{self.method} {self.path} {list(self.query) or ''} {body[:1500]}"


class Side:
    """One of the servers, with the values that it made up."""

    def __init__(self, connection: Connection):
        self.connection = connection
        # The values by name, and the names by value. The latter keep former values of a name that was given
        # again.
        self.ids, self.names = {}, {}

    def send(self, request: Request) -> Answer:
        """Sends a request; returns the answer with the server's own ids."""
        path = (AJAX_PREFIX if request.ajax else PREFIX) + request.path
        if request.query:
            pairs = (f"{quote(key, safe='')}={quote(self.encoded(str(value)), safe='')}" for key, value in request.query)
            path += "?" + "&".join(pairs)
        if request.method == "GET":
            return self.connection.send("GET", path, None)
        body = request.body if isinstance(request.body, bytes) else self.encoded(json.dumps(request.body)).encode()
        return self.connection.send(request.method, path, body)

    def encoded(self, text: str) -> str:
        return NAMED.sub(lambda match: self.ids.get(match[0], match[0]), text)

    def name(self, name: str, value: str):
        self.ids[name] = value
        self.names[value] = name

    def name_made(self, name: str, answer: Answer):
        """Gives a name to the object that a request made: an experiment, or a run and its nickname."""
        if "run" not in answer.body:
            self.name(f"<<{name}>>", answer.body["experiment_id"])
            return
        info = answer.body["run"]["info"]
        self.name(f"<<{name}>>", info["run_id"])
        if NICKNAME.fullmatch(info["run_name"]):
            self.name(f"<<nickname of {name}>>", info["run_name"])

    def normal(self, request: Request, answer: Answer) -> Answer:
        """An answer with names for ids, without times, and with unordered lists sorted."""
        text = RUN_ID_OR_NICKNAME.sub(lambda match: self.names.get(match[0], match[0]), json.dumps(answer.body))
        body = self._normal(json.loads(text))
        if answer.ok and request.path == ORDERED_BY_RUN:
            body["metrics"].sort(key=lambda metric: metric["run_id"])
        return Answer(answer.status, body)

    def _normal(self, value, parent=""):
        if isinstance(value, list):
            return [self._normal(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {key: self._normal_field(key, item, parent) for key, item in value.items()}

    def _normal_field(self, key: str, value, parent: str):
        value = self._normal(value, key)
        if key in TIMES:
            return "<<time>>"
        if key == "next_page_token":
            return "<<token>>"
        if key == "experiment_id":
            return self.names.get(value, value)
        if key in LOCATIONS and isinstance(value, str):
            return LOCATION.sub(lambda match: f"mlflow-artifacts:/{self.names.get(match[1], match[1])}", value)
        if key in UNORDERED or (parent, key) == ("data", "metrics"):
            return sorted(value, key=lambda item: json.dumps(item, sort_keys=True))
        return value


class Disagreement(AssertionError):
    """The servers answered differently, and no entry of the table of differences allows it."""


class Pair:
    """The two servers."""

    def __init__(self, theirs: Connection, ours: Connection):
        self.sides = (Side(theirs), Side(ours))
        self.asked = 0
        # The names of the allowed differences that occurred, and the number of answers that differed.
        self.occurred = set()
        self.differed = 0

    def ask(self, method, path, body=None, query=(), saves=None, same_message=False, ajax=False) -> Answer:
        """Asks both servers; fails unless the answers agree. Returns MLflow's answer with names for ids.

        `saves` names the experiment or run that is made. `<<token>>` is the last page token of each server.
        Messages are compared only with `same_message`.
        """
        query = tuple(query.items() if isinstance(query, dict) else query)
        request = Request(method, path, body, query, ajax)
        answers = [side.send(request) for side in self.sides]
        self.asked += 1
        for side, answer in zip(self.sides, answers, strict=True):
            side.ids["<<token>>"] = answer.body.get("next_page_token", "") if answer.ok else ""
            if saves and all(answer.ok for answer in answers):
                side.name_made(saves, answer)
        theirs, ours = (side.normal(request, answer) for side, answer in zip(self.sides, answers, strict=True))
        theirs.body = self._without_omissions(request, theirs.body)
        ours.body = self._without_additions(ours.body)
        if not agree(theirs, ours, same_message):
            difference = allowed(request, theirs, ours)
            if difference is None:
                raise Disagreement(f"{request}\n  theirs: {shown(theirs)}\n  ours:   {shown(ours)}")
            self.occurred.add(difference.name)
            self.differed += 1
        return theirs

    def get(self, path, query=(), **more) -> Answer:
        return self.ask("GET", path, query=query, **more)

    def post(self, path, body, **more) -> Answer:
        return self.ask("POST", path, body, **more)

    def _without_omissions(self, request, body):
        for omission in OMISSIONS:
            less = omission.without(request, body)
            if less != body:
                self.occurred.add(omission.name)
            body = less
        return body

    def _without_additions(self, body):
        for addition in ADDITIONS:
            less = addition.without(body)
            if less != body:
                self.occurred.add(addition.name)
            body = less
        return body


def agree(theirs: Answer, ours: Answer, same_message: bool) -> bool:
    """True if two answers are equal: a success in everything, an error in status, code and, if required,
    message.
    """
    if theirs.status != ours.status:
        return False
    if theirs.ok:
        return theirs.body == ours.body
    same = theirs.error_code == ours.error_code
    return same and (not same_message or theirs.body["message"] == ours.body["message"])


def shown(answer: Answer) -> str:
    return f"{answer.status} {json.dumps(answer.body, ensure_ascii=False)[:3000]}"
