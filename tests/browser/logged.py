"""A script of a user of MLflow's client. It logs something for every page to show, well-behaved and hostile.

It is run by the environment of the clients' tests, and knows mlforge by the two variables alone.
"""

import math
import struct
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy
from matplotlib.figure import Figure
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression

STEPS = 200
# A text that runs, or changes the direction of what follows, if a page shows it as it is.
MARKUP = "</title><script>document.title='ran'</script><img src=x onerror=alert(1)>\"'&\u202ex"
# A word that no line can hold.
LONG = "w" * 10_000


def look_at(*paths: str):
    """Tells the tests which pages to look at first, by their paths below `/-/ml/`."""
    print(*(f"look at {path}" for path in paths), sep="\n")


def write_files(directory: Path):
    """A file of each kind that a page previews, and some that it must not trust."""
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0])
    figure.savefig(directory / "curve.png")
    (directory / "table.csv").write_text("class,score\ncat,0.9\ndog,=1+1\n" + "".join(f"row {n},{n}\n" for n in range(300)))
    (directory / "setup.json").write_text('{"rate": 0.1, "layers": [64, 32], "name": "<b>bold</b>"}')
    (directory / "report.md").write_text(f"# A report\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<b>raw</b> {MARKUP}\n\n{LONG}\n")
    (directory / "log.txt").write_text("epoch 1\n" * 50 + MARKUP + "\n" + LONG)
    (directory / "page.html").write_text("<h1>hello</h1><script>parent.document.title='ran'</script>")
    (directory / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>document.title="ran"</script></svg>')
    (directory / "weights.bin").write_bytes(bytes(range(256)))
    with wave.open(str(directory / "beep.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(n / 3))) for n in range(800)))
    nested = directory / "plots" / "deep"
    nested.mkdir(parents=True)
    (nested / "note.txt").write_text("found")
    figure.savefig(nested / "curve.png")


def train(rate: float):
    """One run of a sweep: three metrics over many steps, params, tags, files and a dataset."""
    with mlflow.start_run(run_name=f"rate-{rate}", nested=True) as run:
        mlflow.log_params({"rate": rate, "optimizer": "adam", "layers": "[64, 32]", "long": "p" * 5_000})
        for start in range(0, STEPS, 50):
            steps = range(start, start + 50)
            points = [
                mlflow.entities.Metric(key, value(step, rate), 1_700_000_000_000 + 1_000 * step, step)
                for step in steps
                for key, value in CURVES.items()
            ]
            MlflowClient().log_batch(run.info.run_id, metrics=points)
        mlflow.log_metrics({"not a number": math.nan, "infinite": math.inf, "tiny": 3.1e-9, "large": 1.2e9})
        mlflow.log_metric("system/cpu_utilization_percentage", 42.5, step=1)
        mlflow.set_tags({"team": "vision", "mlflow.note.content": "**Fine**, see [the paper](https://example.org/paper)."})
        rows = numpy.arange(6.0).reshape(3, 2)
        mlflow.log_input(mlflow.data.from_numpy(rows, source="https://example.org/rows.npy", name="rows"), context="training")
        with TemporaryDirectory() as directory:
            write_files(Path(directory))
            mlflow.log_artifacts(directory)
        return run.info.run_id


CURVES = {
    "loss": lambda step, rate: math.exp(-rate * step) + 0.01 * math.sin(step),
    "accuracy": lambda step, rate: 1 - math.exp(-rate * step),
    "learning rate": lambda step, rate: rate / (1 + step),
}


def log_sweep():
    """A parent with runs of every status, and one that goes on."""
    mlflow.set_experiment("sweep")
    with mlflow.start_run(run_name="parent"):
        mlflow.log_param("rates", "0.1, 0.2, 0.4")
        runs = [train(rate) for rate in (0.1, 0.2, 0.4)]
    client = MlflowClient()
    experiment = client.get_experiment_by_name("sweep").experiment_id
    client.set_experiment_tag(experiment, "mlflow.note.content", "# Rates\n\nTries *three* learning rates.")
    for status in ("FAILED", "KILLED", None):
        other = client.create_run(experiment, run_name=f"{status}".lower()).info.run_id
        client.log_metric(other, "loss", 0.5)
        if status:
            client.set_terminated(other, status)
    for name in ("thrown away", "thrown away too"):
        thrown = client.create_run(experiment, run_name=name).info.run_id
        client.delete_run(thrown)
    look_at(f"experiments/{experiment}", *(f"candidates/{run}" for run in (runs[0], thrown)))
    return runs


def log_models(run: str):
    """A logged model, a model with versions, aliases and stages, and a prompt."""
    rows = numpy.arange(8.0).reshape(4, 2)
    with mlflow.start_run(run_id=run):
        trained = LinearRegression().fit(rows, rows.sum(axis=1))
        logged = mlflow.sklearn.log_model(trained, name="model", input_example=rows, pip_requirements=["scikit-learn"])
    client = MlflowClient()
    client.create_registered_model("cats", {"team": "vision"}, "# Cats\n\nTells **cats** from dogs.")
    client.create_model_version("cats", logged.model_uri, run_id=run, description="The *first*.", tags={"kind": "linear"})
    client.create_model_version("cats", "", tags={"gitlab.version": "2.0.0-rc.1"})
    client.create_model_version("cats", f"runs:/{run}/plots", run_id=run)
    look_at("models/1/versions/3/artifacts?path=deep/curve.png")
    client.set_registered_model_alias("cats", "champion", "1")
    client.log_metric(client.get_model_version("cats", "2").run_id, "accuracy", 0.9)
    mlflow.genai.register_prompt("greeting", "Hello {{name}}.\nHow are you?")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}!\nHow are you?\nBye.", commit_message="more")


def log_traces():
    """Traces: a chat of a session with a tool, one that fails, feedback, a prompt, and a commit."""
    mlflow.set_experiment("traces")

    @mlflow.trace(span_type="TOOL")
    def look_up(city: str) -> str:
        if city == "Atlantis":
            raise ValueError("no such city")
        return f"{city} is in Germany"

    @mlflow.trace(span_type="CHAT_MODEL")
    def ask_model(messages: list) -> dict:
        mlflow.get_current_active_span().set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 120, "output_tokens": 9, "total_tokens": 129})
        return {"choices": [{"message": {"role": "assistant", "content": f"I think: {messages[-1]['content']}"}}]}

    @mlflow.trace(name="answer", span_type="AGENT", attributes={"temperature": 0.2})
    def answer(question: str, city: str) -> str:
        metadata = {"mlflow.trace.session": "chat 1", "mlflow.trace.user": "ada"}
        mlflow.update_current_trace(tags={"team": "vision"}, metadata=metadata)
        found = look_up(city)
        messages = [{"role": "system", "content": "Be *short*."}, {"role": "user", "content": f"{question}\n{found}"}]
        return ask_model(messages)["choices"][0]["message"]["content"]

    traces = []
    with mlflow.start_run(run_name="traced"):
        for question in ("Where is it?", "How large is it?", "Who lives there?"):
            answer(question, "Berlin")
            traces.append(mlflow.get_last_active_trace_id())
    try:
        answer("Where is it?", "Atlantis")
    except ValueError:
        traces.append(mlflow.get_last_active_trace_id())
    mlflow.flush_trace_async_logging()
    human = mlflow.entities.AssessmentSource("HUMAN", "ada")
    mlflow.log_feedback(trace_id=traces[0], name="correct", value=True, source=human, rationale="As in the atlas.")
    mlflow.log_feedback(trace_id=traces[1], name="tone", value=4, source=mlflow.entities.AssessmentSource("LLM_JUDGE", "judge"))
    mlflow.log_expectation(trace_id=traces[0], name="country", value="Germany", source=human)
    experiment = mlflow.get_experiment_by_name("traces").experiment_id
    look_at(f"experiments/{experiment}/traces", f"traces/{traces[0]}", f"traces/{traces[-1]}")
    log_many_spans()


