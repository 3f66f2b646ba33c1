"""Traces: the same traces on both servers are found by the same filters, in the same order, on the same pages."""

import json

import pytest
from wire import Answer

TRACES = "/api/3.0/mlflow/traces"
M = 1_700_000_000_000

# Name, start after M and duration in milliseconds, state, metadata and tags of each trace.
KNOWN = {
    "a": ("Foo", 100, 50, "OK", {"m": "1", "mlflow.trace.session": "S1"}, {"t": "Foo", "k.x": "dot"}),
    "b": ("foobar", 200, 500, "ERROR", {"m": "10", "mlflow.trace.session": "S1"}, {"t": "foobar"}),
    "c": ("FOO%", 300, 0, "IN_PROGRESS", {"m": "2"}, {"t": "FOO%"}),
    "d": ("f_o", 300, None, "OK", {"m": "it's"}, {"t": "f_o", "empty": ""}),
    "e": (None, 50, 1_000, "OK", {}, {}),
    "f": ('say "hi"', 0, 20, "STATE_UNSPECIFIED", {}, {"t": 'say "hi"', "sl/ash key": "v"}),
}
FEEDBACK = {"a": 0.9, "b": "yes", "c": True, "d": 5}

FILTERS = [
    "", "status = 'OK'", "trace.status = 'OK'", "attributes.status = 'OK'", "status = 'ok'", "status != 'OK'", "status IN ('OK','ERROR')",
    "status NOT IN ('OK')", "status RLIKE '^O'", "name = 'Foo'", "tags.`mlflow.traceName` = 'Foo'", "name LIKE 'foo%'", "name ILIKE 'foo%'",
    "name LIKE 'f_o'", "name != 'Foo'", "name IS NULL", "name RLIKE '^[fF]oo'", f"timestamp > {M + 100}", f"timestamp_ms = {M + 300}",
    f"timestamp != {M + 300}", "execution_time > 50", "execution_time != 50", f"end_time_ms = {M + 300}", f"end_time_ms > {M + 300}",
    "client_request_id IN ('cr-a','cr-b')", "client_request_id != 'cr-a'", "tags.t != 'Foo'", "tags.t IS NULL", "tags.t IS NOT NULL",
    "tags.empty = ''", "tags.k.x = 'dot'", "tags.`sl/ash key` = 'v'", "tags.nope != 'x'", "metadata.m != '1'", "metadata.m IS NULL",
    "metadata.m = \"it's\"", "metadata.`mlflow.trace.session` = 'S1'", "status = 'OK' and tags.t = 'Foo'", "status = 'OK' AND",
    "feedback.q > 0.5", "feedback.q >= 5", "feedback.q < 1", "feedback.q = 'yes'", "feedback.q = 'true'", "feedback.q != 'yes'",
    "feedback.q LIKE '%e%'", "feedback.q IS NULL", "feedback.q IS NOT NULL",
]
REFUSED = [
    "attr.status = 'OK'", "spans.name = 'x'", "trace_metadata.m = '1'", "a.b.c = 'x'", "trace_id = 'x'", "state = 'OK'", "STATUS = 'OK'",
    "timestamp > '1'", "timestamp > 1.5", "timestamp IN ('1')", "execution_time IS NULL", "status IS NULL", "status > 'A'", "name IN ('a')",
    "tags.t IN ('a')", "tags.t > '5'", "tags.t = 5", "name = Foo", "feedback.q = 0.9", "feedback.q > '0.5'", "span.kind = 'x'",
    "span.content = 'x'", "prompt LIKE 'x/1'", "prompt = 'pp'", "status = 'OK' OR status = 'ERROR'", " ",
]
# MLflow's server fails with 500 at `end_time`.
ORDERS = [
    ["timestamp"], ["execution_time"], ["execution_time DESC"], ["status"], ["status DESC"], ["name"], ["name DESC"],
    ["tags.t"], ["metadata.m"], ["request_id DESC"], ["status", "execution_time DESC"], ["metadata.`mlflow.trace.session`"],
]

