"""A real Redmine, from Debian's packages, with its database and everything else that it writes in one directory."""

import os
import subprocess
from pathlib import Path

import requests

from process import Process, free_port, program

CODE = Path("/usr/share/redmine")
SET_UP_SECONDS_MAX = 300

# Debian's Gemfile takes the database's library only if it may read the configuration of the system's own Redmine.
GEMFILE = f"""\
eval_gemfile "{CODE}/Gemfile"
gem "sqlite3", "~> 1.4.0" unless dependencies.any? {{ |gem| gem.name == "sqlite3" }}
"""
DATABASE = """\
production:
  adapter: sqlite3
  database: {}
  encoding: utf8
"""


def api_key(login: str) -> str:
    """The API key that `seed.rb` gives to a user."""
    return f"{login}key".ljust(40, "0")


class Redmine:
    """A Redmine on a free port, with the users and projects of `seed.rb`."""

    def __init__(self, directory: Path):
        assert (CODE / "config.ru").exists(), "Redmine is not installed; `cargo xtask test forges` installs it"
        self.directory = directory
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        for name in ("config", "files", "log", "tmp"):
            (directory / name).mkdir(parents=True)
        (directory / "Gemfile").write_text(GEMFILE)
        (directory / "config/database.yml").write_text(DATABASE.format(directory / "redmine.db"))
        (directory / "config/secret_key.txt").write_text("0" * 64)
        self._run("rake", "db:migrate")
        self._run("rails", "runner", str(Path(__file__).with_name("seed.rb")))
        puma = [program("puma"), "--quiet", "--environment", "production", "--threads", "2:4"]
        command = [*puma, "--bind", f"tcp://127.0.0.1:{port}", "config.ru"]
        self.process = Process(command, port, directory / "puma.log", self._environment(), CODE)

    def _environment(self) -> dict:
        return {
            "BUNDLE_GEMFILE": str(self.directory / "Gemfile"),
            "HOME": str(self.directory),
            "RAILS_ENV": "production",
            # The directory of a Redmine, relative to that of all: `..` at the root stays there.
            "REDMINE_INSTANCE": "../" * 8 + str(self.directory.resolve()).lstrip("/"),
            "SCHEMA": "/dev/null",
        }

    def _run(self, *args: str):
        done = subprocess.run(
            [program("bundle"), "exec", *args],
            cwd=CODE,
            env={**os.environ, **self._environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SET_UP_SECONDS_MAX,
        )
        assert done.returncode == 0, f"{' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"

    def start(self):
        """Starts it, and waits for its first answer, which takes longer than those after it."""
        self.process.start()
        self.administer("GET", "users/current.json")

    def stop(self):
        """Stops it. All connections are refused then."""
        self.process.stop()

    def administer(self, method: str, path: str, **body):
        """A request of the administrator, which must succeed. Returns the JSON of the answer, if it has any."""
        headers = {"X-Redmine-API-Key": api_key("root")}
        answer = requests.request(method, f"{self.url}/{path}", headers=headers, json=body or None, timeout=60)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def user_id(self, login: str) -> int:
        """The number of a user."""
        users = self.administer("GET", f"users.json?name={login}")["users"]
        (number,) = [user["id"] for user in users if user["login"] == login]
        return number
