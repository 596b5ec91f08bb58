import numpy as np
import pytest
from safetensors.numpy import save_file

from dfprobe.errors import DataError
from dfprobe.heads.files.head_file import read_head
from dfprobe.heads.files.tensor_file import write_tensors
from dfprobe.heads.kinds.linear import LinearProbe


def test_round_trip(tmp_path):
    path = tmp_path / "head.safetensors"
    params = np.arange(9, dtype=np.float32)
    LinearProbe(params, {"encoder_key": "k", "train_corpus": "toy"}).save(path)
    probe = LinearProbe.load(path)
    np.testing.assert_array_equal(probe.params, params)
    expected = {"encoder_key": "k", "train_corpus": "toy", "kind": "linear", "dim": 8}
    assert probe.metadata == expected | {"dims": [8]}


def test_another_kind_is_refused(tmp_path):
    path = tmp_path / "head.safetensors"
    write_tensors(
        path, {"x": np.zeros(3, np.float32)}, {"kind": "next_token", "dim": 3}
    )
    with pytest.raises(DataError, match="kind 'next_token', expected 'linear'"):
        LinearProbe.load(path)


def test_tensors_that_contradict_the_metadata_are_refused(tmp_path):
    path = tmp_path / "head.safetensors"
    tensors = {
        "head.weight": np.zeros((1, 4), np.float32),
        "head.bias": np.zeros(1, np.float32),
    }
    write_tensors(path, tensors, {"kind": "linear", "dim": 8})
    with pytest.raises(DataError, match=r"\(1, 4\).*expected.*\(1, 8\)"):
        LinearProbe.load(path)


def test_safetensors_of_someone_else_is_refused(tmp_path):
    path = tmp_path / "head.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, path, {"format": "pt"})
    with pytest.raises(DataError, match="not a head of dfprobe"):
        read_head(path, "linear")


def test_missing_and_broken_files_are_refused(tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a head")
    for path in (broken, tmp_path / "absent.safetensors"):
        with pytest.raises(DataError, match="train the head again"):
            read_head(path, "linear")


def test_any_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "head.safetensors"
    LinearProbe(np.arange(9, dtype=np.float32), {"encoder_key": "k"}).save(path)
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"head\.safetensors"):
            LinearProbe.load(path)
