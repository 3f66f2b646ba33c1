"""The mlforge binary under test: its server as a process, and its command line.

The module knows nothing of MLflow. Waits are bounded, and the error of a failed server holds its output.

With MLFORGE_TEST_DATABASE set to a PostgreSQL server, records are in databases on it, and files in the bucket of
MLFORGE_TEST_S3. A data directory then has a database and a prefix of its own, and the compiled component.
"""

import functools
import hashlib
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from running import Running

START_SECONDS_MAX = 120
COMMAND_SECONDS_MAX = 300

DATABASES = os.environ.get("MLFORGE_TEST_DATABASE")
# Commands that take the place of files.
WITH_FILES = {"serve", "purge", "import", "export"}

EXPORT = re.compile(r"^export (MLFLOW_TRACKING_URI|MLFLOW_TRACKING_TOKEN)=(\S+)$")


def binary() -> str:
    """The path of mlforge, from MLFORGE_BIN."""
    path = os.environ.get("MLFORGE_BIN")
    assert path, "MLFORGE_BIN names no mlforge binary; `cargo xtask test clients` sets it"
    return path


@functools.cache
def compiled() -> tempfile.TemporaryDirectory:
    """A data directory with the compiled component. It is removed at the end of the session."""
    directory = tempfile.TemporaryDirectory(prefix="mlforge-compiled-")
    subprocess.run([binary(), "compile", "--data", directory.name], check=True, timeout=COMMAND_SECONDS_MAX)
    return directory


def share_compiled(data: Path):
    """Puts the compiled component into a new data directory: a debug build takes many seconds to compile it."""
    if not (data / "cache").exists():
        shutil.copytree(Path(compiled().name) / "cache", data / "cache")


@functools.cache
def shared_place(data: Path) -> tuple[str, str]:
    """The database and the place of files that stand in for a data directory."""
    name = f"clients_{hashlib.sha256(str(data).encode()).hexdigest()[:16]}"
    create = ["psql", "-X", "-q", "-d", f"{DATABASES}/postgres", "-c", f"CREATE DATABASE {name} TEMPLATE template0"]
    subprocess.run(create, check=True, timeout=COMMAND_SECONDS_MAX)
    return f"{DATABASES}/{name}", f"{os.environ['MLFORGE_TEST_S3']}/{name}"


def place(data: Path, command: str) -> list[str]:
    """The options of a command that say where everything is."""
    options = ["--data", str(data)]
    if DATABASES:
        database, files = shared_place(data)
        options += ["--database", database]
        options += ["--files", files] if command in WITH_FILES else []
    return options


class Cli:
    """`mlforge --data DIR …`, one process a call."""

    def __init__(self, data: Path):
        self.data = data
        share_compiled(data)

    def try_(self, *args: str) -> subprocess.CompletedProcess:
        """Runs a command; it may fail."""
        command = [binary(), *args, *place(self.data, next(iter(args), ""))]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX)

    def __call__(self, *args: str) -> str:
        """Runs a command that must succeed; returns its output."""
        done = self.try_(*args)
        assert done.returncode == 0, f"mlforge {' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout.strip()


class Server(Running):
    """`mlforge serve`, by default on a free port. `lines` are the first two of its standard output."""

    def __init__(self, data: Path, *args: str, listen: str = "127.0.0.1:0"):
        self.cli = Cli(data)
        self.log = data.parent / f"{data.name}.log"
        command = [binary(), "serve", *place(data, "serve"), "--listen", listen, *args]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._stdout: queue.Queue = queue.Queue()
        threading.Thread(target=self._read_stdout, daemon=True).start()
        self.lines = [self._line(), self._line()]
        self.exports = dict(match.groups() for match in map(EXPORT.match, self.lines) if match)
        uri = self.exports.get("MLFLOW_TRACKING_URI", "")
        self.base = uri.partition("/api/v4/")[0]
        self.port = int(self.base.rpartition(":")[2])

    def _read_stdout(self):
        for line in self.process.stdout:
            self._stdout.put(line.rstrip("\n"))
        self._stdout.put(None)

    def _line(self) -> str:
        try:
            line = self._stdout.get(timeout=START_SECONDS_MAX)
        except queue.Empty:
            line = None
        if line is None:
            self.kill()
            raise AssertionError(f"the server did not start, exit code {self.process.returncode}:\n{self.stderr()}")
        return line

    def tracking_uri(self, project: str) -> str:
        """The tracking URI of a project, by number or full path."""
        return f"{self.base}/api/v4/projects/{quote(project, safe='')}/ml/mlflow"

    def new_project(self, path: str) -> "Project":
        """Makes a project with one developer, who has a token."""
        user = f"dev-of-{path.replace('/', '-')}"
        number = self.cli("project", "create", path)
        self.cli("user", "create", user)
        self.cli("member", "set", path, user, "developer")
        token = self.cli("token", "create", "--user", user)
        return Project(self, number, path, user, token, self.tracking_uri(number))


@dataclass
class Project:
    """A project of a running server, and a token with the right to write."""

    server: Server
    number: str
    path: str
    user: str
    token: str
    uri: str
