"""Heads in the published checkpoint formats, as stand-in files."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from dfprobe.cli import main
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.kinds.sync import Sizes, SyncHead, new_model
from unit.media.media_files import bursts, write_clip

ROOT = Path(__file__).parents[3]
DIM = 240  # of a row of LFCC


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
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


def sync_stand_in(dims=(64, DIM), **changes):
    """A checkpoint with the published keys and types, and the names of AVH-Align."""
    model = new_model(Sizes(dims, 1024, (512, 256, 128)), seed=3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=5)
    model(*(torch.ones(2, dim) for dim in dims)).sum().backward()
    optimizer.step()
    scheduler.step(2.5)
    content = {
        "epoch": 7,
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "best_val_loss": 2.5,
        "args": Namespace(lr=1e-5, tau=15, resume=None),
    }
    content |= changes
    torch.save(content, "model-epoch=18.ckpt")
    return content


def run(*encoders):
    named = ["--encoder", *(encoders or ["lfcc"]), "--train", "av1m"]
    names = [*named, "--out", "head.safetensors"]
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
            "is not a published head",
        ),
        ({"hyper_parameters": {}}, "lfcc", "is not a published probe"),
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


def test_the_published_synchronisation_head_becomes_a_head():
    content = sync_stand_in()
    assert run("example", "lfcc") == 0
    head = SyncHead.load(Path("head.safetensors"))
    for name, tensor in content["state_dict"].items():
        np.testing.assert_array_equal(head.tensors[name], tensor)
    assert head.dims == (64, DIM)
    assert head.metadata["train_corpus"] == "av1m"
    families = [stream["encoder"]["family"] for stream in head.metadata["streams"]]
    assert families == ["example", "lfcc"]
    assert head.metadata["imported"]["epoch"] == 7
    assert head.metadata["imported"]["best_val_loss"] == 2.5
    assert len(head.metadata["imported"]["sha256"]) == 64


def test_an_imported_synchronisation_head_gives_the_networks_outputs():
    tensors = sync_stand_in()["state_dict"]
    run("example", "lfcc")
    rng = np.random.default_rng(3)
    rows = [rng.standard_normal((9, dim)).astype(np.float32) for dim in (64, DIM)]
    model = new_model(Sizes((64, DIM), 1024, (512, 256, 128)), seed=0)
    model.load_state_dict(tensors)
    units = [torch.from_numpy(r / np.linalg.norm(r, axis=1)[:, None]) for r in rows]
    curve = SyncHead.load(Path("head.safetensors")).curve(*rows)
    np.testing.assert_allclose(curve, -model(*units).detach(), atol=1e-5)


def test_a_synchronisation_head_can_belong_to_feature_files():
    sync_stand_in(dims=(64, 3840))
    assert run("example", "theirs") == 0
    assert SyncHead.load(Path("head.safetensors")).dims == (64, 3840)


@pytest.mark.parametrize(
    ("made", "encoders", "part"),
    [
        (
            {},
            ["lfcc", "example"],
            "reads visual features of 64 dimensions, but the encoder lfcc",
        ),
        ({"dims": (512, DIM)}, ["example", "lfcc"], "reads visual features of 512"),
        ({"dims": (64, 512)}, ["example", "lfcc"], "reads audio features of 512"),
        ({}, ["lfcc"], "two encoders, the visual one first, but 1 were named: lfcc"),
        ({}, ["example", "lfc"], "Did you mean 'lfcc'?"),
        (
            {"state_dict": {"visual_proj.weight": torch.zeros(2, 3)}},
            ["example", "lfcc"],
            "expected visual_proj, audio_proj and mlp",
        ),
        (
            {"state_dict": {"visual_proj.weight": "text"}},
            ["example", "lfcc"],
            "should hold tensors only",
        ),
    ],
)
def test_a_synchronisation_head_of_other_rows_is_refused(made, encoders, part, capsys):
    sync_stand_in(**made)
    assert run(*encoders) == 1
    assert part in capsys.readouterr().err
    assert not Path("head.safetensors").exists()


def test_a_probe_reads_one_encoder(capsys):
    stand_in()
    assert run("example", "lfcc") == 1
    assert (
        "reads the features of one encoder, but 2 were named" in capsys.readouterr().err
    )


def test_nothing_in_a_namespace_is_executed(capsys):
    sync_stand_in(args=Namespace(hook=Hostile()))
    assert run("example", "lfcc") == 1
    assert "without classes in it" in capsys.readouterr().err
    assert not Path("executed").exists()
