"""Trained models, their training data, and the call that logs one in each version of MLflow."""

import inspect

import mlflow
import numpy
import pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

FEATURES = ["width", "height"]


def table(slope: float = 1.0) -> pandas.DataFrame:
    """Forty rows with the features and, as `y`, the predictions of a model of this slope."""
    rows = pandas.DataFrame(numpy.random.default_rng(1).normal(size=(40, len(FEATURES))), columns=FEATURES)
    return rows.assign(y=slope * rows.width - rows.height)


def model(slope: float = 1.0) -> LinearRegression:
    """A model that its slope distinguishes from others."""
    rows = table(slope)
    return LinearRegression().fit(rows[FEATURES], rows.y)


def named(log_model, name: str) -> dict:
    """The argument with which this version's `log_model` takes the model's name."""
    return {"name" if "name" in inspect.signature(log_model).parameters else "artifact_path": name}


def log(trained, name: str = "model", **more):
    """Logs a model. Its requirements are given; else the client would start a process to find them."""
    features = table()[FEATURES]
    return mlflow.sklearn.log_model(
        trained,
        signature=infer_signature(features, trained.predict(features)),
        pip_requirements=["scikit-learn"],
        **named(mlflow.sklearn.log_model, name),
        **more,
    )


def agree(one, other) -> bool:
    """True if two models predict exactly the same numbers."""
    features = table()[FEATURES]
    return numpy.array_equal(one.predict(features), other.predict(features))
