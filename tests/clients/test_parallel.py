"""Eight processes log into one run, and into many, at once. No write is lost, doubled or refused."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from worker import BATCHES, POINTS, RUNS, SINGLES

WORKERS = 8
SECONDS_MAX = 180
SCRIPT = Path(__file__).with_name("worker.py")


def test_parallel_writes_are_all_kept_once(project, client, experiment, run):
    many = client.create_experiment(client.get_experiment(experiment).name + " (many runs)")
    work(run, many)
    check_shared_run(client, run)
    check_many_runs(client, many)


def work(run, experiment):
    """Starts all workers, then lets them begin together. Each must succeed, and no retry hides an error."""
    with ExitStack() as stack:
        workers = []
        for number in range(WORKERS):
            command = [sys.executable, str(SCRIPT), str(number), run, experiment]
            pipe = subprocess.PIPE
            worker = subprocess.Popen(command, env=os.environ, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
            stack.callback(worker.kill)
            workers.append(worker)
        said = [worker.stdout.readline() for worker in workers]
        if said != ["ready\n"] * WORKERS:
            raise AssertionError([line + worker.communicate(timeout=SECONDS_MAX)[0] for line, worker in zip(said, workers)])
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        outputs = [worker.communicate(timeout=SECONDS_MAX)[0] for worker in workers]
        assert [worker.returncode for worker in workers] == [0] * WORKERS, "\n".join(outputs)


def check_shared_run(client, run):
    data = client.get_run(run).data
    for number in range(WORKERS):
        history = client.get_metric_history(run, f"own/{number}")
        assert sorted((p.step, p.value, p.timestamp) for p in history) == [
            (step, float(step), 1000 + step) for step in range(POINTS)
        ]
        assert data.metrics[f"own/{number}"] == POINTS - 1
    shared = client.get_metric_history(run, "shared")
    expected = [(n * POINTS + s, float(n * 1000 + s)) for n in range(WORKERS) for s in range(POINTS)]
    assert sorted((p.step, p.value) for p in shared) == expected
    assert data.metrics["shared"] == expected[-1][1]

    params = {f"p{n}/{s}": str(s) for n in range(WORKERS) for s in range(SINGLES)}
    params.update({f"batch{n}/{b}": str(b) for n in range(WORKERS) for b in range(BATCHES)})
    assert data.params == {"same for all": "yes", **params}
    tags = {f"t{n}/{s}": str(s) for n in range(WORKERS) for s in range(SINGLES)}
    tags.update({f"batch tag {n}/{b}": str(b) for n in range(WORKERS) for b in range(BATCHES)})
    assert {key: data.tags.get(key) for key in tags} == tags
    assert data.tags["last"] in {str(number) for number in range(WORKERS)}


def check_many_runs(client, experiment):
    runs = client.search_runs([experiment], max_results=1000)
    names = [f"{number}-{run}" for number in range(WORKERS) for run in range(RUNS)]
    assert sorted(run.info.run_name for run in runs) == sorted(names)
    for run in runs:
        assert run.info.status == "FINISHED"
        assert (run.data.metrics, run.data.params) == ({"m": 49.0}, {"worker": run.info.run_name.partition("-")[0]})
        assert [p.step for p in client.get_metric_history(run.info.run_id, "m")] == list(range(50))
