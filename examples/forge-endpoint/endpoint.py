"""The forge's side of docs/forge-protocol.md: it tells mlforge who a caller is and what they may do in a project."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKENS = {
    "ada-secret": {"actor": {"id": 12, "login": "ada"}, "scope": "api"},
    "ada-reads": {"actor": {"id": 12, "login": "ada"}, "scope": "read_api"},
    "bob-secret": {"actor": {"id": 13, "login": "bob"}, "scope": "api"},
}
PROJECTS = [
    {"id": 7, "path": "vision/cats", "visibility": "private"},
    {"id": 8, "path": "vision/dogs", "visibility": "public"},
]
MEMBERS = {(7, "ada"): "developer", (8, "ada"): "owner"}


class Endpoint(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        caller = TOKENS.get(token) if scheme == "Bearer" else None
        asked = parse_qs(url.query).get("project", [""])[0]
        project = next((one for one in PROJECTS if asked in (str(one["id"]), one["path"])), None)
        if caller is None:
            return self.answer(401)
        if url.path != "/authorize" or project is None:
            return self.answer(404)
        role = MEMBERS.get((project["id"], caller["actor"]["login"]))
        if role is None and project["visibility"] == "private":
            return self.answer(404)
        self.answer(200, {**caller, "project": project, "role": role or "guest"})

    def answer(self, status, document=None):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Endpoint)
print(f"http://127.0.0.1:{server.server_port}/authorize", flush=True)
server.serve_forever()
