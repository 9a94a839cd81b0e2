"""The web server of a test: one page, its images, and two POST requests, /answer and /another."""

from __future__ import annotations

import json
import re
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from typing import Any

from simgan.errors import RunError
from simgan.turing.gate import is_loopback, known_host, refusal
from simgan.turing.sitting import RefusedError, Sitting

_PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
_PICTURE = re.compile(r"/image/([0-9]{1,9})/(trial|real|refined)/([0-9]{1,6})", re.ASCII)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_JSON = "application/json"


class TuringServer(ThreadingHTTPServer):
    """Serves the page of a `Sitting`. It listens as soon as it is created; `serve_forever` answers requests.

    Args:
        sitting: the tests that the page shows.
        host: address to listen on.
        port: port to listen on; 0: any free port.

    Raises:
        RunError: the server cannot listen at this address and port.
    """

    daemon_threads = True

    def __init__(self, sitting: Sitting, host: str = "127.0.0.1", port: int = 0) -> None:
        self.sitting = sitting
        self.loopback = is_loopback(host)
        self.page = {path: (files("simgan.turing") / name).read_bytes() for path, (name, _) in _PAGE.items()}
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = " ".join(str(error).split())
            raise RunError(
                f"host, port: expected an address to listen on, received {host}, {port} ({reason}); try --port 0."
            ) from None

    @property
    def url(self) -> str:
        """The address of the page for a browser on this machine."""
        host, port = self.server_address[:2]
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host))
        return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"

    def server_bind(self) -> None:
        """As http.server, without looking up the name of the machine, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores browsers that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    server: TuringServer
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a silent connection is kept

    def do_GET(self) -> None:
        if not self._host_known():
            return
        if self.path in _PAGE:
            self._send(200, self.server.page[self.path], _PAGE[self.path][1])
        elif self.path == "/state":
            self._send_json(200, self.server.sitting.state())
        elif self.path == "/favicon.ico":
            self._send(204, b"", "image/x-icon")
        elif match := _PICTURE.fullmatch(self.path):
            self._send_picture(match[1], match[2], int(match[3]))
        else:
            self._refuse(404, "no such page")

    def do_POST(self) -> None:
        if not self._host_known():
            return
        if (refused := refusal(self.headers)) is not None:
            self._refuse(*refused)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self._send_json(200, self._posted(json.loads(body)))
        except RefusedError as error:
            self._refuse(409, str(error))
        except (ValueError, KeyError, RecursionError):
            self._refuse(400, "not understood")
        except Exception as error:
            # If no other test can be drawn, the page shows the reason; the answers are safe on the disk.
            self._refuse(500, " ".join(str(error).split()))

    def _posted(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict) or not isinstance(body.get("test"), str):
            raise ValueError("no test")
        if self.path == "/another":
            return self.server.sitting.another(body["test"])
        trial, answer = body.get("trial"), body.get("answer")
        if self.path != "/answer" or type(trial) is not int or answer not in ("real", "refined"):
            raise ValueError("no answer")
        return self.server.sitting.answer(body["test"], trial, answer)

    def _host_known(self) -> bool:
        known = not self.server.loopback or known_host(self.headers, self.server.server_port)
        if not known:
            self._refuse(403, "expected a name of this machine as the host")
        return known

    def _send_picture(self, test: str, group: str, place: int) -> None:
        try:
            picture = self.server.sitting.picture(test, group, place)
        except (KeyError, IndexError):
            self._refuse(404, "no such image")
            return
        self._send(200, picture, "image/png")

    def _send_json(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode(), _JSON)

    def _refuse(self, status: int, reason: str) -> None:
        self.close_connection = True  # a body may not have been read
        self._send_json(status, {"error": reason})

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response_only(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing: the terminal is for messages to people."""
