"""Access as clients see it: paths, tokens, scopes, Basic authentication."""

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

pytestmark = pytest.mark.forge


def test_a_project_is_also_known_by_its_encoded_path(project, client, experiment):
    by_path = MlflowClient(project.server.tracking_uri(project.path))
    assert "%2F" in project.server.tracking_uri(project.path)
    run = by_path.create_run(experiment).info.run_id
    assert client.get_run(run).info.run_id == run


def test_a_read_token_reads_and_searches_but_does_not_write(project, client, run, experiment, monkeypatch):
    reader = project.server.cli("token", "create", "--user", project.user, "--scope", "read_api")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", reader)
    assert client.get_run(run).info.run_id == run
    assert [found.info.run_id for found in client.search_runs([experiment])] == [run]
    assert client.search_experiments()
    for write in (
        lambda: client.log_metric(run, "m", 1.0),
        lambda: client.set_tag(run, "t", "1"),
        lambda: client.create_experiment("refused"),
        lambda: client.delete_run(run),
    ):
        with pytest.raises(MlflowException) as refused:
            write()
        assert refused.value.error_code == "PERMISSION_DENIED"
    assert client.get_run(run).data.metrics == {}


def test_a_guest_reads_but_does_not_write(project, client, run, monkeypatch):
    guest = f"guest-of-{project.number}"
    project.server.cli("user", "create", guest)
    project.server.cli("member", "set", project.path, guest, "guest")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.server.cli("token", "create", "--user", guest))
    assert client.get_run(run).info.run_id == run
    with pytest.raises(MlflowException) as refused:
        client.log_metric(run, "m", 1.0)
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert "Developer" in refused.value.message
    assert client.get_run(run).data.metrics == {}


@pytest.mark.parametrize("token", ["", "wrong", "mlf-0000000000000000000000000000000000000000", "ü"])
def test_a_wrong_token_is_refused(client, monkeypatch, token):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    # The client itself cannot put every text into a header.
    with pytest.raises((MlflowException, UnicodeError)):
        client.search_experiments()


def test_a_stranger_does_not_see_the_project(project, client, monkeypatch):
    stranger = f"stranger-of-{project.number}"
    project.server.cli("user", "create", stranger)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.server.cli("token", "create", "--user", stranger))
    with pytest.raises(MlflowException) as hidden:
        client.search_experiments()
    assert hidden.value.error_code in ("RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND", "NOT_FOUND")


def test_basic_authentication_takes_the_token_as_password(project, client, run, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", project.user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", project.token)
    client.log_metric(run, "m", 1.0)
    assert client.get_run(run).data.metrics == {"m": 1.0}
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
    with pytest.raises(MlflowException):
        client.get_run(run)


def test_projects_do_not_see_each_other(project, client, run, monkeypatch):
    other = project.server.new_project(f"{project.path}-other")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", other.token)
    elsewhere = MlflowClient(other.uri)
    with pytest.raises(MlflowException) as hidden:
        elsewhere.get_run(run)
    assert hidden.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException):
        client.get_run(run)
