"""The command line of mlforge, and the effects of its commands on a running server."""

import http.client
import json
import re
import time
from datetime import datetime, timedelta, timezone

import pytest
import requests

from server import Cli, Server

pytestmark = [pytest.mark.forge, pytest.mark.once]

SECONDS_MAX = 30


@pytest.fixture
def cli(tmp_path):
    """The command line on a data directory without a server."""
    return Cli(tmp_path / "data")


def search(server, project, token):
    """The status and the error code of a search for experiments, sent as raw HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS_MAX)
    try:
        body = json.dumps({"max_results": 5})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        path = f"/api/v4/projects/{project}/ml/mlflow/api/2.0/mlflow/experiments/search"
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()).get("error_code")
    finally:
        connection.close()


def test_the_first_start_prints_two_exports_and_later_ones_a_hint(tmp_path):
    first = Server(tmp_path / "data")
    assert set(first.exports) == {"MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v4/projects/\d+/ml/mlflow", first.exports["MLFLOW_TRACKING_URI"])
    token, project = first.exports["MLFLOW_TRACKING_TOKEN"], first.exports["MLFLOW_TRACKING_URI"].split("/")[-3]
    assert search(first, project, token) == (200, None)
    first.stop()
    assert token not in first.stderr()

    second = Server(tmp_path / "data")
    assert set(second.exports) == {"MLFLOW_TRACKING_URI"}
    assert second.lines[1].startswith("#") and "mlforge token create" in second.lines[1]
    assert search(second, project, token) == (200, None)
    second.stop()


def memory_kib(server):
    """The resident memory of a server."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def test_the_first_start_releases_the_memory_of_compilation(tmp_path):
    first = Server(tmp_path / "data")
    compiled = memory_kib(first)
    first.stop()
    second = Server(tmp_path / "data")
    assert compiled < 1.5 * memory_kib(second)
    second.stop()


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["sevre"],
        ["serve", "--listen", "nowhere"],
        ["serve", "--unknown"],
        ["project"],
        ["project", "create"],
        ["member", "set", "team/model", "ada", "emperor"],
        ["token", "create"],
        ["token", "create", "--user", "ada", "--scope", "everything"],
        ["token", "create", "--user", "ada", "--expires", "tomorrow"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_reported_in_one_line(cli, args):
    done = cli.try_(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("mlforge: ")


@pytest.mark.parametrize(
    "args",
    [
        ["member", "set", "no/such/project", "ada", "developer"],
        ["token", "create", "--user", "nobody"],
        ["token", "revoke", "12345"],
        ["project", "create", "not a path"],
    ],
    ids=" ".join,
)
def test_a_failed_command_is_reported_in_one_line(cli, args):
    cli("user", "create", "ada")
    done = cli.try_(*args)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("mlforge: ")


@pytest.mark.parametrize("command", [[], ["serve"], ["member", "set"], ["token", "create"]], ids=" ".join)
def test_help_shows_examples(cli, command):
    done = cli.try_(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mlforge " in done.stdout
    assert "xample" in done.stdout


def test_lists_show_changes_while_the_server_runs(server):
    project = server.new_project("lists/shown")
    assert f"{project.number}\t{project.path}\tprivate" in server.cli("project", "list").splitlines()
    assert project.user in [line.split("\t")[1] for line in server.cli("user", "list").splitlines()]
    tokens = [line.split("\t") for line in server.cli("token", "list").splitlines()]
    (own,) = [fields for fields in tokens if fields[2] == project.user]
    assert own[-1] == "active"
    assert project.token not in server.cli("token", "list")


def test_a_project_path_is_taken_only_once(cli):
    cli("project", "create", "team/model")
    again = cli.try_("project", "create", "team/model")
    assert again.returncode == 1 and "team/model" in again.stderr


@pytest.mark.directory
def test_a_revoked_token_is_refused_at_once(server):
    project = server.new_project("tokens/revoked")
    assert search(server, project.number, project.token) == (200, None)
    server.cli("token", "revoke", project.token)
    assert search(server, project.number, project.token) == (401, "UNAUTHENTICATED")


@pytest.mark.store
def test_servers_of_a_database_soon_refuse_a_token_that_another_process_revoked(server):
    project = server.new_project("tokens/revoked")
    assert search(server, project.number, project.token) == (200, None)
    server.cli("token", "revoke", project.token)
    # It takes a second at most; a busy machine may need longer.
    deadline = time.monotonic() + 10
    while (answer := search(server, project.number, project.token)) == (200, None) and time.monotonic() < deadline:
        pass
    assert answer == (401, "UNAUTHENTICATED")


def test_an_expired_token_is_refused(server):
    project = server.new_project("tokens/expired")
    today = datetime.now(timezone.utc).date()
    create = ["token", "create", "--user", project.user, "--expires"]
    # The given day is the first on which the token no longer works. After midnight, today's token would still
    # be refused.
    for day in (today, today - timedelta(days=400)):
        assert search(server, project.number, server.cli(*create, str(day))) == (401, "UNAUTHENTICATED")
    lasting = server.cli(*create, str(today + timedelta(days=400)))
    assert search(server, project.number, lasting) == (200, None)


def test_a_token_of_one_project_does_not_open_another(server):
    one, other = server.new_project("tokens/one"), server.new_project("tokens/other")
    server.cli("member", "set", other.path, one.user, "developer")
    bound = server.cli("token", "create", "--user", one.user, "--project", one.path)
    assert search(server, one.number, bound) == (200, None)
    assert search(server, other.number, bound)[0] in (403, 404)
    assert search(server, other.number, one.token) == (200, None)


def test_a_new_member_may_read_at_once(server):
    project = server.new_project("roles/new")
    server.cli("user", "create", "newcomer")
    token = server.cli("token", "create", "--user", "newcomer")
    server.cli("member", "set", project.path, "newcomer", "guest")
    assert search(server, project.number, token) == (200, None)


def test_a_taken_address_is_reported_in_one_line(server, tmp_path):
    done = Cli(tmp_path / "data").try_("serve", "--listen", f"127.0.0.1:{server.port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot listen" in done.stderr.splitlines()[-1]


@pytest.mark.directory
def test_purge_removes_deleted_runs_for_good(tmp_path):
    running = Server(tmp_path / "data")
    project = running.new_project("team/purged")
    headers = {"Authorization": f"Bearer {project.token}"}

    def send(method, path, **body):
        return requests.request(method, f"{running.tracking_uri(project.number)}{path}", headers=headers, **body)

    run = send("POST", "/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a"
    send("PUT", place, data=b"x").raise_for_status()
    send("POST", "/api/2.0/mlflow/runs/delete", json={"run_id": run}).raise_for_status()
    refused = running.cli.try_("purge", "--older-than", "0")
    assert refused.returncode == 1 and "another server" in refused.stderr and "--purge-after" in refused.stderr
    running.stop()
    assert "team/purged\t0" in running.cli("purge", "--older-than", "1").splitlines()
    assert running.cli.try_("purge", "--older-than", "0", "--project", "team/none").returncode == 1
    assert running.cli("purge", "--older-than", "0", "--project", "team/purged") == "team/purged\t1"
    assert not (tmp_path / "data" / "blobs" / "projects" / project.number).exists()
    running = Server(tmp_path / "data", "--purge-after", "1")
    assert send("GET", f"/api/2.0/mlflow/runs/get?run_id={run}").status_code == 404
    running.stop()
