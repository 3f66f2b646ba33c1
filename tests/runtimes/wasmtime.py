"""`wasmtime serve` with the component that imports only WASI: mlforge, a storage and a gate.

Waits are bounded, and the error of a server that does not start holds its output.
"""

import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

START_SECONDS_MAX = 300
STOP_SECONDS_MAX = 30
TOKEN = "the token of the gate"
MOUNT = "/api/v4/projects/1/ml/mlflow"
LISTENS = re.compile(r"Serving HTTP on http://([\d.:]+)/")


def binary(variable: str) -> str:
    """The path of a program, from an environment variable."""
    path = os.environ.get(variable)
    assert path, f"{variable} names no program; `cargo xtask test runtimes` sets it"
    return path


def compose(output: Path) -> Path:
    """Writes the composed component into a file."""
    subprocess.run([binary("MLFORGE_COMPOSE_BIN"), "--output", str(output)], check=True, timeout=60)
    return output


def cache_config(directory: Path) -> Path:
    """A configuration of wasmtime's cache: a component is compiled once for all servers and sessions."""
    cache = Path(os.environ.get("MLFORGE_RUNTIMES_CACHE") or directory).absolute() / "wasmtime"
    cache.mkdir(parents=True, exist_ok=True)
    config = directory / "cache.toml"
    config.write_text(f'[cache]\ndirectory = "{cache}"\n')
    return config


class Wasmtime:
    """`wasmtime serve` on a free port, with a directory for the storage. Instances serve one request at a time."""

    def __init__(self, component: Path, data: Path, cache: Path):
        data.mkdir(parents=True, exist_ok=True)
        options = ["-S", "cli", "--dir", f"{data}::/data", "--env", f"MLFORGE_TOKEN={TOKEN}"]
        instances = ["--max-instance-concurrent-reuse-count", "1", "--idle-instance-timeout", "60s"]
        command = [binary("MLFORGE_WASMTIME_BIN"), "--addr", "127.0.0.1:0", "-C", f"cache-config={cache}"]
        self.process = subprocess.Popen(
            [*command, *options, *instances, str(component)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list = []
        self._address: queue.Queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            address = self._address.get(timeout=START_SECONDS_MAX)
        except queue.Empty:
            address = None
        if address is None:
            self.kill()
            raise AssertionError(f"wasmtime serve did not start, exit code {self.process.returncode}:\n{self.output()}")
        self.uri = f"http://{address}{MOUNT}"

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            listens = LISTENS.search(line)
            if listens:
                self._address.put(listens.group(1))
        self._address.put(None)

    def output(self) -> str:
        """The end of the standard error of the process."""
        return "".join(self.lines[-200:])

    def stop(self):
        """Stops the server. No request may have broken an instance until then.

        After the first SIGINT it waits for idle instances, after the second it breaks them off and says so.
        """
        broken = self.output()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while self.process.poll() is None and time.monotonic() < deadline:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                continue
        if self.process.poll() is None:
            self.kill()
            raise AssertionError(f"wasmtime serve did not stop on SIGINT:\n{self.output()}")
        self._reader.join(STOP_SECONDS_MAX)
        assert "worker" not in broken, broken

    def kill(self):
        """Sends SIGKILL, so that the server cannot clean up."""
        self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)
