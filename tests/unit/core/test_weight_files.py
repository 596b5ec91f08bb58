"""What planning knows of the content of weights."""

import logging
from dataclasses import replace

import pytest

from dfprobe.planning import weight_files
from dfprobe.settings.complete import complete_config
from dfprobe.store import hashes
from dfprobe.weights import records

PUBLISHED = "avhubert/self_large_vox_433h.pt"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFPROBE_WEIGHTS", "weights")
    hashes._memory.cache_clear()
    yield tmp_path
    hashes._memory.cache_clear()


def put(folder, name: str, content: str):
    path = folder / "weights" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def config(weights: str):
    lips = {"family": "avhubert", "stream": "video", "weights": weights}
    corpora = {"mine": {"layout": "folder", "root": "videos"}}
    given = {"corpora": corpora, "train": ["mine"], "test": ["mine"]}
    return complete_config(given | {"encoders": {"lips": lips}})


def hash_of(weights: str) -> str | None:
    return weight_files.content_hashes(config(weights))["lips"]


def test_a_renamed_file_has_the_same_hash_and_a_replaced_one_another(folder):
    put(folder, "one.pt", "content")
    put(folder, "two.pt", "content")
    before = hash_of("one.pt")
    assert before == hash_of("two.pt")
    put(folder, "one.pt", "other content")
    assert hash_of("one.pt") != before


def test_random_and_missing_weights_have_none(folder):
    assert hash_of("random") is None
    assert hash_of("nothing.pt") is None


def test_a_folder_counts_by_its_tensors(folder):
    clip = {"family": "clip", "weights": "weights/clip"}
    put(folder, "clip/config.json", "{}")
    put(folder, "clip/model.safetensors", "tensors")
    given = config("random").model_copy(
        update={"encoders": {"clip": _clip(clip)}},
    )
    assert weight_files.content_hashes(given)["clip"] == hash_of_file(folder)


def _clip(entry):
    corpora = {"mine": {"layout": "folder", "root": "videos"}}
    given = {"corpora": corpora, "train": ["mine"], "test": ["mine"]}
    return complete_config(given | {"encoders": {"clip": entry}}).encoders["clip"]


def hash_of_file(folder) -> str:
    return hashes.digest(folder / "weights/clip/model.safetensors", "sha256")


def test_a_hash_is_computed_once_for_a_path_size_and_time(folder, monkeypatch):
    path = put(folder, "one.pt", "content")
    before = hashes.digest(path, "sha256")
    hashes._memory.cache_clear()  # as in another process
    monkeypatch.setattr(hashes.hashlib, "file_digest", None)
    assert hashes.digest(path, "sha256") == before


def test_weights_that_are_not_the_published_ones_are_told_of(
    folder, monkeypatch, caplog
):
    record = records.records()[PUBLISHED]
    put(folder, PUBLISHED, "content")
    known = replace(record, size_bytes=len("content"), sha256="0" * 64)
    changed = records.records() | {PUBLISHED: known}
    monkeypatch.setattr(weight_files, "records", lambda: changed)
    (note,) = weight_files.notes(config(PUBLISHED))
    assert note.encoder == "lips"
    assert "is not the published avhubert/self_large_vox_433h.pt" in note.note
    with caplog.at_level(logging.WARNING, "dfprobe"):
        weight_files.warn_of_others(config(PUBLISHED), ["lips"])
    assert "encoder lips: " in caplog.text
    assert weight_files.notes(config("random")) == ()
