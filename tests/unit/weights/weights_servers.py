"""Servers on 127.0.0.1 that stand for those of the publishers."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from urllib.parse import unquote

_COMMIT = "c0ffee" + 34 * "0"


@contextmanager
def running(server: HTTPServer) -> Iterator[None]:
    """Let a server answer in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


class FileServer(ThreadingHTTPServer):
    """Offers one file at every address, and remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = bytes(range(256)) * 20_000  # 5 MB
        self.version: str | None = '"first"'
        self.knows_ranges = True
        self.says_length = True
        self.breaks_after: int | None = None  # bytes of an answer
        self.asked: list[str | None] = []  # the header Range of each request
        self.sent = 0  # bytes
        self.url = f"http://127.0.0.1:{self.server_port}/weights.pt"

    def handle_error(self, *arguments: object) -> None:
        """Say nothing of a client that hangs up early, as some tests want it to."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        start, size = 0, len(server.content)
        same = server.version and self.headers.get("If-Range") == server.version
        if asked and same and server.knows_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if server.says_length:
            self.send_header("Content-Length", str(size - start))
        if server.version:
            self.send_header("ETag", server.version)
        self.end_headers()
        body = server.content[start:][: server.breaks_after]
        server.sent += len(body)
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class HubServer(ThreadingHTTPServer):
    """Stands for the Hugging Face hub: one repository, whatever its id."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.files: dict[str, bytes] = {}
        self.sent: list[str] = []  # names of the files
        self.url = f"http://127.0.0.1:{self.server_port}"


class _HubHandler(BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        name = unquote(self.path).split(f"/{_COMMIT}/")[-1].split("/main/")[-1]
        self._answer(self.server.files.get(name))

    def do_GET(self) -> None:
        name = unquote(self.path).split(f"/{_COMMIT}/")[-1].split("/main/")[-1]
        files = self.server.files
        if "/tree/" in self.path:
            listed = [
                {"type": "file", "path": path, "size": len(content), "oid": path}
                for path, content in files.items()
            ]
            self.wfile.write(self._answer(json.dumps(listed).encode()))
        elif self.path.startswith("/api/models/"):
            info = {"id": "owner/name", "sha": _COMMIT, "siblings": []}
            self.wfile.write(self._answer(json.dumps(info).encode()))
        else:
            if name in files:
                self.server.sent.append(name)
            self.wfile.write(self._answer(files.get(name)))

    def _answer(self, content: bytes | None) -> bytes:
        self.send_response(404 if content is None else 200)
        content = content or b""
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", _COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.end_headers()
        return content

    def log_message(self, *arguments: object) -> None:
        pass


def fill_cache(cache, hub_id: str, **files: bytes) -> None:
    """Lay files out as the library does; `_` stands for the dot in a name."""
    repo = cache / f"models--{hub_id.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs/main").write_text("c0ffee")
    (repo / "snapshots/c0ffee").mkdir(parents=True)
    for name, content in files.items():
        stem, suffix = name.rsplit("_", 1)
        (repo / "snapshots/c0ffee" / f"{stem}.{suffix}").write_bytes(content)
