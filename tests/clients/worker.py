"""One of several processes that log at once: `worker.py NUMBER RUN EXPERIMENT`. It starts when it reads a
line.
"""

import sys

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

SINGLES, BATCHES, BATCH, RUNS = 20, 10, 10, 5
POINTS = SINGLES + BATCHES * BATCH


def main(number, shared, experiment):
    client = MlflowClient()
    print("ready", flush=True)
    sys.stdin.readline()
    for step in range(SINGLES):
        client.log_metric(shared, f"own/{number}", step, timestamp=1000 + step, step=step)
        client.log_metric(shared, "shared", number * 1000 + step, timestamp=1000, step=number * POINTS + step)
        client.log_param(shared, f"p{number}/{step}", step)
        client.set_tag(shared, f"t{number}/{step}", str(step))
        client.set_tag(shared, "last", str(number))
    client.log_param(shared, "same for all", "yes")
    for batch in range(BATCHES):
        steps = range(SINGLES + batch * BATCH, SINGLES + (batch + 1) * BATCH)
        client.log_batch(
            shared,
            metrics=[Metric(f"own/{number}", float(step), 1000 + step, step) for step in steps]
            + [Metric("shared", float(number * 1000 + step), 1000, number * POINTS + step) for step in steps],
            params=[Param(f"batch{number}/{batch}", str(batch))],
            tags=[RunTag(f"batch tag {number}/{batch}", str(batch))],
        )
    for run in range(RUNS):
        made = client.create_run(experiment, run_name=f"{number}-{run}").info.run_id
        client.log_batch(made, metrics=[Metric("m", float(step), 1000, step) for step in range(50)])
        client.log_param(made, "worker", number)
        client.set_terminated(made)
    print("done", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
