"""Reads the traces of an experiment with a client of MLflow 2, and prints them as JSON: `traced_reader.py EXPERIMENT`."""

import json
import sys

from mlflow import MlflowClient

read = []
for trace in MlflowClient().search_traces([sys.argv[1]]):
    root, *others = trace.data.spans
    attributes = {key: value for span in others for key, value in span.attributes.items()}
    spans = [span.name for span in trace.data.spans]
    read.append({"name": root.name, "inputs": root.inputs, "outputs": root.outputs, "spans": spans, "k": attributes.get("k")})
print(json.dumps(read))
