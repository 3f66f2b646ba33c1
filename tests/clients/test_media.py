"""Figures, images and tables, which clients turn into files themselves."""

import mlflow
import numpy
import pandas
import pytest
from matplotlib.figure import Figure
from PIL import Image

PIXELS = numpy.arange(4 * 5 * 3, dtype=numpy.uint8).reshape(4, 5, 3)


def pixels(run, path):
    """The pixels of an image of a run."""
    with Image.open(mlflow.artifacts.download_artifacts(f"runs:/{run}/{path}")) as image:
        return numpy.asarray(image.convert("RGB"))


def test_figures_are_logged_in_directories(client, run):
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0])
    for name, start in (("plots/a line.png", b"\x89PNG"), ("plots/deep/er/line.pdf", b"%PDF"), ("line.svg", b"<?xml")):
        client.log_figure(run, figure, name)
        with open(mlflow.artifacts.download_artifacts(f"runs:/{run}/{name}"), "rb") as file:
            assert file.read().startswith(start), name


def test_images_keep_each_pixel(client, run):
    client.log_image(run, PIXELS, "images/array.png")
    client.log_image(run, Image.fromarray(PIXELS), "image.png")
    for path in ("images/array.png", "image.png"):
        assert numpy.array_equal(pixels(run, path), PIXELS)
    assert mlflow.artifacts.load_image(f"runs:/{run}/image.png").size == (5, 4)


# Earlier clients log images by name alone. The names contain `%` or `+`, which have another meaning in
# addresses.
@pytest.mark.since(2, 22)
def test_images_of_steps_are_listed_and_come_back(client, run):
    for step in (9, 10):
        client.log_image(run, PIXELS + step, key="first sample", step=step, synchronous=True)
    names = sorted(item.path for item in client.list_artifacts(run, "images") if item.path.endswith(".png"))
    assert len(names) == 2
    assert sorted(int(pixels(run, name)[0, 0, 0]) for name in names) == [9, 10]
    assert "mlflow.loggedImages" in client.get_run(run).data.tags


def test_tables_grow_and_are_loaded_together(client, experiment):
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    for number, run in enumerate(runs):
        client.log_table(run, {"question": ["größe?"], "number": [number]}, "tables/answers.json")
        client.log_table(run, pandas.DataFrame({"question": ["more?"], "number": [number]}), "tables/answers.json")
    one = client.load_table(experiment, "tables/answers.json", run_ids=runs[:1])
    assert one.question.tolist() == ["größe?", "more?"]
    both = client.load_table(experiment, "tables/answers.json", extra_columns=["run_id"])
    assert sorted(zip(both.run_id, both.number)) == sorted((run, number) for number, run in enumerate(runs) for _ in range(2))
