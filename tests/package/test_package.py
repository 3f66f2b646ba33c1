"""The Debian package on this machine: installation, upgrade, removal, purge; and the archive.

The tests change the machine, so they refuse one that has mlforge already. They run in their order.
"""

import os

# Before MLflow is imported: no retry may hide an error, and nothing is sent elsewhere.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import shutil
import tarfile
from pathlib import Path

import pytest

from machine import (
    CONFIGURATION,
    DATA,
    UNIT,
    Service,
    apt,
    as_user,
    exists,
    mode,
    root,
    run,
    status,
    try_,
)

FORMER = os.environ.get("MLFORGE_PACKAGE_FORMER")
NEWER = os.environ.get("MLFORGE_PACKAGE_NEWER")
ARCHIVE = os.environ.get("MLFORGE_ARCHIVE")
# In tenths, as systemd-analyze takes it. The unit has 1.4.
EXPOSURE_MAX = 15


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The installed service. The machine is as before at the end, except for the user."""
    assert FORMER and NEWER and ARCHIVE, "`cargo xtask test package` names the packages"
    there = [path for path in (DATA, CONFIGURATION.parent, Path("/usr/bin/mlforge")) if exists(path)]
    assert not there and status() in ("", "unknown ok not-installed"), f"this machine has mlforge already: {there} {status()}"
    running = Service(tmp_path_factory.mktemp("service") / "log")
    yield running
    running.stop()
    if status():
        apt("purge", "mlforge")
    root("rm", "-rf", str(DATA))


def client(service):
    from mlflow import MlflowClient

    token = run(*as_user("mlforge", "token", "create", "--user", "demo", "--data", str(DATA))).strip()
    os.environ["MLFLOW_TRACKING_TOKEN"] = token
    return MlflowClient(service.uri())


def test_a_client_logs_to_the_service_of_the_installed_package(service, tmp_path):
    apt("install", FORMER)
    assert status() == "install ok installed"
    assert mode(DATA) == "mlforge:mlforge 700"
    assert mode(CONFIGURATION.parent) == "root:mlforge 750"
    set_port(service.port)
    run(*as_user("mlforge", "config", "check", str(CONFIGURATION)))
    service.start()
    assert mode(DATA / "records.db") == "mlforge:mlforge 600"
    mlflow = client(service)
    made = mlflow.create_run("0", run_name="before the upgrade").info.run_id
    mlflow.log_metric(made, "loss", 0.5)
    note = tmp_path / "note.txt"
    note.write_text("kept")
    mlflow.log_artifact(made, str(note))


def set_port(port):
    """Changes the configuration as an administrator does."""
    old = root("cat", str(CONFIGURATION))
    root("tee", str(CONFIGURATION), text=old.replace("127.0.0.1:5000", f"127.0.0.1:{port}"))


def test_the_unit_is_valid_and_sandboxed(service):
    run("systemd-analyze", "verify", f"--man={'no' if left_out('/usr/share/man') else 'yes'}", str(UNIT))
    judged = try_("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(UNIT))
    assert judged.returncode == 0, judged.stdout
    print(judged.stdout.splitlines()[-1])


def test_every_command_has_a_man_page_and_the_shell_knows_the_commands(service):
    page = run("man", "--warnings", "mlforge-serve") if shutil.which("man") else ""
    assert not page or "max-file-size" in page
    for name in ("mlforge", "mlforge-serve", "mlforge-token-create"):
        assert exists(Path(f"/usr/share/man/man1/{name}.1.gz")) or left_out("/usr/share/man"), name
    completions = "/usr/share/bash-completion/completions/mlforge"
    script = f"source {completions}; COMP_WORDS=(mlforge bac); COMP_CWORD=1; _mlforge mlforge bac mlforge; echo ${{COMPREPLY[@]}}"
    assert run("bash", "-c", script).split() == ["backup"]


def left_out(folder):
    """True if dpkg leaves out files of this folder, as in small images."""
    files = Path("/etc/dpkg/dpkg.cfg.d").glob("*")
    return any(f"path-exclude={folder}" in file.read_text() for file in files)


def test_an_upgrade_keeps_data_and_configuration(service):
    # The former server runs on meanwhile. Without systemd nobody restarts it.
    apt("install", NEWER)
    assert run("dpkg-query", "--show", "--showformat=${Version}", "mlforge").endswith("-2")
    assert str(service.port) in root("cat", str(CONFIGURATION))
    service.stop()
    service.start()
    found = client(service).search_runs(["0"])
    assert [(run.info.run_name, run.data.metrics) for run in found] == [("before the upgrade", {"loss": 0.5})]
    service.stop()


def test_a_removal_leaves_data_and_configuration(service):
    apt("remove", "mlforge")
    assert status() == "deinstall ok config-files"
    assert not exists(UNIT) and not exists(Path("/usr/bin/mlforge"))
    assert exists(DATA / "records.db") and exists(CONFIGURATION)
    apt("install", NEWER)
    service.start()
    run_id = client(service).search_runs(["0"])[0].info.run_id
    assert [item.path for item in client(service).list_artifacts(run_id)] == ["note.txt"]
    service.stop()


def test_a_purge_removes_the_configuration_and_asks_before_it_removes_data(service):
    apt("purge", "mlforge")
    assert not exists(CONFIGURATION.parent) and exists(DATA / "records.db")
    apt("install", NEWER)
    root("debconf-set-selections", text="mlforge mlforge/remove-data boolean true\n")
    apt("purge", "mlforge")
    assert not exists(DATA) and status() in ("", "unknown ok not-installed")


def test_the_archive_has_the_program_that_the_container_file_takes(service, tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        names = archive.getnames()
        assert {member.uid for member in archive.getmembers()} == {0}
        archive.extractall(tmp_path, filter="data")
    assert len({name.split("/")[0] for name in names}) == 1
    (unpacked,) = tmp_path.iterdir()
    lines = (Path(__file__).parents[2] / "packaging/Containerfile").read_text().splitlines()
    (taken,) = [line.split()[2] for line in lines if line.startswith("COPY --from=unpacked")]
    program = unpacked / Path(taken).relative_to("/mlforge")
    assert run(str(program), "--version").startswith("mlforge ")
    assert (unpacked / "lib/systemd/system/mlforge.service").exists()
    assert (unpacked / "share/doc/mlforge/LICENSE-MIT").exists()
