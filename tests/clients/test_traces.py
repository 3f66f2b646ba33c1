"""Programs with traces. mlforge does not store traces."""

import mlflow
import pytest


# Earlier clients have no traces.
@pytest.mark.since(2, 22)
def test_a_traced_function_returns_its_result(project, unique):
    mlflow.set_experiment(unique("traced"))

    @mlflow.trace
    def twice(number):
        with mlflow.start_span("inside"):
            return 2 * number

    with mlflow.start_run() as run:
        assert [twice(number) for number in range(3)] == [0, 2, 4]
        mlflow.flush_trace_async_logging()
        mlflow.log_metric("after", 1.0)
    assert mlflow.get_run(run.info.run_id).data.metrics == {"after": 1.0}