def log_many_spans():
    """A deep and wide trace, and one in which everything is hostile."""
    with mlflow.start_span("wide", span_type="CHAIN") as root:
        for number in range(130):
            with mlflow.start_span(f"step {number}", span_type="RETRIEVER"):
                pass
        for depth in range(12):
            mlflow.start_span_no_context(f"depth {depth}", parent_span=root).end()
    with mlflow.start_span(MARKUP, span_type=MARKUP, attributes={MARKUP: MARKUP, "long": LONG}) as span:
        span.set_inputs({"messages": [{"role": MARKUP, "content": f"{MARKUP} {LONG}"}]})
        span.set_outputs(LONG)
        span.add_event(mlflow.entities.SpanEvent(MARKUP, attributes={"text": LONG}))
        mlflow.update_current_trace(tags={"markup": MARKUP}, metadata={"mlflow.trace.session": "w" * 200})
    trace = mlflow.get_last_active_trace_id()
    mlflow.flush_trace_async_logging()
    mlflow.log_feedback(trace_id=trace, name=MARKUP, value=LONG, rationale=MARKUP)
    look_at(f"traces/{trace}")


def log_hostile():
    """Names, values and notes that break pages which do not expect them. Keys have few characters, so they are only long."""
    client = MlflowClient()
    experiment = client.create_experiment(MARKUP)
    look_at(f"experiments/{experiment}")
    client.create_experiment("w" * 490)
    client.set_experiment_tag(experiment, "w" * 240, MARKUP)
    client.set_experiment_tag(experiment, "mlflow.note.content", f"{MARKUP}\n\n[x](javascript:alert(1)) {LONG}")
    for name in (MARKUP, "w" * 7_000):
        run = client.create_run(experiment, run_name=name).info.run_id
        client.log_param(run, "markup", MARKUP)
        client.log_param(run, "w" * 240, "w" * 5_000)
        client.log_metric(run, "w" * 240, 1e300)
        client.set_tag(run, "markup", MARKUP)
        client.set_tag(run, "mlflow.note.content", f"{MARKUP} {LONG}")
        client.log_text(run, MARKUP, "<img src=x onerror=alert(1)>/it's & more.txt")
        client.set_terminated(run)
        look_at(f"candidates/{run}")
    client.create_registered_model("<script>alert(1)<\\script> & more", description=f"{MARKUP} {LONG}")
    client.create_registered_model("w" * 490)
    client.create_model_version("w" * 490, "", description=MARKUP)
    thrown = client.create_experiment("thrown away")
    client.delete_experiment(thrown)
    look_at(f"experiments/{thrown}")


if __name__ == "__main__":
    first, *_ = log_sweep()
    log_models(first)
    log_traces()
    log_hostile()
