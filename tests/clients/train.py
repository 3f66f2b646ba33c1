"""A training script as a user writes it: `import mlflow`, and two environment variables set outside.

It fits a line by gradient descent. It prints the created ids and values as JSON, so that the test can read
them back.
"""

import json
import sys
import time

import mlflow
from mlflow.entities import Metric, Param, RunTag

EPOCHS = 250
POINTS = [(x / 10, 3 * (x / 10) - 1) for x in range(20)]


def loss_and_gradients(weight, bias):
    errors = [weight * x + bias - y for x, y in POINTS]
    loss = sum(error * error for error in errors) / len(POINTS)
    return loss, 2 * sum(e * x for e, (x, _) in zip(errors, POINTS)) / len(POINTS), 2 * sum(errors) / len(POINTS)


def train(rate):
    """Logs 500 points by log_metrics (two metrics an epoch), then 500 by log_batch."""
    weight, bias, history = 0.0, 0.0, []
    for epoch in range(EPOCHS):
        loss, by_weight, by_bias = loss_and_gradients(weight, bias)
        weight, bias = weight - rate * by_weight, bias - rate * by_bias
        mlflow.log_metrics({"loss": loss, "weight": weight}, step=epoch)
        history += [("bias", bias, epoch), ("gradient/weight", by_weight, epoch)]
    run_id, now = mlflow.active_run().info.run_id, int(time.time() * 1000)
    client = mlflow.MlflowClient()
    for start in range(0, len(history), 100):
        points = [Metric(key, value, now, step) for key, value, step in history[start : start + 100]]
        client.log_batch(run_id, metrics=points, params=[Param(f"batch {start}", "100")], tags=[RunTag("batches", str(start))])
    return weight, bias


def main(experiment_name):
    made = {}
    made["experiment"] = mlflow.set_experiment(experiment_name).experiment_id

    with mlflow.start_run(run_name="sweep") as parent:
        made["parent"] = parent.info.run_id
        mlflow.log_param("rates", "0.1, 0.2")
        mlflow.set_tag("team", "línea")
        made["children"] = []
        for rate in (0.1, 0.2):
            with mlflow.start_run(run_name=f"rate {rate}", nested=True) as child:
                made["children"].append(child.info.run_id)
                mlflow.log_params({"rate": rate, "epochs": EPOCHS})
                mlflow.set_tags({"kind": "child", "rate/10": str(rate / 10)})
                weight, bias = train(rate)
                mlflow.log_metric("final weight", weight)

    with mlflow.start_run() as unnamed:
        made["unnamed"] = unnamed.info.run_id

    with mlflow.start_run(run_id=made["unnamed"]) as resumed:
        assert resumed.info.run_id == made["unnamed"]
        mlflow.log_metric("after resume", 1.0)
        mlflow.set_tag("temporary", "yes")
        mlflow.delete_tag("temporary")

    try:
        with mlflow.start_run(run_name="diverges") as failed:
            made["failed"] = failed.info.run_id
            raise ArithmeticError("the loss is not finite")
    except ArithmeticError:
        pass

    found = mlflow.search_runs(
        experiment_ids=[made["experiment"]],
        filter_string="tags.kind = 'child' and metrics.loss < 0.1",
        order_by=["metrics.loss ASC"],
        output_format="list",
    )
    made["best first"] = [run.info.run_id for run in found]
    print(json.dumps(made))


if __name__ == "__main__":
    main(sys.argv[1])
