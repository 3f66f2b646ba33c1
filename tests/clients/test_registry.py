"""The model registry through MlflowClient: the snippets of the forge's page, and the rules of every MLflow
server.
"""

import threading

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository


@pytest.fixture
def model(client, unique):
    """The name of a fresh registered model."""
    name = unique("model")
    client.create_registered_model(name, description="made by a test")
    return name


def versions(client, name, *semvers):
    """Makes versions with these SemVers as the page does; returns them."""
    return [client.create_model_version(name, semver, tags={"gitlab.version": semver}) for semver in semvers]


def refused(code):
    """A context in which the server must refuse with this error code."""

    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            assert kind is not None and issubclass(kind, MlflowException), "nothing was refused"
            assert error.error_code == code, error
            return True

    return Refused()


# --- the rules of every MLflow server ---------------------------------------------------------------------


def test_a_model_keeps_what_it_was_created_with(client, unique):
    name = unique("größe 모델")
    made = client.create_registered_model(name, tags={"team": "vision", "a/b c": "ü"}, description="d")
    read = client.get_registered_model(name)
    assert (read.name, read.description, dict(read.tags)) == (name, "d", {"team": "vision", "a/b c": "ü"})
    assert read.creation_timestamp == made.creation_timestamp > 1_000_000_000_000
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_registered_model(name)


def test_a_model_is_updated_renamed_and_deleted(client, model, unique):
    client.update_registered_model(model, description="new")
    assert client.get_registered_model(model).description == "new"
    name = unique("renamed")
    client.rename_registered_model(model, name)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_registered_model(model)
    client.delete_registered_model(name)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_registered_model(name)


def test_models_are_searched_by_name_and_tag(client, unique):
    mark = unique("set")
    names = sorted(unique(f"{mark} {letter}") for letter in "abc")
    for name in names:
        client.create_registered_model(name, tags={"set": mark, "last": str(name == names[2])})
    found = lambda text: [found.name for found in client.search_registered_models(text)]
    assert found(f"tags.set = '{mark}'") == names
    assert found(f"name = '{names[0]}'") == names[:1]
    assert found(f"name ILIKE '{mark.upper()} %' and tags.last = 'True'") == names[2:]
    assert [m.name for m in client.search_registered_models(f"tags.set = '{mark}'", order_by=["name DESC"])] == names[::-1]
    page = client.search_registered_models(f"tags.set = '{mark}'", max_results=2)
    rest = client.search_registered_models(f"tags.set = '{mark}'", max_results=2, page_token=page.token)
    assert [m.name for m in [*page, *rest]] == names and not rest.token
    assert names[0] in [m.name for m in client.search_registered_models(max_results=1000)]


def test_versions_count_from_one_and_are_searched(client, model, experiment, run):
    source = f"runs:/{run}/model"
    for number in range(1, 4):
        made = client.create_model_version(model, source, run_id=run, tags={"n": str(number)}, description=f"d{number}")
        assert (int(made.version), made.run_id, made.status, made.current_stage) == (number, run, "READY", "None")
    found = lambda text: sorted(int(found.version) for found in client.search_model_versions(text))
    assert found(f"name = '{model}'") == [1, 2, 3]
    assert found(f"run_id = '{run}'") == [1, 2, 3]
    assert found(f"name = '{model}' and tags.n = '2'") == [2]
    assert found(f"name = '{model}' and version_number > 1") == [2, 3]
    ordered = client.search_model_versions(f"name = '{model}'", order_by=["version_number ASC"])
    assert [int(version.version) for version in ordered] == [1, 2, 3]
    assert client.get_model_version(model, "2").description == "d2"
    client.update_model_version(model, "2", "new")
    assert client.get_model_version(model, "2").description == "new"
    client.delete_model_version(model, "3")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_model_version(model, "3")
    assert int(client.create_model_version(model, source, run_id=run).version) == 4
    assert client.get_model_version_download_uri(model, "1") == source


def test_tags_of_models_and_versions(client, model, run):
    client.create_model_version(model, f"runs:/{run}/model", run_id=run)
    client.set_registered_model_tag(model, "a", "1")
    client.set_registered_model_tag(model, "a", "2")
    client.set_model_version_tag(model, "1", "b", "x")
    assert client.get_registered_model(model).tags["a"] == "2"
    assert client.get_model_version(model, "1").tags["b"] == "x"
    client.delete_registered_model_tag(model, "a")
    client.delete_model_version_tag(model, "1", "b")
    assert "a" not in client.get_registered_model(model).tags
    assert "b" not in client.get_model_version(model, "1").tags


def test_aliases_name_a_version_and_move(client, model, run):
    for _ in range(2):
        client.create_model_version(model, f"runs:/{run}/model", run_id=run)
    client.set_registered_model_alias(model, "champion", "1")
    client.set_registered_model_alias(model, "champion", "2")
    assert int(client.get_model_version_by_alias(model, "champion").version) == 2
    assert client.get_registered_model(model).aliases == {"champion": "2"}
    assert "champion" in client.get_model_version(model, "2").aliases
    client.delete_registered_model_alias(model, "champion")
    with refused("INVALID_PARAMETER_VALUE"):
        client.get_model_version_by_alias(model, "champion")


