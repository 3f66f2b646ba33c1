"""The smallest model that MLflow loads: its predictions are the text of its file `word`."""

from pathlib import Path

MLMODEL = "artifact_path: model\nflavors:\n  python_function:\n    loader_module: named_model\n    data: word\n"


def save(directory, word):
    """Writes a model's directory and its parents."""
    directory.mkdir(parents=True)
    (directory / "MLmodel").write_text(MLMODEL)
    (directory / "word").write_text(word)
    return directory


class NamedModel:
    def __init__(self, path):
        self.word = Path(path).read_text()

    def predict(self, _, **__):
        return self.word


def _load_pyfunc(path):
    return NamedModel(path)
