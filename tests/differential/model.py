"""Logs a model, registers it, and loads it by every name it has: prints the names that gave right predictions."""

import mlflow


class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * number for number in model_input]


mlflow.set_experiment("models")
with mlflow.start_run() as run:
    info = mlflow.pyfunc.log_model(
        name="twice", python_model=Twice(), registered_model_name="cats", pip_requirements=["mlflow"]
    )
mlflow.MlflowClient().set_registered_model_alias("cats", "champion", "1")
uris = [
    info.model_uri,
    f"runs:/{run.info.run_id}/twice",
    "models:/cats/1",
    "models:/cats/1.0.0",
    "models:/cats/latest",
    "models:/cats@champion",
]
for uri in uris:
    assert mlflow.pyfunc.load_model(uri).predict([1, 2]) == [2, 4], uri
[logged] = mlflow.search_logged_models(output_format="list")
assert logged.name == "twice", logged
print(len(uris), "names lead to the model")
