"""A whole run in which every name, label and path is an attack, without a network."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread

import pytest
import yaml

from running import snakemake
from sharing import made_once
from small_run import ROOT

# Runs a command unquoted, in naive single quotes and in naive double quotes.
SHELL = """"$(touch pwned)"; touch pwned; '; touch pwned; '`touch pwned`"""
PAGE = "</script><script>pwn()</script><img src=x onerror=pwn()>"
TEX = r"\input{pwn}"
CLIPS = [  # by split and label; a clip's name may hold slashes
    *("</script><script>pwn()</script>", "<img src=x onerror=pwn()>"),
    *(f"{SHELL}", "\\input{pwn}"),
    *("line\nbreak; touch pwned", "-rf"),
]
# Loaded by every Python process of the run.
WATCHER = """
import os, sys
def watch(event, arguments):
    inet = event == "socket.connect" and isinstance(arguments[1], tuple)
    if inet or event == "socket.getaddrinfo":
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments}\\n")
        raise OSError("this run has no network")
sys.addaudithook(watch)
"""


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """Port of a listening socket, and who connected to it."""
    callers: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    callers.append(server.accept()[1])
                except OSError:
                    return

        thread = Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], callers
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(scope="module")
def run(tmp_path_factory, talking_heads) -> Path:
    """The project after the run.

    Beside it `watched` names what wanted a network, `callers` who reached the socket.
    """
    name = f"project {SHELL}"

    def make(base: Path) -> None:
        with listening() as (port, callers):
            _run(base / name, talking_heads, port)
        (base / "callers").write_text(repr(callers))

    return made_once(tmp_path_factory, "hostile", make) / name


def _run(project: Path, talking_heads: Path, port: int) -> None:
    project.mkdir()
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "Snakefile", project)
    corpus = f"videos {SHELL}{{input}}"
    clips = write_corpus(project / corpus, talking_heads, port)
    scores = f"scores {SHELL}.csv"  # no braces: Snakemake refuses them in an input
    lines = ["clip_id,score", *(f"{quoted(c)},{n}" for n, c in enumerate(clips))]
    (project / scores).write_text("\n".join(lines) + "\n")
    (project / "config.yaml").write_text(
        yaml.safe_dump(hostile_config(corpus, scores), allow_unicode=True)
    )
    watcher = project.parent / "watcher"
    watcher.mkdir()
    (watcher / "sitecustomize.py").write_text(WATCHER)
    with pytest.MonkeyPatch.context() as patch:
        paths = [str(watcher), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        patch.setenv("WATCHED", str(project.with_name("watched")))
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        finished = snakemake(project)
    assert finished.returncode == 0, finished.stdout


def write_corpus(root: Path, talking_heads: Path, port: int) -> list[str]:
    """Lay clips out under hostile names; return the ids of those of the test split."""
    lines = ["path,label,split,speaker,manipulation"]
    for number, name in enumerate(CLIPS):
        label, split = number % 2, ("train", "val", "test")[number // 2]
        folder = ("0_real", "1_fake")[label]
        source = sorted((talking_heads / folder).iterdir())[number // 2]
        path = root / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
        kind = PAGE if label else "real"
        lines.append(",".join(map(quoted, (f"{name}.mp4", label, split, PAGE, kind))))
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
    address = f"http://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
    (root / "playlist.mp4").write_text(playlist + address)
    lines.append("playlist.mp4,0,test,,real")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return CLIPS[4:]


def quoted(value: object) -> str:
    return '"' + str(value).replace('"', '""') + '"'


def hostile_config(corpus: str, scores: str) -> dict:
    label = f"{PAGE}{SHELL}{TEX}\n{{wildcards.corpus}}"
    return {
        "corpora": {
            "mine": {"layout": "path_list", "root": corpus, "label": label},
        },
        "encoders": {"lfcc": {"family": "lfcc", "label": label}},
        "train": ["mine"],
        "test": ["mine"],
        "crops": {"detect_every": 5, "upsample": 0},
        "heads": {"linear": {"max_epochs": 2}},
        "external": {"judge": {"scores": {"mine": scores}, "label": label}},
        "max_failed_share": 0.5,
    }


class Harm(HTMLParser):
    """Collects what a page would execute of what the names want."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag, attrs):
        self._inside = tag
        for name, value in attrs:
            if name.startswith("on") or (name == "src" and "pwn" in (value or "")):
                self.found.append(f"<{tag} {name}={value}>")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script" and data.strip() == "pwn()":
            self.found.append(data)


def test_no_name_reaches_a_shell(run):
    assert [str(path) for path in run.parent.rglob("pwned*")] == []


def test_no_process_asks_for_a_network(run):
    assert not (run.parent / "watched").exists()
    assert (run.parent / "callers").read_text() == "[]"


def test_the_watcher_sees_a_network(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(run.parent / "watcher"))
    monkeypatch.setenv("WATCHED", str(tmp_path / "watched"))
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    assert os.spawnlp(os.P_WAIT, "python3", "python3", "-c", code) != 0
    assert "socket" in (tmp_path / "watched").read_text()


def test_no_page_executes_a_name(run):
    pages = sorted((run / "results").rglob("*.html"))
    assert len(pages) >= 4
    for page in pages:
        harm = Harm()
        harm.feed(page.read_text(encoding="utf-8"))
        assert harm.found == [], page
    assert any("pwn()" in page.read_text(encoding="utf-8") for page in pages)


def test_the_check_of_pages_sees_harm():
    harm = Harm()
    harm.feed(f"<p>{PAGE}</p>")
    assert len(harm.found) == 2


def test_no_table_for_papers_executes_a_label(run):
    for path in (run / "results/tables").glob("*.tex"):
        assert TEX not in path.read_text(encoding="utf-8"), path
