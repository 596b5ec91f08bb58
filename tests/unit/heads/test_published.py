"""Probes in the published checkpoint format, as stand-in files."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from dfprobe.cli import main
from dfprobe.config import SCHEMA
from dfprobe.heads.linear import LinearProbe
from unit.media.media_files import bursts, write_clip

ROOT = Path(__file__).parents[3]
DIM = 240  # of a row of LFCC


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SCHEMA.parent.mkdir(parents=True)
    SCHEMA.write_bytes((ROOT / SCHEMA).read_bytes())
    config = {
        "corpora": {"mine": {"layout": "folder", "root": "videos"}},
        "encoders": {
            "lfcc": {"family": "lfcc"},
            "example": {"family": "example"},
            "theirs": {"source": "files", "stream": "audio", "root": "rows"},
        },
        "train": ["mine"],
        "test": ["mine"],
    }
    Path("config.yaml").write_text(yaml.safe_dump(config))


def stand_in(dim=DIM, kind="audio", **changes):
    """A checkpoint with the published keys, types and shapes."""
    generator = torch.Generator().manual_seed(3)
    hparams = {"input_type": kind, "feats_dim": dim}
    content = {
        "state_dict": {
            "head.weight": torch.randn(1, dim, generator=generator),
            "head.bias": torch.tensor([-3.5]),
        },
        "hparams_name": "kwargs",
        "hyper_parameters": {"config": {"model_hparams": hparams}},
        "pytorch-lightning_version": "2.4.0",
    }
    content |= changes
    torch.save(content, "model-epoch=18.ckpt")
    return content


def run(encoder="lfcc"):
    names = ["--encoder", encoder, "--train", "av1m", "--out", "head.safetensors"]
    return main(["import-head", "model-epoch=18.ckpt", *names])


def test_a_published_probe_becomes_a_head():
    tensors = stand_in()["state_dict"]
    assert run() == 0
    probe = LinearProbe.load(Path("head.safetensors"))
    np.testing.assert_array_equal(probe.params[:-1], tensors["head.weight"][0])
    assert probe.params[-1] == -3.5
    assert probe.metadata["train_corpus"] == "av1m"
    assert probe.metadata["encoder"]["family"] == "lfcc"
    assert probe.metadata["imported"]["file"] == "model-epoch=18.ckpt"
    assert probe.metadata["imported"]["lightning"] == "2.4.0"
    assert len(probe.metadata["imported"]["sha256"]) == 64


def test_it_scores_videos(capsys):
    stand_in()
    run()
    write_clip(Path("a.mkv"), sound=bursts(0.2, rate=16_000, length_s=1.0))
    assert main(["score", "a.mkv", "--head", "head.safetensors"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split()[2:5] == ["ok", "lfcc", "av1m"]
    assert "made by other code" not in printed.err


def test_it_can_belong_to_feature_files(capsys):
    stand_in(dim=3840)
    assert run("theirs") == 0
    probe = LinearProbe.load(Path("head.safetensors"))
    assert probe.dim == 3840
    assert probe.metadata["encoder"]["source"] == "files"
    assert main(["score", "a.mkv", "--head", "head.safetensors"]) == 1
    assert "which dfprobe cannot make of a video" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("made", "encoder", "part"),
    [
        (
            {"kind": "video"},
            "lfcc",
            "'video', but the encoder lfcc gives audio",
        ),
        ({}, "example", "of type 'audio', but the encoder example gives visual"),
        ({"dim": 768}, "lfcc", "has 768 weights"),
        (
            {"state_dict": {"x": torch.zeros(1)}},
            "lfcc",
            "It is no linear probe",
        ),
        ({"hyper_parameters": {}}, "lfcc", "It is no published probe"),
        ({}, "lfc", "Did you mean 'lfcc'?"),
    ],
)
def test_what_does_not_belong_together_is_refused(made, encoder, part, capsys):
    stand_in(**made)
    assert run(encoder) == 1
    assert part in capsys.readouterr().err
    assert not Path("head.safetensors").exists()


def test_a_parameter_that_is_not_finite_is_refused(capsys):
    content = stand_in()
    content["state_dict"]["head.weight"][0, 3] = torch.nan
    torch.save(content, "model-epoch=18.ckpt")
    assert run() == 1
    assert "is not finite" in capsys.readouterr().err


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_nothing_in_a_checkpoint_is_executed(capsys):
    stand_in(extra=Hostile())
    assert run() == 1
    assert "without classes in it" in capsys.readouterr().err
    assert not Path("executed").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_refused(content, capsys):
    if content is not None:
        Path("model-epoch=18.ckpt").write_bytes(content)
    assert run() == 1
    assert "model-epoch=18.ckpt" in capsys.readouterr().err
