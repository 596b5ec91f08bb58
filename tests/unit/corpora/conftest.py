"""Stand-in corpora: a few bytes for a video, metadata with the quirks of the real."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpora_stand_ins import CORPORA, some_bytes
from dfprobe.corpora.manifest import make_manifest
from dfprobe.settings.stage_specs.corpora import ManifestSpec
from typed_specs import typed

Manifest = Callable[..., pl.DataFrame]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


@pytest.fixture
def put(root: Path) -> Callable[..., None]:
    """Write files below the corpus root."""

    def write(*files: str, content: str = "video") -> None:
        for file in files:
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    return write


@pytest.fixture
def lists(tmp_path: Path) -> Callable[..., str]:
    """Write published lists; returns their folder."""

    def write(**text_of_split: str) -> str:
        folder = tmp_path / "splits"
        folder.mkdir(exist_ok=True)
        for split, rows in text_of_split.items():
            path = folder / f"{split}_labels.csv"
            path.write_text(f"path,label\n{rows}", encoding="utf-8")
        return str(folder)

    return write


@pytest.fixture
def put_lists(tmp_path: Path) -> Callable[[dict[str, str]], str]:
    """Write lists, text by file name; returns their folder."""

    def write(lists: dict[str, str]) -> str:
        folder = tmp_path / "published"
        folder.mkdir()
        for name, text in lists.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        return str(folder)

    return write


@pytest.fixture
def stand_in(root: Path) -> Callable[[str], Path]:
    """Write a corpus of ``corpora_stand_ins``; returns its root."""

    def write(name: str) -> Path:
        CORPORA[name].write(root, some_bytes)
        return root

    return write


@pytest.fixture
def manifest(root: Path, tmp_path: Path) -> Manifest:
    """Make the manifest of the stand-in corpus and read it."""

    def make(layout: str, **changes: Any) -> pl.DataFrame:
        spec = {
            "layout": layout,
            "root": str(root),
            "splits": None,
            "fakes": "any",
            "shards": 1,
            "content_key": "stat",
            "options": {},
        }
        out = tmp_path / "manifest.parquet"
        make_manifest("mine", typed(ManifestSpec, spec | changes), out)
        return pl.read_parquet(out)

    return make
