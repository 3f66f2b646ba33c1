"""The load of the crash test: threads that write through raw HTTP, and remember what was acknowledged.

Every write has a value of its own, so that afterwards each can be looked for. A batch is remembered when it is
sent, too: acknowledged or not, it must be there whole or not at all.
"""

import http.client
import json
import random
import threading
from dataclasses import dataclass, field

SECONDS_MAX = 60
THREADS = 6
BATCH = 5
OPERATIONS = ("metric", "metric", "batch", "batch", "param", "tag", "run")


class Refused(Exception):
    """The server answered, and not with 200."""


class Api:
    """One connection to one project's tracking API."""

    def __init__(self, port: int, project: str, token: str):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
        self.prefix = f"/api/v4/projects/{project}/ml/mlflow/api/2.0/mlflow/"
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, endpoint: str, **body) -> dict:
        return self._call("POST", endpoint, json.dumps(body))

    def get(self, endpoint_and_query: str) -> dict:
        return self._call("GET", endpoint_and_query, None)

    def _call(self, method: str, endpoint: str, body) -> dict:
        self.connection.request(method, self.prefix + endpoint, body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Refused(f"{method} {endpoint} {body}: {answer.status} {text[:500]!r}")
        return json.loads(text)


@dataclass
class Written:
    """What one run must hold."""

    metrics: dict = field(default_factory=dict)
    params: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)
    # Batches by number: sent whether or not acknowledged.
    batches: set = field(default_factory=set)


class Load:
    """Writers that go on until the server dies. `acknowledged` counts the answers that were 200."""

    def __init__(self, port: int, project: str, token: str, experiment: str, rng: random.Random, kill_after: int):
        self.reached = threading.Event()
        self.acknowledged = 0
        self.kill_after = kill_after
        self.runs: dict[str, Written] = {}
        self.errors: list[str] = []
        self.lock = threading.Lock()
        self.experiment = experiment
        setup = Api(port, project, token)
        self.shared = self.create_run(setup)
        arguments = [(Api(port, project, token), random.Random(rng.random()), number) for number in range(THREADS)]
        self.threads = [threading.Thread(target=self.write, args=one, daemon=True) for one in arguments]
        for thread in self.threads:
            thread.start()

    def create_run(self, api: Api) -> str:
        made = api.post("runs/create", experiment_id=self.experiment, start_time=1, run_name="crash")
        run = made["run"]["info"]["run_id"]
        with self.lock:
            self.runs[run] = Written()
        return run

    def write(self, api: Api, rng: random.Random, thread: int):
        """One thread: random operations, on its own run and on the one that all share."""
        try:
            own = self.create_run(api)
            for number in range(1_000_000):
                run = rng.choice((own, self.shared))
                operation = rng.choice(OPERATIONS)
                if operation == "run":
                    own = self.create_run(api)
                else:
                    self.log(api, operation, run, f"{thread}-{number}", number)
                with self.lock:
                    self.acknowledged += 1
                    if self.acknowledged >= self.kill_after:
                        self.reached.set()
        except Refused as error:
            with self.lock:
                self.errors.append(str(error))
            self.reached.set()
        except (OSError, http.client.HTTPException):
            # The server is gone, as it should be: what was not answered may or may not be there.
            self.reached.set()

    def log(self, api: Api, operation: str, run: str, key: str, number: int):
        written = self.runs[run]
        match operation:
            case "metric":
                api.post("runs/log-metric", run_id=run, key=f"m{key}", value=number, timestamp=number, step=number)
                self.note(written.metrics, f"m{key}", [(number, number, float(number))])
            case "param":
                api.post("runs/log-parameter", run_id=run, key=f"p{key}", value=str(number))
                self.note(written.params, f"p{key}", str(number))
            case "tag":
                api.post("runs/set-tag", run_id=run, key=f"t{key}", value=str(number))
                self.note(written.tags, f"t{key}", str(number))
            case "batch":
                self.log_batch(api, written, run, key)

    def log_batch(self, api: Api, written: Written, run: str, key: str):
        with self.lock:
            written.batches.add(key)
        api.post(
            "runs/log-batch",
            run_id=run,
            metrics=[{"key": f"b{key}", "value": step, "timestamp": step, "step": step} for step in range(BATCH)],
            params=[{"key": f"b{key}", "value": key}],
            tags=[{"key": f"b{key}", "value": key}],
        )
        self.note(written.metrics, f"b{key}", [(step, step, float(step)) for step in range(BATCH)])
        self.note(written.params, f"b{key}", key)
        self.note(written.tags, f"b{key}", key)

    def note(self, where: dict, key: str, value):
        with self.lock:
            where[key] = value

    def join(self):
        for thread in self.threads:
            thread.join(SECONDS_MAX)
            assert not thread.is_alive(), "a writer did not notice that the server is gone"


def check(api: Api, runs: dict[str, Written], histories: random.Random | None):
    """Everything acknowledged is there; batches are whole or absent. `histories` chooses the runs whose metric
    histories are read point by point; without it, all are."""
    for run, written in runs.items():
        data = api.get(f"runs/get?run_id={run}")["run"]["data"]
        params = {entry["key"]: entry["value"] for entry in data.get("params", [])}
        tags = {entry["key"]: entry["value"] for entry in data.get("tags", [])}
        latest = {entry["key"]: entry["value"] for entry in data.get("metrics", [])}
        assert written.params.items() <= params.items(), f"params lost in {run}"
        assert written.tags.items() <= tags.items(), f"tags lost in {run}"
        expected = {key: points[-1][2] for key, points in written.metrics.items()}
        assert expected.items() <= latest.items(), f"metrics lost in {run}"
        for key in (f"b{batch}" for batch in written.batches):
            assert (key in params) == (key in tags) == (key in latest), f"half of batch {key} in {run}"
        keys = sorted(key for key in latest if key.startswith("b"))
        keys += sorted(written.metrics.keys() - set(keys))
        if histories is not None and len(keys) > 20:
            keys = histories.sample(keys, 20)
        for key in keys:
            check_history(api, run, key, written)


def check_history(api: Api, run: str, key: str, written: Written):
    answer = api.get(f"metrics/get-history?run_id={run}&metric_key={key}&max_results=1000")
    points = sorted((int(p["step"]), int(p["timestamp"]), float(p["value"])) for p in answer.get("metrics", []))
    whole = [(step, step, float(step)) for step in range(BATCH)]
    assert points == (whole if key.startswith("b") else written.metrics[key]), f"history of {key} in {run}"
