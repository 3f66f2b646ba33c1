"""MLflow's own tracking server as a process: SQLite, one worker, behind a socket in the file system.

A socket file needs no free port, and has none of the delays that small writes have over TCP.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START_SECONDS_MAX = 180
STOP_SECONDS_MAX = 30


class Upstream:
    """`mlflow server` over a fresh database. `wait` until it serves; `stop` it at the end."""

    def __init__(self):
        # Not in pytest's directory: the path of a socket may have at most a hundred characters.
        self.directory = Path(tempfile.mkdtemp(prefix="mlflow-"))
        self.socket = self.directory / "socket"
        self.log = self.directory / "log"
        command = [
            sys.executable, "-m", "mlflow", "server",
            "--backend-store-uri", f"sqlite:///{self.directory}/store.db",
            "--artifacts-destination", str(self.directory / "artifacts"),
            "--workers", "1",
            "--uvicorn-opts", f"--uds {self.socket} --timeout-keep-alive 600 --log-level warning",
        ]
        environment = {
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # Disables the processes that run MLflow's background jobs.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, env=environment, start_new_session=True,
            )

    def wait(self):
        """Returns when the server accepts connections. If it does not, the error holds its output."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._accepts():
            code = self.process.poll()
            if code is not None or time.monotonic() > deadline:
                self.stop(tidy=False)
                raise AssertionError(f"mlflow server did not start, exit code {code}:\n{self.output()}")
            time.sleep(0.1)

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def output(self) -> str:
        """The end of the server's output."""
        return self.log.read_text(errors="replace")[-10_000:]

    def stop(self, tidy=True):
        """Ends the server with all its processes."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(STOP_SECONDS_MAX)
        if tidy:
            shutil.rmtree(self.directory, ignore_errors=True)
