"""A server's process, which ends when it is told to."""

import subprocess

STOP_SECONDS_MAX = 30


class Running:
    """A process of a server, in `process`, whose errors go to the file `log`."""

    def stderr(self) -> str:
        """The end of the log of all servers of this data directory so far."""
        return self.log.read_text(errors="replace")[-20_000:]

    def stop(self):
        """Stops the server. It must end in time and with exit code 0."""
        self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop on SIGTERM:\n{self.stderr()}") from None
        assert code == 0, f"the server ended with {code} on SIGTERM:\n{self.stderr()}"

    def kill(self):
        """Sends SIGKILL, so that the server cannot clean up."""
        self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)
