import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from dfprobe.encoders.loading.checkpoints import load_exactly, read_tensors
from dfprobe.errors import EncoderError


@pytest.fixture
def foreign_class(monkeypatch):
    """A class of a module that will not be there on loading."""
    module = types.ModuleType("fairseq_stand_in")

    class Dictionary(list):
        def __init__(self, symbols=()):
            super().__init__(symbols)
            self.indices = {"<s>": 0}

    Dictionary.__module__ = "fairseq_stand_in"
    Dictionary.__qualname__ = "Dictionary"
    module.Dictionary = Dictionary
    monkeypatch.setitem(sys.modules, "fairseq_stand_in", module)
    return Dictionary


class Hostile:
    """Creates a file when it is unpickled by the usual means."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return (Path.touch, (self._path,))


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_beside_objects_of_unknown_classes(
    tmp_path, foreign_class, monkeypatch, zipped
):
    path = tmp_path / "fairseq.pt"
    tensors = OrderedDict(
        a=torch.arange(3.0), half=torch.ones(2).half(), n=torch.tensor(1)
    )
    torch.save(
        {"args": None, "task_state": {"d": foreign_class("ab")}, "model": tensors},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    monkeypatch.delitem(sys.modules, "fairseq_stand_in")
    read = read_tensors(path, "model")
    assert list(read) == ["a", "half", "n"]
    assert torch.equal(read["a"], torch.arange(3.0))
    assert read["half"].dtype == torch.float32
    assert read["n"].dtype == torch.int64
    assert "fairseq_stand_in" not in sys.modules


def test_parameters_are_tensors(tmp_path):
    torch.save({"model": {"w": torch.nn.Parameter(torch.ones(2))}}, tmp_path / "p.pt")
    weight = read_tensors(tmp_path / "p.pt", "model")["w"]
    assert not weight.requires_grad


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_checkpoint_is_executed(tmp_path, zipped):
    path, trace = tmp_path / "hostile.pt", tmp_path / "executed"
    content = {"model": {"w": torch.ones(1)}, "extra": Hostile(trace)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert read_tensors(path, "model")["w"].item() == 1
    assert not trace.exists()
    torch.load(path, weights_only=False)  # the usual means
    assert trace.exists()


def test_a_compiled_program_is_refused(tmp_path):
    path = tmp_path / "script.pt"
    # A stand-in for an archive of torch.jit.save, which is deprecated: only its
    # telltale member matters, since it is refused before torch sees it.
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("script/constants.pkl", b"")
    with pytest.raises(EncoderError, match=r"script\.pt is a TorchScript archive"):
        read_tensors(path, "model")


@pytest.mark.parametrize("content", [b"", b"text, no checkpoint", b"\x80\x02}q\x00."])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=r"checkpoint .*other\.pt"):
        read_tensors(path, "model")


def test_a_plain_pickle_is_not_executed(tmp_path):
    path, trace = tmp_path / "plain.pt", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Hostile(trace)))
    with pytest.raises(EncoderError, match=r"plain\.pt"):
        read_tensors(path, "model")
    assert not trace.exists()


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "cut.pt"
    torch.save({"model": {"w": torch.ones(1000)}}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(EncoderError, match=r"cut\.pt .*damaged"):
        read_tensors(path, "model")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(EncoderError, match=r"absent\.pt is not there"):
        read_tensors(tmp_path / "absent.pt", "model")


def test_the_entry_must_be_there(tmp_path):
    torch.save({"state_dict": {}, "cfg": 1}, tmp_path / "x.pt")
    with pytest.raises(EncoderError, match=r"under 'model'; found the keys state_dict"):
        read_tensors(tmp_path / "x.pt", "model")


def test_the_entry_must_hold_tensors(tmp_path):
    torch.save({"model": {"w": 3}}, tmp_path / "x.pt")
    with pytest.raises(
        EncoderError, match=r"under 'model'; 'w' is not a tensor .* int"
    ):
        read_tensors(tmp_path / "x.pt", "model")


def test_tensors_at_the_top_level(tmp_path):
    torch.save(torch.nn.BatchNorm1d(2).half().state_dict(), tmp_path / "flat.pt")
    read = read_tensors(tmp_path / "flat.pt", None)
    assert read["weight"].dtype == torch.float32
    assert read["num_batches_tracked"].dtype == torch.int64


def test_the_top_level_must_hold_tensors(tmp_path):
    path = tmp_path / "nested.pt"
    torch.save({"state_dict": {"w": torch.ones(1)}}, path)
    with pytest.raises(
        EncoderError, match="at the top level; 'state_dict' is not a tens"
    ):
        read_tensors(path, None)
    torch.save([torch.ones(1)], path)
    with pytest.raises(EncoderError, match=r"top level; found an object .* list"):
        read_tensors(path, None)


def test_exact_loading_names_every_fault():
    linear = torch.nn.Linear(2, 3)
    tensors = {"weight": torch.ones(3, 4), "gain": torch.ones(1)}
    with pytest.raises(
        EncoderError,
        match=r"here does not fit Linear: 1 missing: bias; 1 unexpected: gain; "
        r"1 of the wrong shape: weight \(3, 4\) instead of \(3, 2\)",
    ):
        load_exactly(linear, tensors, "here")


def test_long_lists_are_cut():
    tensors = {f"t{number:03}": torch.ones(1) for number in range(30)}
    with pytest.raises(EncoderError, match=r"30 unexpected: t000, .*t019 and 10 more"):
        load_exactly(torch.nn.Identity(), tensors, "here")


def test_exact_loading_takes_the_values_over():
    linear = torch.nn.Linear(2, 1)
    load_exactly(linear, {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, "here")
    assert linear(torch.tensor([1.0, 2.0])).item() == 3
