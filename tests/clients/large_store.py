"""Makes a large SQLite store of MLflow, to measure `mlforge import`.

    python tests/clients/large_store.py --runs 100000 --points 100 large.db
    mlforge project create team/large
    time mlforge import --from large.db --project team/large

MLflow itself makes the tables. The rows are written without it, since its own logging would take hours.
"""

import argparse
import random
import sqlite3
import uuid
from pathlib import Path

METRICS = 2
PARAMS = 5
START_MS = 1_600_000_000_000
# Number of runs whose rows are written together.
RUNS_AT_ONCE = 1_000


def make(path: Path, runs: int, points: int):
    """Makes the store: each run has so many points, of two metrics, and five params and three tags."""
    from mlflow import MlflowClient

    experiment = MlflowClient(f"sqlite:///{path}").create_experiment("large")
    dice = random.Random(1)
    database = sqlite3.connect(path)
    for first in range(0, runs, RUNS_AT_ONCE):
        numbers = range(first, min(first + RUNS_AT_ONCE, runs))
        ids = {number: uuid.UUID(int=dice.getrandbits(128)).hex for number in numbers}
        write(database, experiment, ids, points, dice)
    database.close()


def write(database, experiment, ids, points, dice):
    """Writes some runs in one transaction."""
    run_columns = "run_uuid, name, source_type, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id"
    metrics, latest = [], []
    for run in ids.values():
        for metric in range(METRICS):
            values = [(f"metric {metric}", 1 / (step + 1 + dice.random()), START_MS + step, step, run) for step in range(points // METRICS)]
            metrics.extend(values)
            latest.extend(values[-1:])
    with database:
        database.executemany(
            f"INSERT INTO runs ({run_columns}) VALUES (?, ?, 'LOCAL', 'ada', 'FINISHED', ?, ?, 'active', ?, ?)",
            [
                (run, f"run {number}", START_MS + number, START_MS + number + 500, f"mlflow-artifacts:/{experiment}/{run}/artifacts", experiment)
                for number, run in ids.items()
            ],
        )
        for table, rows in (("metrics", metrics), ("latest_metrics", latest)):
            columns = "key, value, timestamp, step, run_uuid, is_nan"
            database.executemany(f"INSERT INTO {table} ({columns}) VALUES (?, ?, ?, ?, ?, 0)", rows)
        params = [(f"param {param}", str(dice.randrange(100)), run) for run in ids.values() for param in range(PARAMS)]
        database.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", params)
        tags = [
            (key, value, run)
            for number, run in ids.items()
            for key, value in (("mlflow.runName", f"run {number}"), ("mlflow.user", "ada"), ("team", f"team {number % 7}"))
        ]
        database.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", tags)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("path", type=Path)
    arguments = parser.parse_args()
    make(arguments.path, arguments.runs, arguments.points)
