"""Traces from elsewhere than this process: autologging of a library, a callee in another process, the SDK of OpenTelemetry, and
another version of the client."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

pytestmark = [pytest.mark.since(3, 4), pytest.mark.once]

HERE = Path(__file__).parent
SECONDS_MAX = 120


@pytest.fixture(autouse=True)
def experiment(project, unique):
    """An experiment of the test's own."""
    mlflow.tracing.reset()
    return mlflow.set_experiment(unique("traced")).experiment_id


def run(script: str, *arguments: str, python=sys.executable, **variables: str) -> str:
    """The output of a script beside this file, run by another process with the server and token of this test."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(), **variables}
    done = subprocess.run(
        [python, str(HERE / script), *arguments], env=environment, capture_output=True, text=True, timeout=SECONDS_MAX
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def found(client, experiment):
    """The traces of an experiment by their names."""
    return {trace.info.tags.get("mlflow.traceName"): trace for trace in client.search_traces(locations=[experiment])}


def test_calls_of_a_library_that_looks_like_openai_are_traced(client, experiment):
    run("traced_openai.py", experiment, PYTHONPATH=str(HERE / "stand_in"))
    traces = found(client, experiment)
    chat = traces["Completions"]
    (span,) = chat.data.spans
    assert span.span_type == "CHAT_MODEL"
    assert span.inputs["messages"][0] == {"role": "user", "content": "Where is Berlin?"}
    assert span.outputs["choices"][0]["message"]["content"] == "In Germany."
    assert chat.info.token_usage == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    assert (chat.info.request_preview, chat.info.response_preview) == ("Where is Berlin?", "In Germany.")
    assert str(traces["Embeddings"].info.state).endswith("ERROR")


def test_a_callee_in_another_process_adds_its_spans_to_the_trace(client, experiment):
    from mlflow.tracing import get_tracing_context_headers_for_http_request

    with mlflow.start_span("caller"):
        headers = get_tracing_context_headers_for_http_request()
        # A client that ends does not flush the spans of traces that began elsewhere, unless it sends each at once.
        run("traced_callee.py", experiment, json.dumps(headers), MLFLOW_ENABLE_ASYNC_TRACE_LOGGING="false")
    mlflow.flush_trace_async_logging()
    (trace,) = client.search_traces(locations=[experiment])
    caller, callee, inside = trace.data.spans
    assert (caller.name, callee.name, inside.name) == ("caller", "callee", "inside")
    assert (callee.parent_id, inside.parent_id) == (caller.span_id, callee.span_id)
    assert callee.attributes["answer"] == 42


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_sdk_of_opentelemetry_needs_only_an_address_and_two_headers(client, experiment, project, compression):
    run(
        "traced_otel.py",
        OTEL_EXPORTER_OTLP_ENDPOINT=mlflow.get_tracking_uri(),
        OTEL_EXPORTER_OTLP_HEADERS=f"x-mlflow-experiment-id={experiment},authorization=Bearer%20{project.token}",
        OTEL_EXPORTER_OTLP_COMPRESSION=compression,
    )
    traces = found(client, experiment)
    trace = traces["GET /answer"]
    root, child = trace.data.spans
    assert (root.name, child.name, child.parent_id) == ("GET /answer", "query", root.span_id)
    assert trace.info.tags["service.name"] == "shop"
    assert (child.inputs, child.outputs) == ({"q": "x"}, "y")
    assert child.events[0].name == "exception"
    assert str(trace.info.state).endswith("OK")


def test_a_client_of_mlflow_2_reads_traces_of_mlflow_3(client, experiment):
    @mlflow.trace(span_type="CHAIN")
    def outer(question):
        with mlflow.start_span("inner") as span:
            span.set_attributes({"k": [1, "a"]})
        return question.upper()

    outer("hé")
    mlflow.flush_trace_async_logging()
    old = Path(sys.executable).parents[2] / "2.22" / "bin" / "python"
    read = json.loads(run("traced_reader.py", experiment, python=old, SETUPTOOLS_USE_DISTUTILS="stdlib"))
    assert read == [{"name": "outer", "inputs": {"question": "hé"}, "outputs": "HÉ", "spans": ["outer", "inner"], "k": [1, "a"]}]