@pytest.mark.filterwarnings("ignore:.*stages.*")
def test_stages_are_moved_through(client, model, run):
    for _ in range(3):
        client.create_model_version(model, f"runs:/{run}/model", run_id=run)
    client.transition_model_version_stage(model, "1", "production")
    client.transition_model_version_stage(model, "2", "Production", archive_existing_versions=True)
    latest = {found.current_stage: int(found.version) for found in client.get_latest_versions(model)}
    assert latest == {"Archived": 1, "Production": 2, "None": 3}
    assert [int(found.version) for found in client.get_latest_versions(model, ["Production"])] == [2]


# Earlier clients have no copy_model_version.
@pytest.mark.since(2, 22)
def test_a_version_is_copied(client, model, run, unique):
    source = client.create_model_version(model, f"runs:/{run}/model", run_id=run)
    copy = client.copy_model_version(f"models:/{model}/{source.version}", unique("copy"))
    assert (copy.run_id, int(copy.version)) == (run, 1)
    assert client.get_model_version_download_uri(copy.name, copy.version) == f"runs:/{run}/model"


# Earlier clients know no prompts.
@pytest.mark.since(2, 22)
def test_prompts_are_registered_loaded_and_hidden_from_models(client, unique):
    name = unique("prompt").replace(" ", "-")
    made = mlflow.register_prompt(name, "Hello {{name}}", tags={"author": "ada"})
    mlflow.register_prompt(name, "Good day {{name}}")
    mlflow.set_prompt_alias(name, "live", 1)
    assert int(made.version) == 1
    for uri in (f"prompts:/{name}/1", f"prompts:/{name}@live"):
        loaded = mlflow.load_prompt(uri)
        assert loaded.template == "Hello {{name}}"
        assert "gitlab.version" not in loaded.tags
    if hasattr(mlflow, "search_prompts"):
        assert name in [prompt.name for prompt in mlflow.search_prompts()]
    assert name not in [found.name for found in client.search_registered_models(max_results=1000)]
    assert client.search_registered_models(f"name = '{name}'") == []


# --- additions of the forge: the snippets of its page -----------------------------------------------------


@pytest.mark.forge
def test_a_model_has_an_experiment_to_log_runs_to(client, model):
    experiment = client.get_experiment_by_name(f"[model]{model}")
    run = client.create_run(experiment.experiment_id)
    assert client.get_run(run.info.run_id).info.experiment_id == experiment.experiment_id
    with refused("INVALID_PARAMETER_VALUE"):
        client.delete_experiment(experiment.experiment_id)
    client.delete_registered_model(model)
    assert client.get_experiment_by_name(f"[model]{model}") is None


@pytest.mark.forge
def test_a_version_increments_itself_or_is_given(client, model):
    first = client.create_model_version(model, source="", description="the first")
    assert (first.version, first.tags["gitlab.version"]) == ("1", "1.0.0")
    assert client.get_model_version(model, "1.0.0").description == "the first"
    version = "2.1.0"
    client.create_model_version(model, version, description="given", tags={"gitlab.version": version})
    assert client.get_model_version(model, "2.1.0").version == "2"
    assert client.get_model_version(model, "2").tags["gitlab.version"] == "2.1.0"
    assert client.create_model_version(model, "").tags["gitlab.version"] == "2.1.1"
    for bad in ("v1", "2.1.0"):
        with pytest.raises(MlflowException):
            client.create_model_version(model, bad, tags={"gitlab.version": bad})
    client.update_model_version(model, "2.1.0", description="updated")
    assert client.get_model_version(model, "2").description == "updated"


@pytest.fixture
def originals(client, unique):
    """The names of two models with one version each, made from a run, and of one without versions."""
    names = [unique("a"), unique("b"), unique("production")]
    for name in names:
        client.create_registered_model(name)
    for name in names[:2]:
        run = client.create_run("0").info.run_id
        client.create_model_version(name, f"runs:/{run}/model", run, tags={"made": name})
    return names


@pytest.mark.forge
@pytest.mark.since(2, 22)
def test_versions_are_promoted_as_the_documentation_of_mlflow_says(client, originals):
    a, b, production = originals
    copies = [client.copy_model_version(f"models:/{name}/1", production) for name in (a, b, a)]
    assert [(int(copy.version), copy.tags["gitlab.version"]) for copy in copies] == [(1, "1.0.0"), (2, "1.0.1"), (3, "1.0.2")]
    assert [copy.tags["made"] for copy in copies] == [a, b, a]
    assert client.copy_model_version(f"models:/{a}/1", a).tags["gitlab.version"] == "1.0.1"


