"""Evaluations of models: metrics in runs and, since MLflow 3, of logged models on datasets."""

import mlflow
import mlflow.sklearn
import pytest
import trained


@pytest.fixture(autouse=True)
def active_experiment(project, unique):
    """Makes the fluent calls log to an experiment of the test's own."""
    return mlflow.set_experiment(unique("evaluation")).experiment_id


@pytest.fixture
def logged():
    """A model that was logged in a run."""
    with mlflow.start_run():
        return trained.log(trained.model())


@pytest.fixture
def no_active_model():
    """An evaluation makes its model the active one of the process."""
    yield
    if hasattr(mlflow, "clear_active_model"):
        mlflow.clear_active_model()


def test_an_evaluation_logs_its_metrics_and_its_dataset(client, logged, no_active_model):
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    with mlflow.start_run() as run:
        result = mlflow.models.evaluate(
            loaded,
            trained.table(),
            targets="y",
            model_type="regressor",
            evaluators="default",
            evaluator_config={"log_model_explainability": False},
        )
    read = client.get_run(run.info.run_id)
    assert read.data.metrics["r2_score"] == result.metrics["r2_score"] == pytest.approx(1.0)
    assert read.data.metrics.items() >= {key: float(value) for key, value in result.metrics.items()}.items()
    (used,) = read.inputs.dataset_inputs
    assert used.dataset.name == "dataset"


@pytest.mark.filterwarnings("ignore:Failed to determine")
def test_a_dataset_of_a_run_is_read_back(client):
    dataset = mlflow.data.from_pandas(trained.table(), source="https://example.org/rows.csv", name="rows", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
    (used,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("rows", dataset.digest)
    assert mlflow.data.get_source(used.dataset).url == "https://example.org/rows.csv"


@pytest.mark.since(3, 0)
def test_an_evaluation_on_a_dataset_is_the_models_too(logged, no_active_model):
    dataset = mlflow.data.from_pandas(trained.table(), name="rows", targets="y")
    with mlflow.start_run() as run:
        mlflow.models.evaluate(
            logged.model_uri, dataset, model_type="regressor", evaluator_config={"log_model_explainability": False}
        )
        mlflow.log_metric("by hand", 0.5, step=2, dataset=dataset, model_id=logged.model_id)
    of_model = {metric.key: metric for metric in mlflow.get_logged_model(logged.model_id).metrics}
    assert of_model["r2_score"].value == pytest.approx(1.0)
    for key in ("r2_score", "by hand"):
        metric = of_model[key]
        assert (metric.run_id, metric.dataset_name, metric.dataset_digest) == (run.info.run_id, "rows", dataset.digest)


@pytest.mark.since(3, 0)
def test_the_best_model_is_searched_by_its_metric_on_a_dataset(active_experiment):
    dataset = mlflow.data.from_pandas(trained.table(), name="rows", targets="y")
    with mlflow.start_run():
        infos = {slope: trained.log(trained.model(slope), f"slope-{slope}") for slope in (1, 2, 3)}
        for slope, info in infos.items():
            mlflow.log_metric("error", abs(slope - 2), dataset=dataset, model_id=info.model_id)
    order = [{"field_name": "metrics.error", "ascending": True, "dataset_name": "rows", "dataset_digest": dataset.digest}]
    best = mlflow.search_logged_models([active_experiment], order_by=order, max_results=1, output_format="list")[0]
    assert trained.agree(mlflow.sklearn.load_model(best.model_uri), trained.model(2))
    table = mlflow.search_logged_models([active_experiment], filter_string="metrics.error > 0")
    assert sorted(table.name) == ["slope-1", "slope-3"]


@pytest.mark.since(3, 4)
def test_an_application_is_evaluated_by_its_traces_without_a_model(active_experiment):
    from mlflow.genai.scorers import scorer

    @scorer
    def exact(outputs, expectations):
        return outputs == expectations["answer"]

    @scorer
    def length(outputs):
        return len(outputs)

    rows = [{"inputs": {"q": q}, "expectations": {"answer": answer}} for q, answer in (("x", "X"), ("y", "Z"))]
    result = mlflow.genai.evaluate(data=rows, predict_fn=lambda q: q.upper(), scorers=[exact, length])
    assert (result.metrics["exact/mean"], result.metrics["length/mean"]) == (0.5, 1.0)
    assert mlflow.get_run(result.run_id).data.metrics["exact/mean"] == 0.5
    mlflow.flush_trace_async_logging()
    traces = mlflow.search_traces(locations=[active_experiment], run_id=result.run_id, return_type="list")
    judged = {trace.info.request_preview: {one.name: one.value for one in trace.info.assessments} for trace in traces}
    assert judged == {
        '{"q": "x"}': {"exact": True, "length": 1.0, "answer": "X"},
        '{"q": "y"}': {"exact": False, "length": 1.0, "answer": "Z"},
    }
