"""Programs that listen on a port, started and stopped by the tests.

Waits are bounded, and the error of a program that does not start holds its output.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def program(name: str) -> str:
    """The path of an installed program. Debian keeps those of servers out of the PATH of users."""
    path = shutil.which(name, path=os.environ["PATH"] + os.pathsep + "/usr/sbin")
    assert path, f"{name} is not installed; `cargo xtask test forges` installs it"
    return path


def wait_until(is_so, seconds: float, what: str):
    """Waits until `is_so()` is true and returns its value. Fails when that takes longer than these seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = is_so()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.05)


class Process:
    """A program that listens on a port of this machine."""

    def __init__(self, command: list, port: int, log: Path, env: dict | None = None, cwd: Path | None = None):
        self.command = [str(word) for word in command]
        self.port = port
        self.log = log
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.child = None

    def start(self):
        """Starts the program and waits until it takes connections."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd=self.cwd
            )
        try:
            wait_until(self._listens, START_SECONDS_MAX, f"{self.command[0]} does not listen:\n{self.output()}")
        except AssertionError:
            self.stop()
            raise
        return self

    def _listens(self) -> bool:
        code = self.child.poll()
        assert code is None, f"{self.command[0]} ended with {code}:\n{self.output()}"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        """Stops the program with SIGINT, as a user does. One that takes too long is killed, and that is an error."""
        if self.child is None:
            return
        child, self.child = self.child, None
        child.send_signal(signal.SIGINT)
        try:
            child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(STOP_SECONDS_MAX)
            raise AssertionError(f"{self.command[0]} did not stop on SIGINT:\n{self.output()}") from None

    def open_bytes_below(self, directory: Path) -> int:
        """The size of all files below a directory that the program and its children have open, removed ones included."""
        children = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        files = [file for pid in (self.child.pid, *children) for file in Path(f"/proc/{pid}/fd").iterdir()]
        return sum(size_if_below(directory, file) for file in files)

    def output(self) -> str:
        """The end of the program's output so far."""
        return self.log.read_text(errors="replace")[-20_000:]


def size_if_below(directory: Path, open_file: Path) -> int:
    """The size of a process's open file, or 0 if that is elsewhere or closed by now."""
    try:
        return open_file.stat().st_size if os.readlink(open_file).startswith(f"{directory}/") else 0
    except FileNotFoundError:
        return 0