@pytest.mark.forge
def test_a_version_can_be_created_with_the_tags_of_another(client, originals):
    a, b, _ = originals
    original = client.get_model_version(a, "1")
    for name in (a, b):
        again = client.create_model_version(name, original.source, original.run_id, tags=original.tags)
        assert (again.version, again.tags["gitlab.version"], again.tags["made"]) == ("2", "1.0.1", a)
        for key, value in original.tags.items():
            client.set_model_version_tag(name, again.version, key, value)
        assert client.get_model_version(name, "2").tags["gitlab.version"] == "1.0.1"
    versions(client, a, "5.0.0")
    with refused("INVALID_PARAMETER_VALUE"):
        client.set_model_version_tag(a, "5.0.0", "gitlab.version", "6.0.0")


@pytest.mark.forge
def test_every_path_to_the_latest_version_leads_to_the_highest(client, model):
    versions(client, model, "1.0.0", "2.0.0", "1.5.0", "3.0.0-rc.1")
    assert client.get_latest_versions(model)[0].version == "2"
    assert client.search_registered_models(filter_string=f"name='{model}'")[0].latest_versions[0].version == "2"
    assert int(client.get_registered_model(model).latest_versions[0].version) == 2


@pytest.mark.forge
@pytest.mark.parametrize(
    ("suffix", "number"),
    [("/1", 1), ("/1.0.0", 1), ("/2.0.0", 2), ("/1.5.0", 3), ("/latest", 2), ("/LATEST", 2), ("@live", 3)],
)
def test_a_models_uri_leads_to_the_files_of_the_version_it_names(client, model, suffix, number):
    made = versions(client, model, "1.0.0", "2.0.0", "1.5.0")
    client.set_registered_model_alias(model, "live", "3")
    uri = ModelsArtifactRepository.get_underlying_uri(f"models:/{model}{suffix}")
    assert uri == client.get_run(made[number - 1].run_id).info.artifact_uri


@pytest.mark.forge
def test_a_models_uri_of_no_version_is_refused(client, model):
    versions(client, model, "1.0.0")
    for suffix in ("/9.9.9", "/9", "/production", "@none"):
        with pytest.raises(MlflowException):
            ModelsArtifactRepository.get_underlying_uri(f"models:/{model}{suffix}")


@pytest.mark.forge
# Earlier clients refuse a dotted alias themselves.
@pytest.mark.since(2, 22)
def test_a_semantic_version_is_an_alias(client, model):
    versions(client, model, "1.0.0", "2.0.0")
    assert client.get_model_version_by_alias(model, "1.0.0").version == "1"
    client.set_registered_model_alias(model, "champion", "1")
    version = client.get_model_version(model, "1")
    assert version.aliases == [version.tags["gitlab.version"], "champion"] == ["1.0.0", "champion"]
    assert client.get_registered_model(model).aliases == {"champion": "1"}


@pytest.mark.forge
def test_a_version_is_a_run_to_log_to(client, model):
    from mlflow.entities import Metric, Param

    client.create_model_version(model, "")
    run_id = client.get_model_version(model, "1.0.0").run_id
    client.log_metric(run_id, "accuracy", 0.9, step=1)
    client.log_param(run_id, "depth", 3)
    client.log_batch(run_id, [Metric("loss", 0.1, 1, 0)], [Param("rate", "0.1")])
    client.set_tag(run_id, "gitlab.CI_JOB_ID", "1")
    run = client.get_run(run_id)
    assert run.data.metrics == {"accuracy": 0.9, "loss": 0.1}
    assert run.data.params == {"depth": "3", "rate": "0.1"}
    assert (run.info.status, run.data.tags["gitlab.CI_JOB_ID"]) == ("FINISHED", "1")
    assert run.info.start_time > 0
    with refused("INVALID_PARAMETER_VALUE"):
        client.delete_run(run_id)


@pytest.mark.forge
def test_a_version_made_from_a_run_is_that_run(client, model, run, project):
    made = client.create_model_version(model, "", run_id=run, run_link="https://example.org/run")
    assert (made.run_id, made.run_link) == (run, "https://example.org/run")
    assert made.source == client.get_run(run).info.artifact_uri
    assert [found.name for found in client.search_model_versions(f"run_id='{run}'")] == [model]
    with refused("INVALID_PARAMETER_VALUE"):
        client.delete_run(run)


@pytest.mark.forge
def test_a_source_that_leads_elsewhere_is_refused(client, model, run):
    for source in ("http://host/model", "s3://bucket/../model", "/etc/passwd", "file:///etc/passwd", f"runs:/{run}/../x", f"runs:/{'0' * 32}/x"):
        with refused("INVALID_PARAMETER_VALUE"):
            client.create_model_version(model, source, run_id=run)


@pytest.mark.forge
def test_concurrent_writers_get_distinct_numbers_without_a_gap(project, client, model):
    """All retries are off, so an error of the server would show."""
    made, errors = [], []

    def write():
        mine = MlflowClient(project.uri)
        try:
            for _ in range(4):
                made.append(int(mine.create_model_version(model, "").version))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(made) == list(range(1, 129))
    assert client.get_latest_versions(model)[0].tags["gitlab.version"] == "1.0.127"
