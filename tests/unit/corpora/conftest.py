"""Stand-in corpora: a few bytes for a video, metadata with the quirks of the real."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dfprobe.corpora.manifest import make_manifest

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
        make_manifest("mine", spec | changes, out)
        return pl.read_parquet(out)

    return make
