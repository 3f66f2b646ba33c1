"""Random sequences of changes. Each answer is compared, and then all stored data."""

import pytest
from chance import SEED, chance

SEQUENCES, STEPS = 8, 60
KEYS = ["a", "b", "mlflow.runName", "val/loss"]
VALUES = ["", "1", "2", "ü"]


class Sequence:
    """A few experiments and runs that are changed at random."""

    def __init__(self, pair, number):
        self.pair, self.number, self.random = pair, number, chance("sequence", number)
        self.experiments, self.runs = [], []
        self.create_experiment()
        self.create_run(self.experiments[0])

    def name(self) -> str:
        """One of a few names, so that some are taken."""
        return f"sequence {self.number} {self.random.randrange(6)}"

    def experiment(self) -> str:
        return self.random.choice([*self.experiments, "999999"] if self.random.random() < 0.2 else self.experiments)

    def run(self) -> str:
        return self.random.choice([*self.runs, "0" * 32] if self.random.random() < 0.1 else self.runs)

    def create_experiment(self):
        made = f"sequence {self.number} e{len(self.experiments)}"
        tags = [{"key": self.random.choice("tu"), "value": self.random.choice(VALUES)}]
        if self.pair.post("experiments/create", {"name": self.name(), "tags": tags}, saves=made).ok:
            self.experiments.append(f"<<{made}>>")

    def rename_experiment(self):
        self.pair.post("experiments/update", {"experiment_id": self.experiment(), "new_name": self.name()})

    def delete_experiment(self):
        self.pair.post("experiments/delete", {"experiment_id": self.experiment()})

    def restore_experiment(self):
        self.pair.post("experiments/restore", {"experiment_id": self.experiment()})

    def tag_experiment(self):
        body = {"experiment_id": self.experiment(), "key": self.random.choice("tu"), "value": self.random.choice(VALUES)}
        self.pair.post("experiments/set-experiment-tag", body)

    def untag_experiment(self):
        self.pair.post("experiments/delete-experiment-tag", {"experiment_id": self.experiment(), "key": self.random.choice("tu")})

    def create_run(self, experiment=None):
        made = f"sequence {self.number} r{len(self.runs)}"
        body = {"experiment_id": experiment or self.experiment(), "start_time": 1000 + len(self.runs), "run_name": self.random.choice(["x", "y", ""])}
        if self.random.random() < 0.3:
            body["tags"] = [{"key": self.random.choice("ab"), "value": self.random.choice(VALUES)}]
        if self.pair.post("runs/create", body, saves=made).ok:
            self.runs.append(f"<<{made}>>")

    def update_run(self):
        body = {"run_id": self.run(), "status": self.random.choice(["RUNNING", "FINISHED", "FAILED", None])}
        body |= {"end_time": self.random.choice([None, 1, 5000]), "run_name": self.random.choice([None, "", "new", "ü"])}
        self.pair.post("runs/update", body)

    def delete_run(self):
        self.pair.post("runs/delete", {"run_id": self.run()})

    def restore_run(self):
        self.pair.post("runs/restore", {"run_id": self.run()})

    def point(self) -> dict:
        value = self.random.choice([0, 1, -1, 0.5, "NaN", "Infinity", "-Infinity"])
        return {"key": self.random.choice(KEYS), "value": value, "timestamp": self.random.randrange(4), "step": self.random.randrange(-1, 3)}

    def item(self) -> dict:
        return {"key": self.random.choice(KEYS), "value": self.random.choice(VALUES)}

    def log_metric(self):
        self.pair.post("runs/log-metric", {"run_id": self.run(), **self.point()})

    def log_param(self):
        self.pair.post("runs/log-parameter", {"run_id": self.run(), **self.item()})

    def set_tag(self):
        self.pair.post("runs/set-tag", {"run_id": self.run(), **self.item()})

    def delete_tag(self):
        self.pair.post("runs/delete-tag", {"run_id": self.run(), "key": self.random.choice(KEYS)})

    def log_batch(self):
        some = lambda make: [make() for _ in range(self.random.randrange(6))]
        body = {"run_id": self.run(), "metrics": some(self.point), "params": some(self.item)[:2], "tags": some(self.item)}
        self.pair.post("runs/log-batch", body)

    def log_inputs(self):
        contexts = [[], [{"key": "mlflow.data.context", "value": self.random.choice(["train", "eval"])}]]
        dataset = {"name": self.random.choice("de"), "digest": "1", "source_type": "local", "source": self.random.choice(VALUES[1:])}
        body = {"run_id": self.run(), "datasets": [{"dataset": dataset, "tags": self.random.choice(contexts)}]}
        self.pair.post("runs/log-inputs", body)

    def step(self):
        rare = [self.create_experiment, self.rename_experiment, self.delete_experiment, self.restore_experiment, self.restore_experiment]
        often = [
            self.create_run, self.create_run, self.update_run, self.delete_run, self.restore_run, self.log_metric, self.log_param,
            self.set_tag, self.delete_tag, self.log_batch, self.log_batch, self.log_inputs, self.tag_experiment, self.untag_experiment,
        ]
        self.random.choice([*rare, *often, *often])()

    def compare_all(self):
        """Compares all stored data: experiments, runs, histories, datasets."""
        names = f"name LIKE 'sequence {self.number} %'"
        for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL"):
            self.pair.post("experiments/search", {"max_results": 1000, "view_type": view, "filter": names, "order_by": ["name"]})
            self.pair.post("runs/search", {"experiment_ids": self.experiments, "run_view_type": view})
        self.pair.post("experiments/search-datasets", {"experiment_ids": self.experiments[:20]}, ajax=True)
        for key in KEYS:
            runs = [("run_ids", run) for run in self.runs[:100]]
            self.pair.get("metrics/get-history-bulk-interval", [*runs, ("metric_key", key)], ajax=True)


@pytest.mark.parametrize("number", range(SEQUENCES), ids=lambda number: f"seed {SEED}, {number}")
def test_a_sequence_of_changes(pair, number):
    sequence = Sequence(pair, number)
    for _ in range(STEPS):
        sequence.step()
    sequence.compare_all()
