"""nginx and Caddy with the rules of the installation pages: each page has one block for each proxy, which is taken as it stands.
Only names, ports and certificates are replaced.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from process import Process, program

PAGES = Path(__file__).parents[2] / "docs/install"

NGINX = """\
daemon off;
pid {directory}/pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/uploads;
    proxy_temp_path {directory}/downloads;
    fastcgi_temp_path {directory}/other;
    uwsgi_temp_path {directory}/other;
    scgi_temp_path {directory}/other;
    {rule}
}}
"""
CADDY = """\
{{
	admin off
	auto_https disable_redirects
}}
{rule}
"""


@dataclass
class Ports:
    """Where the proxy listens, and to whom it passes requests."""

    proxy: int
    mlforge: int
    forge: int


@dataclass
class Certificate:
    """The files of a certificate for 127.0.0.1, which is its own authority."""

    chain: Path
    key: Path


def block(page: str, language: str) -> str:
    """The one block of a page in this language."""
    _, *blocks = (PAGES / f"{page}.md").read_text().split(f"\n```{language}\n")
    assert len(blocks) == 1, f"docs/install/{page}.md has {len(blocks)} blocks in {language}"
    return blocks[0].partition("\n```")[0]


def host_name(page: str) -> str:
    """The name under which a page's proxy is reached."""
    return "ml.example.org" if page == "gitlab" else "git.example.org"


def replaced(text: str, replacements: dict) -> str:
    """A text in which each of these words occurs and is replaced."""
    for old, new in replacements.items():
        assert old in text, f"the rule has no `{old}`:\n{text}"
        text = text.replace(old, str(new))
    return text


def upstreams(page: str, ports: Ports) -> dict:
    """The addresses of the servers behind the proxy. GitLab is not behind the proxy of its page."""
    mlforge = {"127.0.0.1:5000": f"127.0.0.1:{ports.mlforge}"}
    return mlforge if page == "gitlab" else {"127.0.0.1:3000": f"127.0.0.1:{ports.forge}", **mlforge}


def nginx(page: str, ports: Ports, certificate: Certificate, directory: Path) -> Process:
    """An nginx with the rule of a page."""
    name = host_name(page)
    replacements = {
        **upstreams(page, ports),
        "listen 443 ssl;": f"listen 127.0.0.1:{ports.proxy} ssl;",
        f"/etc/ssl/certs/{name}.pem": certificate.chain,
        f"/etc/ssl/private/{name}.key": certificate.key,
        f"server_name {name};": "server_name 127.0.0.1;",
    }
    # As root, nginx lets its workers be another user, who may not write here.
    user = "user root;" if os.geteuid() == 0 else ""
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(directory=directory, user=user, rule=replaced(block(page, "nginx"), replacements)))
    command = [program("nginx"), "-e", "stderr", "-p", directory, "-c", config]
    return Process(command, ports.proxy, directory / "log")


def caddy(page: str, ports: Ports, certificate: Certificate, directory: Path) -> Process:
    """A Caddy with the rule of a page, and a certificate that no authority is asked for."""
    site = f"https://127.0.0.1:{ports.proxy} {{\n\ttls {certificate.chain} {certificate.key}"
    replacements = {**upstreams(page, ports), f"{host_name(page)} {{": site}
    config = directory / "Caddyfile"
    config.write_text(CADDY.format(rule=replaced(block(page, "caddyfile"), replacements)))
    command = [program("caddy"), "run", "--adapter", "caddyfile", "--config", config]
    homes = {name: str(directory) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    return Process(command, ports.proxy, directory / "log", homes)


PROXIES = {"nginx": nginx, "caddy": caddy}
