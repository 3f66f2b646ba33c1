"""The server is killed while it writes, again and again: nothing acknowledged is lost, nothing is half there.

A failing round is repeated with MLFORGE_CRASH_SEED set to the seed that it printed.
"""

import os
import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from crash_load import SECONDS_MAX, Api, Load, check
from server import Server

pytestmark = [pytest.mark.forge, pytest.mark.once]

ROUNDS = 20
# Acknowledged writes before the kill, at least and at most.
KILL_AFTER_MIN, KILL_AFTER_MAX = 1, 300


def test_no_acknowledged_write_is_lost_in_a_crash(tmp_path):
    seed = int(os.environ.get("MLFORGE_CRASH_SEED") or random.SystemRandom().getrandbits(32))
    print(f"MLFORGE_CRASH_SEED={seed}")
    rng = random.Random(seed)
    data = tmp_path / "data"

    server = Server(data)
    try:
        project = server.new_project("team/crash")
        experiment = Api(server.port, project.number, project.token).post("experiments/create", name="crash")
        everything = {}
        for number in range(ROUNDS):
            kill_after = rng.randint(KILL_AFTER_MIN, KILL_AFTER_MAX)
            arguments = (server.port, project.number, project.token, experiment["experiment_id"], rng, kill_after)
            load = crash_once(server, Load(*arguments))
            print(f"round {number}: killed after {load.acknowledged} writes (asked for {kill_after})")
            check_integrity(copy_of(data, tmp_path / "copy"))

            server = Server(data)
            check(Api(server.port, project.number, project.token), load.runs, rng)
            check_integrity(data)
            everything.update(load.runs)
        check(Api(server.port, project.number, project.token), everything, rng)
        server.stop()
    finally:
        server.kill()


def crash_once(server, load):
    """Kills the server when enough was written, while more is under way."""
    reached = load.reached.wait(SECONDS_MAX)
    server.kill()
    load.join()
    assert reached, f"only {load.acknowledged} of {load.kill_after} writes in {SECONDS_MAX} s:\n{server.stderr()}"
    assert not load.errors, f"{load.errors}\n{server.stderr()}"
    assert load.acknowledged >= load.kill_after, f"the server died by itself:\n{server.stderr()}"
    return load


def copy_of(data, copy):
    """What the crash left, to be looked at without being repaired: the next start must do that by itself."""
    shutil.rmtree(copy, ignore_errors=True)
    return shutil.copytree(data, copy, ignore=shutil.ignore_patterns("cache"))


def check_integrity(data):
    databases = sorted(data.rglob("*.db"))
    assert databases, "there is no database in the data directory"
    for database in databases:
        with closing(sqlite3.connect(database, timeout=SECONDS_MAX)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], database
