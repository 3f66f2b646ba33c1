"""Requests over one persistent connection to a socket file or a TCP port."""

import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

# Servers close idle connections after some time.
SILENT_SECONDS_MAX = 3
ANSWER_SECONDS_MAX = 60


@dataclass
class Answer:
    """A status and a JSON body. A body that is no JSON is a text."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def error_code(self):
        return self.body.get("error_code") if isinstance(self.body, dict) else None


class Connection:
    """Sends requests to one server; `connect` opens a socket to it."""

    def __init__(self, connect, prefix="", headers=()):
        self._connect, self._prefix, self._headers = connect, prefix, dict(headers)
        self._http, self._used = None, 0.0

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        """Sends one request; any answer is returned."""
        if self._http is None or time.monotonic() - self._used > SILENT_SECONDS_MAX:
            self.close()
            self._http = http.client.HTTPConnection("localhost", timeout=ANSWER_SECONDS_MAX)
            self._http.sock = self._connect()
        headers = {**self._headers, "Content-Type": "application/json"} if body is not None else self._headers
        self._http.request(method, self._prefix + path, body, headers)
        response = self._http.getresponse()
        raw = response.read()
        if response.will_close:
            self.close()
        self._used = time.monotonic()
        try:
            return Answer(response.status, json.loads(raw))
        except ValueError:
            return Answer(response.status, raw.decode(errors="replace"))

    def close(self):
        """Closes the connection, if there is one."""
        if self._http is not None:
            self._http.close()
            self._http = None


def to_file(path):
    """Opens a socket in the file system."""

    def connect():
        opened = socket.socket(socket.AF_UNIX)
        opened.settimeout(ANSWER_SECONDS_MAX)
        opened.connect(str(path))
        return opened

    return connect


def to_port(port: int):
    """Opens a socket to a port of this machine, without Nagle's delay."""

    def connect():
        opened = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS_MAX)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    return connect
