"""Fixtures: both servers, once a session; experiments and runs on both."""

import itertools

import pytest
from pair import Pair
from server import Server
from upstream import Upstream
from wire import Connection, to_file, to_port


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """MLflow's server and mlforge, both fresh. At the end mlforge must stop within its time limit."""
    theirs = Upstream()
    ours = None
    try:
        ours = Server(tmp_path_factory.mktemp("mlforge") / "data")
        project = ours.new_project("team/differential")
        theirs.wait()
        connections = (
            Connection(to_file(theirs.socket)),
            Connection(
                to_port(ours.port),
                project.uri.removeprefix(ours.base),
                {"Authorization": f"Bearer {project.token}"},
            ),
        )
        yield Pair(*connections)
        for connection in connections:
            connection.close()
    finally:
        theirs.stop()
        if ours:
            ours.stop()


_numbers = itertools.count(1)


@pytest.fixture
def experiment(pair):
    """The placeholder of the id of a fresh experiment."""
    return new_experiment(pair)


def new_experiment(pair, **more) -> str:
    """Makes an experiment on both servers; returns the placeholder of its id."""
    name = f"e{next(_numbers)}"
    pair.post("experiments/create", {"name": f"experiment {name}", **more}, saves=name)
    return f"<<{name}>>"


def new_run(pair, experiment: str, **more) -> str:
    """Makes a run on both servers; returns the placeholder of its id."""
    name = f"r{next(_numbers)}"
    pair.post("runs/create", {"experiment_id": experiment, "run_name": f"run {name}", **more}, saves=name)
    return f"<<{name}>>"
