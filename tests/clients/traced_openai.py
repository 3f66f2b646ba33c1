"""An application with a library that looks like OpenAI's: `traced_openai.py EXPERIMENT`."""

import sys

import mlflow
import openai

mlflow.set_experiment(experiment_id=sys.argv[1])
mlflow.openai.autolog()
client = openai.OpenAI()
answer = client.chat.completions.create(model="small", messages=[{"role": "user", "content": "Where is Berlin?"}], temperature=0.1)
assert answer.choices[0].message.content == "In Germany."
try:
    client.embeddings.create(model="small", input="text")
except RuntimeError:
    pass
mlflow.flush_trace_async_logging()
