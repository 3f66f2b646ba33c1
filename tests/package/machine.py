"""This machine: its packages, and a service that is started without systemd, as its own user.

Waits are bounded, and the error of a failed command holds its output.
"""

import configparser
import os
import shlex
import socket
import subprocess
import time
from pathlib import Path

COMMAND_SECONDS_MAX = 300
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30

DATA = Path("/var/lib/mlforge")
CONFIGURATION = Path("/etc/mlforge/mlforge.toml")
UNIT = Path("/usr/lib/systemd/system/mlforge.service")
USER = "mlforge"

# Tests are root in CI. Elsewhere sudo must ask no password.
ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


def run(*command: str, text: str | None = None) -> str:
    """Runs a command that must succeed; returns its output."""
    done = try_(*command, text=text)
    assert done.returncode == 0, f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def try_(*command: str, text: str | None = None) -> subprocess.CompletedProcess:
    """Runs a command; it may fail."""
    return subprocess.run(command, input=text or "", capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX)


def root(*command: str, text: str | None = None) -> str:
    """Runs a command as root, without questions."""
    return run(*ROOT, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", *command, text=text)


def apt(*command: str) -> str:
    """Runs apt-get. A configuration file that was changed stays as it is."""
    keep = ["-o", "Dpkg::Options::=--force-confold"]
    output = root("apt-get", "-qq", "--yes", "--allow-downgrades", "--no-install-recommends", *keep, *command)
    if Path("/run/systemd/system").is_dir():
        # A running systemd starts the service. The tests start it themselves.
        try_(*ROOT, "systemctl", "stop", "mlforge.service")
    return output


def status() -> str:
    """The state of the package in dpkg's words, for example `install ok installed`; empty: it is unknown."""
    return try_("dpkg-query", "--show", "--showformat=${Status}", "mlforge").stdout


def exists(path: Path) -> bool:
    """True if a path exists, also where only root may look."""
    return try_(*ROOT, "test", "-e", str(path)).returncode == 0


def mode(path: Path) -> str:
    """The owner, group and mode of a path."""
    return root("stat", "--format=%U:%G %a", str(path)).strip()


def as_user(*command: str) -> list:
    """A command as the service's user, with nothing of this environment."""
    clean = ["env", "-i", "PATH=/usr/bin:/bin"]
    return [*ROOT, "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", *clean, *command]


def service() -> configparser.SectionProxy:
    """The section `Service` of the installed unit. Of a key that is repeated, the last value counts."""
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(UNIT)
    return unit["Service"]


class Service:
    """The command of the installed unit, as its user, on a port of its own."""

    def __init__(self, log: Path):
        self.log = log
        self.child = None
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]

    def start(self):
        """Starts the command and waits until it takes connections."""
        command = as_user(*shlex.split(service()["ExecStart"]))
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._listens():
            code = self.child.poll()
            assert code is None, f"the service ended with {code}:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"the service does not listen:\n{self.log.read_text()}"
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        """Stops the command with SIGTERM, as systemd does. It must end in time and with exit code 0."""
        child, self.child = self.child, None
        if child is None:
            return
        run(*ROOT, "kill", "-TERM", str(child.pid))
        assert child.wait(STOP_SECONDS_MAX) == 0, self.log.read_text()

    def uri(self) -> str:
        """The tracking URI of the first project."""
        return f"http://127.0.0.1:{self.port}/api/v4/projects/1/ml/mlflow"
