"""Programs with traces: the twelve kinds of calls that everybody makes of them."""

import asyncio
import time

import mlflow
import pytest

# Earlier clients have no traces.
pytestmark = pytest.mark.since(2, 22)

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3


@pytest.fixture(autouse=True)
def experiment(project, unique):
    """An experiment of the test's own, and no trace of another test."""
    # The exporter of 2.22 keeps the address of the server that it was made for.
    mlflow.tracing.reset()
    identity = mlflow.set_experiment(unique("traced")).experiment_id
    yield identity
    flush()


def flush():
    """Waits until all traces are exported."""
    mlflow.flush_trace_async_logging()


def traces(client, experiment, **more):
    """All traces of an experiment that a filter finds."""
    flush()
    return list(client.search_traces(experiment_ids=[experiment], **more))


def only(client, experiment, **more):
    found = traces(client, experiment, **more)
    assert len(found) == 1
    return found[0]


def name(trace):
    return trace.info.tags["mlflow.traceName"]


def trace_id(trace):
    return trace.info.trace_id if IS_3 else trace.info.request_id


def state(trace):
    return str(trace.info.state if IS_3 else trace.info.status).split(".")[-1]


def test_a_traced_function_returns_its_result(experiment):
    @mlflow.trace
    def twice(number):
        with mlflow.start_span("inside"):
            return 2 * number

    with mlflow.start_run() as run:
        assert [twice(number) for number in range(3)] == [0, 2, 4]
        flush()
        mlflow.log_metric("after", 1.0)
    assert mlflow.get_run(run.info.run_id).data.metrics == {"after": 1.0}


def test_nested_spans_come_back_with_inputs_outputs_and_attributes(client, experiment):
    @mlflow.trace
    def inner(text):
        return text.upper()

    @mlflow.trace(span_type="CHAIN", attributes={"k": [1, "a"]})
    def outer(q):
        return inner(q) + "!"

    assert outer("hé") == "HÉ!"
    trace = only(client, experiment)
    root, child = trace.data.spans
    assert (root.name, child.name, child.parent_id) == ("outer", "inner", root.span_id)
    assert (root.inputs, root.outputs, root.span_type) == ({"q": "hé"}, "HÉ!", "CHAIN")
    assert root.attributes["k"] == [1, "a"]
    assert (state(trace), name(trace)) == ("OK", "outer")
    assert client.get_trace(trace_id(trace)).data.spans[1].outputs == "HÉ"


def test_an_exception_reaches_the_caller_and_the_trace(client, experiment):
    @mlflow.trace
    def broken():
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        broken()
    trace = only(client, experiment)
    root = trace.data.spans[0]
    assert (state(trace), root.status.status_code.name) == ("ERROR", "ERROR")
    assert root.events[0].attributes["exception.type"] == "ValueError"


def test_coroutines_and_threads_are_traced(client, experiment):
    from concurrent.futures import ThreadPoolExecutor

    @mlflow.trace
    async def later(number):
        await asyncio.sleep(0)
        return number

    @mlflow.trace
    def now(number):
        return number

    assert asyncio.run(later(7)) == 7
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(now, range(8))) == list(range(8))
    found = traces(client, experiment)
    assert sorted(name(trace) for trace in found) == ["later"] + ["now"] * 8


@pytest.mark.since(3, 0)
def test_a_generator_is_traced_with_all_its_items(client, experiment):
    @mlflow.trace
    def count(limit):
        yield from range(limit)

    assert list(count(3)) == [0, 1, 2]
    root = only(client, experiment).data.spans[0]
    assert (root.outputs, root.events[-1].name) == ([0, 1, 2], "mlflow.chunk.item.2")


def test_large_inputs_come_back_whole(client, experiment):
    with mlflow.start_span("large") as span:
        span.set_inputs({"t": "x" * 1_000_000})
    trace = only(client, experiment)
    assert trace.data.spans[0].inputs == {"t": "x" * 1_000_000}


