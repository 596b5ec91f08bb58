"""The stand-ins for published checkpoints are read by the loaders that users use."""

import pickletools
import sys
import zipfile

import pytest
import torch

from dfprobe.encoders.loading.checkpoints import read_tensors
from parity import stand_ins

SHAPES = {"layer.weight": (4, 3), "layer.bias": (4,), "bn.num_batches_tracked": ()}


def assert_read(tensors):
    expected = stand_ins.values(SHAPES)
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, expected[name])
        assert tensor.dtype == expected[name].dtype


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_fairseq(tmp_path, zipped):
    path = stand_ins.write_fairseq(tmp_path / "a.pt", SHAPES, zipped)
    assert zipfile.is_zipfile(path) == zipped
    assert "fairseq" not in sys.modules
    assert_read(read_tensors(path, "model"))


def test_a_file_of_fairseq_names_what_is_not_installed(tmp_path):
    path = stand_ins.write_fairseq(tmp_path / "a.pt", SHAPES)
    with zipfile.ZipFile(path) as archive:
        content = archive.read("a/data.pkl")
    named = {
        str(arg) for op, arg, _ in pickletools.genops(content) if "GLOBAL" in op.name
    }
    assert named >= {
        "fairseq.data.dictionary Dictionary",
        "fairseq.data.encoders.sentencepiece_bpe SentencepieceBPE",
        "sentencepiece SentencePieceProcessor",
        "_codecs encode",
        "numpy dtype",
    }
    assert any(name.endswith("multiarray scalar") for name in named)


def test_a_flat_file(tmp_path):
    assert_read(read_tensors(stand_ins.write_flat(tmp_path / "a.pth", SHAPES), None))


def test_a_file_of_fsfm(tmp_path):
    path = stand_ins.write_fsfm(tmp_path / "a.pth", SHAPES)
    assert_read(read_tensors(path, "model"))
