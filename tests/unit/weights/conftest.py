import socket
from dataclasses import replace

import pytest
from huggingface_hub import constants
from weights_servers import FileServer, HubServer, running

from dfprobe.weights.records import records


@pytest.fixture
def server():
    server = FileServer()
    with running(server):
        yield server


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The weights folder, which is not made yet."""
    monkeypatch.setenv("DFPROBE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "weights"


@pytest.fixture
def record(folder):
    """A record of a file that no server offers; nothing is known about it."""
    known = records()["avhubert/self_large_vox_433h.pt"]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # refuses connections, since it does not listen
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pt"
        yield replace(known, name="toy/weights.pt", url=url)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The Hugging Face cache, which is not made yet."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def hub(cache, monkeypatch):
    """A stand-in for the Hugging Face hub."""
    server = HubServer()
    template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with running(server):
        yield server