# Each is a question to `traces/metrics` besides the experiment.
MEASURES = [
    {"view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}]},
    {
        "view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}],
        "dimensions": ["trace_name", "trace_status"],
    },
    {"view_type": "TRACES", "metric_name": "session_count", "aggregations": [{"aggregation_type": "COUNT"}]},
    {
        "view_type": "TRACES", "metric_name": "latency",
        "aggregations": [
            {"aggregation_type": "AVG"}, {"aggregation_type": "MIN"}, {"aggregation_type": "MAX"},
            {"aggregation_type": "PERCENTILE", "percentile_value": 50}, {"aggregation_type": "PERCENTILE", "percentile_value": 99.5},
        ],
    },
    {
        "view_type": "TRACES", "metric_name": "latency", "aggregations": [{"aggregation_type": "AVG"}], "dimensions": ["trace_name"],
        "time_interval_seconds": 60, "start_time_ms": M - 60_000, "end_time_ms": M + 200,
    },
    {
        "view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}],
        "filters": ["trace.status = 'OK'", "trace.tag.t = 'Foo'"],
    },
    {
        "view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}],
        "filters": ["trace.metadata.`mlflow.trace.session` = 'S1'"],
    },
    {"view_type": "TRACES", "metric_name": "input_tokens", "aggregations": [{"aggregation_type": "SUM"}]},
    {
        "view_type": "ASSESSMENTS", "metric_name": "assessment_count", "aggregations": [{"aggregation_type": "COUNT"}],
        "dimensions": ["assessment_name", "assessment_value"],
    },
    {
        "view_type": "ASSESSMENTS", "metric_name": "assessment_value", "dimensions": ["assessment_name"],
        "aggregations": [{"aggregation_type": "AVG"}, {"aggregation_type": "MAX"}],
    },
    {
        "view_type": "ASSESSMENTS", "metric_name": "assessment_count", "aggregations": [{"aggregation_type": "COUNT"}],
        "filters": ["assessment.name = 'q'", "assessment.type = 'feedback'"],
    },
]
MEASURES_REFUSED = [
    {"metric_name": "span_count"}, {"aggregations": []}, {"aggregations": [{"aggregation_type": "SUM"}]}, {"dimensions": ["trace_status"]},
    {"filters": ["trace.status != 'OK'"]}, {"filters": ["span.name = 'x'"]}, {"filters": ["trace.duration = '1'"]}, {"time_interval_seconds": 60},
]
CORRELATED = [
    ("status = 'OK'", "execution_time > 10", None), ("name = 'Foo'", "status = 'ERROR'", None), ("name = 'none'", "status = 'OK'", None),
    ("tags.t = 'Foo'", "metadata.m = '1'", f"timestamp > {M}"),
]


class Traces:
    """The same traces in an experiment of both servers."""

    def __init__(self, pair, experiment):
        self.pair, self.experiment = pair, experiment
        # Ids are chosen by clients, so both servers have the same ones.
        self.prefix = f"tr-{experiment.strip('<>')}-"
        for letter, known in KNOWN.items():
            self.start(letter, *known)

    def location(self, side):
        return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": side.encoded(self.experiment)}}

    def both(self, method, path, body) -> tuple[Answer, Answer]:
        """Asks both servers; `body` is a function of the server."""
        self.pair.asked += 1
        theirs, ours = (side.connection.send(method, path, json.dumps(body(side)).encode()) for side in self.pair.sides)
        return theirs, ours

    def start(self, letter, name, start, duration, state, metadata, tags):
        time = f"2023-11-14T22:13:20.{start:03}Z"
        info = {"trace_id": self.prefix + letter, "client_request_id": f"cr-{letter}" if letter in "ab" else None, "request_time": time}
        info |= {"state": state, "trace_metadata": metadata, "tags": tags | ({"mlflow.traceName": name} if name else {})}
        if duration is not None:
            info["execution_duration"] = f"{duration / 1000}s"
        info = {key: value for key, value in info.items() if value is not None}
        answers = self.both("POST", TRACES, lambda side: {"trace": {"trace_info": info | {"trace_location": self.location(side)}}})
        assert [answer.status for answer in answers] == [200, 200], answers
        if letter in FEEDBACK:
            judged = {"assessment_name": "q", "source": {"source_type": "HUMAN", "source_id": "ada"}, "feedback": {"value": FEEDBACK[letter]}}
            judged |= {"create_time": time, "last_update_time": time}
            path = f"{TRACES}/{self.prefix}{letter}/assessments"
            answers = self.both("POST", path, lambda side: {"assessment": judged})
            assert [answer.status for answer in answers] == [200, 200], answers

    def search(self, **more):
        return self.both("POST", f"{TRACES}/search", lambda side: {"locations": [self.location(side)], **more})

    def letters(self, answer):
        assert answer.ok, answer
        return "".join(trace["trace_id"].removeprefix(self.prefix) for trace in answer.body.get("traces", []))


@pytest.fixture
def traces(pair, experiment):
    return Traces(pair, experiment)


def test_filters_find_the_same_traces(traces):
    for condition in FILTERS:
        theirs, ours = map(traces.letters, traces.search(filter=condition))
        assert theirs == ours, condition


def test_orders_are_the_same(traces):
    for order in ORDERS:
        theirs, ours = map(traces.letters, traces.search(order_by=order))
        assert theirs == ours, order


def test_both_refuse_the_same_searches(traces):
    for condition in REFUSED:
        theirs, ours = traces.search(filter=condition)
        assert (theirs.status, theirs.error_code) == (ours.status, ours.error_code) == (400, "INVALID_PARAMETER_VALUE"), condition


def test_a_trace_is_shown_alike(traces):
    def shown(side, answer):
        info = answer.body["trace"]["trace_info"]
        location = info["tags"]["mlflow.artifactLocation"]
        assert location == f"mlflow-artifacts:/{side.encoded(traces.experiment)}/traces/{info['trace_id']}/artifacts"
        assert info.pop("trace_location") == traces.location(side)
        del info["tags"]["mlflow.artifactLocation"]
        for one in info.get("assessments", []):
            assert one.pop("assessment_id").startswith("a-")
        return info

    for letter in KNOWN:
        path = f"{TRACES}/{traces.prefix}{letter}"
        theirs, ours = (shown(side, side.connection.send("GET", path, None)) for side in traces.pair.sides)
        assert theirs == ours, letter


def test_the_oldest_traces_are_deleted_first(traces):
    def delete(side):
        return {"experiment_id": side.encoded(traces.experiment), "max_timestamp_millis": M + 200, "max_traces": 2}

    answers = traces.both("POST", "/api/2.0/mlflow/traces/delete-traces", delete)
    assert [answer.body for answer in answers] == [{"traces_deleted": 2}] * 2
    theirs, ours = map(traces.letters, traces.search())
    assert theirs == ours


def test_traces_and_assessments_are_measured_alike(traces):
    for asked in MEASURES:
        answers = traces.both("POST", f"{TRACES}/metrics", lambda side: {"experiment_ids": [side.encoded(traces.experiment)], **asked})
        theirs, ours = (rounded(answer.body.get("data_points", [])) for answer in answers)
        assert theirs == ours, asked


def rounded(value):
    """JSON with each number rounded, since sums of floats depend on their order."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 9) if isinstance(value, float) else value


def test_both_refuse_the_same_measures(traces):
    good = {"view_type": "TRACES", "metric_name": "latency", "aggregations": [{"aggregation_type": "AVG"}]}
    for wrong in MEASURES_REFUSED:
        body = {**good, **wrong}
        theirs, ours = traces.both("POST", f"{TRACES}/metrics", lambda side: {"experiment_ids": [side.encoded(traces.experiment)], **body})
        # MLflow calls some of them BAD_REQUEST.
        assert (theirs.status, ours.status, ours.error_code) == (400, 400, "INVALID_PARAMETER_VALUE"), wrong


def test_two_filters_are_correlated_alike(traces):
    for one, two, base in CORRELATED:
        asked = {"filter_string1": one, "filter_string2": two} | ({"base_filter": base} if base else {})
        path = f"{TRACES}/calculate-filter-correlation"
        answers = traces.both("POST", path, lambda side: {"experiment_ids": [side.encoded(traces.experiment)], **asked})
        theirs, ours = (rounded(answer.body) for answer in answers)
        assert theirs == ours, asked