def test_traces_of_a_run_and_tags_are_found(client, experiment):
    with mlflow.start_run() as run:
        with mlflow.start_span("in a run"):
            mlflow.update_current_trace(tags={"team": "x"})
    with mlflow.start_span("elsewhere"):
        pass
    trace = only(client, experiment, run_id=run.info.run_id)
    client.set_trace_tag(trace_id(trace), "team", "y")
    client.set_trace_tag(trace_id(trace), "z", "1")
    client.delete_trace_tag(trace_id(trace), "z")
    tags = client.get_trace(trace_id(trace)).info.tags
    assert (tags["team"], tags.get("z")) == ("y", None)
    assert len(traces(client, experiment, filter_string="tags.team = 'y'")) == 1


def test_traces_are_paged_and_deleted_from_the_oldest(client, experiment):
    for number in range(5):
        with mlflow.start_span(f"p{number}"):
            time.sleep(0.002)
    flush()
    order, names, token = ["timestamp_ms ASC"], [], None
    while True:
        page = client.search_traces(experiment_ids=[experiment], order_by=order, max_results=2, page_token=token)
        names.append([name(trace) for trace in page])
        token = page.token
        if not token:
            break
    assert names == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    by_name = {name(trace): trace for trace in traces(client, experiment)}
    ids = [trace_id(by_name["p4"]), "unknown"]
    deleted = client.delete_traces(experiment, **{"trace_ids" if IS_3 else "request_ids": ids})
    assert deleted == 1
    until = by_name["p1"].info.timestamp_ms
    assert client.delete_traces(experiment, max_timestamp_millis=until, max_traces=1) == 1
    assert sorted(name(trace) for trace in traces(client, experiment)) == ["p1", "p2", "p3"]


@pytest.mark.since(3, 2)
def test_feedback_and_expectations_are_logged_overridden_and_found(client, experiment):
    with mlflow.start_span("judged"):
        mlflow.update_current_trace(metadata={"mlflow.trace.session": "S9"})
    identity = trace_id(only(client, experiment))
    old = mlflow.log_feedback(trace_id=identity, name="q", value=0.25)
    mlflow.log_expectation(trace_id=identity, name="want", value={"x": [1]})
    new = mlflow.override_feedback(trace_id=identity, assessment_id=old.assessment_id, value=0.75)
    judged = {one.assessment_id: one for one in mlflow.get_trace(identity).info.assessments}
    assert (judged[old.assessment_id].valid, judged[new.assessment_id].overrides) == (False, old.assessment_id)
    for condition, count in [
        ("feedback.q > 0.5", 1),
        ("feedback.q < 0.5", 0),
        ("metadata.`mlflow.trace.session` = 'S9'", 1),
    ]:
        assert len(traces(client, experiment, filter_string=condition)) == count, condition
    mlflow.delete_assessment(trace_id=identity, assessment_id=new.assessment_id)
    judged = {one.assessment_id: one for one in mlflow.get_trace(identity).info.assessments}
    assert judged[old.assessment_id].valid
    assert judged and "want" in {one.name for one in judged.values()}


@pytest.mark.since(3, 2)
def test_a_prompt_that_a_span_loads_is_linked(client, experiment, unique):
    prompt = unique("prompt").replace(" ", "-")
    mlflow.genai.register_prompt(prompt, "Hi {{n}}")
    with mlflow.start_span("prompted"):
        mlflow.genai.load_prompt(f"prompts:/{prompt}/1")
    identity = trace_id(only(client, experiment))
    # The client links prompts in a thread that nothing waits for.
    for _ in range(100):
        if traces(client, experiment, filter_string=f"prompt = '{prompt}/1'"):
            return
        time.sleep(0.1)
    pytest.fail(f"{identity} is not linked")


@pytest.mark.since(3, 4)
def test_the_client_sends_spans_and_not_files(client, experiment):
    with mlflow.start_span("spans"):
        pass
    trace = only(client, experiment)
    tags = client.get_trace(trace_id(trace)).info.tags
    assert tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
