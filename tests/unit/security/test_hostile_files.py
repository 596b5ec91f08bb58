"""Files from elsewhere that want code of theirs to run, or files of theirs written."""

import io
import json
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from transformers import CLIPVisionConfig, Wav2Vec2Config

from dfprobe.encoders import registry
from dfprobe.errors import ClipError, DataError, EncoderError
from dfprobe.features.feature_files import read_rows
from dfprobe.settings import encoder_families
from dfprobe.store.features import INDEX_SCHEMA, FeatureReader
from dfprobe.store.journal import Journal

SIZES = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
}
LEAVING = ("../pwned", "/dfprobe-pwned", "a/../../pwned")


class Bomb:
    """Creates a file when it is unpickled by the usual means."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.fixture
def bomb(tmp_path):
    """A bomb; afterwards it must not have gone off, and no file lie beside it."""
    trace = tmp_path / "pwned"
    yield Bomb(trace)
    assert not trace.exists()
    assert not Path(LEAVING[1]).exists()
    pickle.loads(pickle.dumps(Bomb(trace)))  # by the usual means
    assert trace.exists()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder, so that what leaves it lands in one that is looked at."""
    path = tmp_path / "folder"
    path.mkdir()
    return path


def zipped(path: Path, entries: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_pickled_arrays_are_not_unpickled(folder, bomb, name):
    array = np.array([[bomb]], object)
    if name == "a.npy":
        np.save(folder / name, array, allow_pickle=True)
    else:
        np.savez(folder / name, audio=array)
    with pytest.raises(ClipError, match="cannot be read as an array"):
        read_rows(folder / name, "audio")


def test_an_archive_of_arrays_is_not_unpacked(folder, bomb):
    content = io.BytesIO()
    np.save(content, np.ones((2, 3), np.float32))
    names = [*(f"{name}.npy" for name in LEAVING), "audio.npy"]
    path = zipped(folder / "a.npz", dict.fromkeys(names, content.getvalue()))
    assert read_rows(path, "audio").shape == (2, 3)
    assert [file.name for file in folder.iterdir()] == ["a.npz"]


def test_a_store_whose_index_is_pickled_is_refused(folder, bomb):
    array = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "order": "C"}
    array |= {"compressor": None, "fill_value": None}
    array["filters"] = [{"id": "vlen-utf8"}, {"id": "pickle", "protocol": 5}]
    numbers = array | {"shape": [1, 2], "chunks": [1, 2], "dtype": "<f2"}
    group = json.dumps({"zarr_format": 2})
    entries = {".zgroup": group, "index/.zgroup": group}
    entries["features/.zarray"] = json.dumps(numbers | {"filters": None})
    for name in INDEX_SCHEMA:
        entries[f"index/{name}/.zarray"] = json.dumps(array)
        entries[f"index/{name}/0"] = pickle.dumps([bomb, "|O", [1]])
    path = zipped(folder / "000.zarr.zip", entries)
    with pytest.raises(DataError, match="not a whole feature store"):
        FeatureReader(path)


@pytest.mark.parametrize("dtype", ["string", "int64"])
def test_a_store_of_other_things_than_numbers_is_refused(folder, bomb, dtype):
    path = folder / "000.zarr.zip"
    with zarr.storage.ZipStore(path, mode="w") as store:
        group = zarr.create_group(store)
        group.create_array("features", shape=(1, 2), chunks=(1, 2), dtype=dtype)
        group.create_group("index")
    with pytest.raises(DataError, match="expected features of 2 dimensions"):
        FeatureReader(path)


def test_a_journal_with_pickled_arrays_stays_unread(folder, bomb):
    row = json.dumps({"clip_id": "a"}).encode()
    arrays = io.BytesIO()
    np.savez(arrays, rows=np.array([bomb], object))
    payload = struct.pack("<I", len(row)) + row + arrays.getvalue()
    path = folder / "000.h5.journal"
    with path.open("wb") as file:
        for part in (b"key", payload):
            file.write(struct.pack("<QI", len(part), zlib.crc32(part)) + part)
    with Journal(path, "key") as journal:
        assert list(journal.rows) == ["a"]
        with pytest.raises(ValueError, match="allow_pickle=False"):
            journal.arrays("a")


def hub_folder(folder: Path, family: str, bomb: Bomb) -> Path:
    """A folder as from a hub, whose weights are a pickle that does harm."""
    if family == "clip":
        config = CLIPVisionConfig(**SIZES, image_size=28, patch_size=14)
    else:
        config = Wav2Vec2Config(**SIZES, conv_dim=(8,) * 7)
    config.save_pretrained(folder)
    torch.save({"w": bomb}, folder / "pytorch_model.bin")
    return folder


@pytest.mark.parametrize("family", ["clip", "wav2vec2"])
def test_pickled_weights_of_a_hub_are_not_unpickled(folder, bomb, family):
    hub_folder(folder, family, bomb)
    with pytest.raises(EncoderError, match=str(folder)):
        registry.load_encoder(family, str(folder))


_watched: list[str] = []
_watching = [False]


def _watch(event: str, arguments: tuple) -> None:
    if _watching[0] and event in ("socket.connect", "socket.getaddrinfo"):
        _watched.append(f"{event} {arguments}")


@pytest.mark.parametrize("family", ["auto", "clip", "videomae", "wav2vec2"])
def test_random_weights_ask_no_network(family, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    sys.addaudithook(_watch)  # cannot be taken away, so it looks only while told to
    _watching[0] = True
    try:
        registry.load_encoder(family, "random", encoder_families.streams(family)[0])
    finally:
        _watching[0] = False
    assert _watched == []
