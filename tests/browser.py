"""A headless Chromium, driven over its DevTools protocol."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome", "chrome")
PATIENCE_S = 30.0


def program() -> str | None:
    """Return the browser's program, None where there is none."""
    return next((p for name in PROGRAMS if (p := shutil.which(name))), None)


class Page:
    """One tab. Keeps every request, console message and exception that it sees."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(
            address, timeout=PATIENCE_S, suppress_origin=True
        )
        self._asked = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        offline = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", offline=True, **offline)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser for something and wait for its answer."""
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": params}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._asked:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        what, params = event.get("method"), event.get("params", {})
        if what == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif what == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif what == "Log.entryAdded":
            self.complaints.append(json.dumps(params["entry"]))
        elif what == "Runtime.consoleAPICalled" and params["type"] != "log":
            self.complaints.append(json.dumps(params["args"]))

    def run(self, script: str) -> Any:
        """Value of a JavaScript expression; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in answer, (script, answer)
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} did not become true"
            time.sleep(0.05)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url="about:blank")  # else only the hash may change
        self.wait("location.href === 'about:blank'")
        self.call("Page.navigate", url=address)
        self.wait(f"location.href === {json.dumps(address)}")
        self.wait("document.readyState === 'complete'")

    def size(self, width: int, height: int) -> None:
        settings = {"deviceScaleFactor": 1, "mobile": width < 500}
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            **settings,
        )

    def press(self, key: str, shift: bool = False) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 * shift)

    def picture(self) -> bytes:
        """Return what is on the screen as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def close(self) -> None:
        self._socket.close()


@contextmanager
def browser() -> Iterator[Page]:
    """Start the browser with the network off and give its page."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(program(), "--headless", "--no-sandbox", "--disable-gpu"),
            *("--remote-debugging-port=0", f"--user-data-dir={profile}"),
            *("--no-first-run", "--disable-dev-shm-usage", "about:blank"),
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, **quiet)
        try:
            page = Page(_address(Path(profile) / "DevToolsActivePort"))
            yield page
            page.close()
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _address(port_file: Path) -> str:
    """Address of the first tab, once the browser has said where it listens."""
    end = time.monotonic() + PATIENCE_S
    while not (port_file.exists() and len(port_file.read_text().split()) == 2):
        assert time.monotonic() < end, "the browser did not start"
        time.sleep(0.05)
    port = port_file.read_text().split()[0]
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with directly.open(f"http://127.0.0.1:{port}/json") as answer:
        tabs = json.load(answer)
    return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
