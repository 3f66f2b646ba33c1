"""A service that continues the trace of its caller: `traced_callee.py EXPERIMENT HEADERS`."""

import json
import sys

import mlflow
from mlflow.tracing import set_tracing_context_from_http_request_headers

mlflow.set_experiment(experiment_id=sys.argv[1])
with set_tracing_context_from_http_request_headers(json.loads(sys.argv[2])):
    with mlflow.start_span("callee") as span:
        span.set_attribute("answer", 42)
        with mlflow.start_span("inside"):
            pass
mlflow.flush_trace_async_logging()
