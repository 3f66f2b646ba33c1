"""Every snippet of the README and of the page for users of MLflow's client does what the document says."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from mlflow.version import VERSION

from guide import ENGLISH, KOREAN, README, in_language, methods, sections, snippets

pytestmark = pytest.mark.forge

JOB_SECONDS_MAX = 120


def here(text, project):
    """A snippet with the address, the project and the token of this test in the places of the page's examples."""
    base = project.server.base
    text = text.replace("https://ml.example.org", base).replace("vision%2Fcats", quote(project.path, safe=""))
    return text.replace("your-token", project.token)


def test_the_two_lines_set_what_the_client_needs(project):
    (lines,) = in_language(ENGLISH, "sh")
    script = here(lines.code, project) + 'printf "%s\\n" "$MLFLOW_TRACKING_URI" "$MLFLOW_TRACKING_TOKEN"\n'
    shown = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True, env={}).stdout
    uri, token = shown.splitlines()
    assert (uri, token) == (project.server.tracking_uri(project.path), project.token)


@pytest.mark.parametrize("page", [README, ENGLISH], ids=lambda page: page.name)
def test_snippets_print_what_their_comments_say(page, project, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    version = tuple(map(int, VERSION.split(".")[:2]))
    for snippet in in_language(page, "python"):
        if version < snippet.since():
            continue
        capsys.readouterr()
        exec(compile(snippet.code, f"{page.name}, section {snippet.section}", "exec"), {})
        # The client also says where runs are.
        said = [line for line in capsys.readouterr().out.splitlines() if "View " not in line]
        assert said == snippet.printed(), snippet.code


def jobs():
    """The workflows of the page: the variables of the job, its commands, and what the forge gives it."""
    gitlab, gitea = (yaml.safe_load(snippet.code) for snippet in in_language(ENGLISH, "yaml"))
    job = gitlab["train"]
    yield "gitlab", {**job["variables"], **dict.fromkeys(job["id_tokens"], "your-token")}, job["script"]
    job = gitea["jobs"]["train"]
    yield "gitea", job["env"], [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.once
@pytest.mark.parametrize("forge, variables, commands", jobs(), ids=["gitlab", "gitea"])
def test_workflows_run_the_script_of_the_page(forge, variables, commands, project, client, tmp_path):
    (script,) = [snippet.code for snippet in in_language(ENGLISH, "python") if "GITLAB_CI" in snippet.code]
    (tmp_path / "train.py").write_text(script)
    given = {
        "gitlab": {"GITLAB_CI": "true", "CI_JOB_ID": "4711", "CI_PROJECT_ID": project.number},
        "gitea": {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "47", "GITHUB_JOB": "train"},
    }[forge]
    environment = {"PATH": job_path(tmp_path), "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true", **given}
    for name, value in variables.items():
        value = value.replace("$CI_PROJECT_ID", project.number).replace("${{ secrets.GITHUB_TOKEN }}", "your-token")
        environment[name] = here(value, project)
    done = subprocess.run(
        ["sh", "-euc", "\n".join(commands)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=JOB_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = client.search_runs([client.get_experiment_by_name("nightly").experiment_id])
    tags = {"gitlab.CI_JOB_ID": "4711"} if forge == "gitlab" else {"GITHUB_RUN_ID": "47", "GITHUB_JOB": "train"}
    assert tags.items() <= run.data.tags.items()


def job_path(directory: Path) -> str:
    """A PATH with the Python of this environment, and a `pip` that has installed everything already."""
    programs = directory / "bin"
    programs.mkdir()
    (programs / "pip").write_text("#!/bin/sh\n")
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    return f"{programs}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.once
def test_the_korean_page_has_the_same_snippets():
    assert snippets(KOREAN) == snippets(ENGLISH)


@pytest.mark.once
def test_the_korean_page_has_the_same_tables_and_sections():
    for english, korean in zip(sections(ENGLISH), sections(KOREAN), strict=True):
        rows = [[line for line in section.splitlines() if line.startswith("|")] for section in (english, korean)]
        assert len(rows[0]) == len(rows[1]), korean.splitlines()[0]
    assert methods(KOREAN) == methods(ENGLISH)


@pytest.mark.once
def test_every_method_of_the_table_is_called_by_a_test():
    files = [file.read_text() for file in Path(__file__).parent.glob("*.py")]
    code = "\n".join([*files, *(snippet.code for snippet in snippets(ENGLISH))])
    missing = [method for method in methods(ENGLISH) if f".{method}(" not in code]
    assert not missing
