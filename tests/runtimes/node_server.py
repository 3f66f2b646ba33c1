"""mlforge in Node: the component transpiled by jco, and the server of `examples/node` as a process.

Waits are bounded, and the error of a failed server holds its output.
"""

import os
import queue
import re
import subprocess
import threading
from pathlib import Path

from running import Running

START_SECONDS_MAX = 60
TRANSPILE_SECONDS_MAX = 120

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/node"

# Callers by their tokens, as the hermetic tests know them, and the one of the tests in `tests/clients`.
TOKENS = "writer:developer:writer,reader:reporter:reader,manager:maintainer:manager,nobody:developer:none"

LISTENING = re.compile(r"^listening on (http://\S+)$")


def node() -> str:
    """The path of Node, as npm installed it."""
    path = EXAMPLE / "node_modules/.bin/node"
    assert path.exists(), f"{path} is missing; `cargo xtask test node` installs it"
    return str(path)


def transpile(directory: Path) -> Path:
    """Transpiles the component into a directory."""
    component = os.environ.get("MLFORGE_COMPONENT")
    assert component, "MLFORGE_COMPONENT names no component; `cargo xtask test node` sets it"
    command = [node(), "transpile.js", component, str(directory)]
    done = subprocess.run(
        command, cwd=EXAMPLE, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TRANSPILE_SECONDS_MAX
    )
    assert done.returncode == 0, f"jco ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return directory


class NodeServer(Running):
    """A running server on a free port."""

    def __init__(self, component: Path, data: Path, **settings: str):
        self.log = data.parent / f"{data.name}.log"
        environment = {
            "MLFORGE_TRANSPILED": str(component),
            "MLFORGE_DATA": str(data),
            "MLFORGE_LISTEN": "127.0.0.1:0",
            "MLFORGE_TOKENS": TOKENS,
            **settings,
        }
        command = [node(), "main.js"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=EXAMPLE,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.url = self._listening()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")

    def _listening(self) -> str:
        try:
            match = LISTENING.match(self._lines.get(timeout=START_SECONDS_MAX))
        except queue.Empty:
            match = None
        if match is None:
            self.kill()
            raise AssertionError(f"the server did not start:\n{self.stderr()}")
        return match[1]

    def uri(self, project: int) -> str:
        """The tracking URI of a project."""
        return f"{self.url}/api/v4/projects/{project}/ml/mlflow"
