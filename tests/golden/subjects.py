"""What is recorded of every recipe: small inputs, and the numbers made from them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from contract.test_corpora import CORPORA, _manifest
from contract.test_encoders import build, make_clip, run_parts
from corpora_stand_ins import some_bytes
from dfprobe import recipes
from dfprobe.audit.facts import clip_facts
from dfprobe.cli import main
from dfprobe.demo.make import make_demo
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.windows import Limits
from dfprobe.features.feature_files import read_rows
from dfprobe.features.trimming import silent_frames, without_start
from dfprobe.media.audio import leading_silence_s, load_sound
from dfprobe.media.clip import crop_clip
from dfprobe.media.faces import dlib_finder
from dfprobe.media.video import frames_at_25fps, video_info
from dfprobe.settings import encoder_families
from dfprobe.settings.corpora import Demo, Sources
from typed_specs import head_spec
from unit.heads.toy_features import DIM, write_features, write_manifest
from unit.media.media_files import face_frame, write_clip

Numbers = dict[str, np.ndarray]


class Subject(NamedTuple):
    """Something with a recipe.

    Parameters
    ----------
    recipe : dict of str to int
        Its number, and those of what it is made with.
    numbers : callable
        Gives arrays by name; takes an empty folder.
    """

    recipe: dict[str, int]
    numbers: Callable[[Path], Numbers]


def _family(family: str, stream: str) -> Subject:
    def numbers(folder: Path) -> Numbers:
        return {"rows": build(family, stream).encode(make_clip(1))}

    return Subject(recipes.every_input(family), numbers)


def _windows(folder: Path) -> Numbers:
    """Rows of a clip that is encoded in overlapping windows."""
    encoder = build("wav2vec2", "audio")
    limits = Limits(batch_rows=32, window_s=1.0, overlap_s=0.2)
    return {"rows": run_parts(encoder, make_clip(1, 80), "float32", limits)}


def _trimmed(folder: Path) -> Numbers:
    """A clip without its leading silence."""
    sound = np.random.default_rng(2).standard_normal(8000).astype(np.float32)
    sound[:3000] = 0.0
    cut = silent_frames(leading_silence_s(sound))
    clip = without_start(ClipInputs("c", waveform=sound), cut)
    assert clip.waveform is not None
    return {"waveform": clip.waveform, "start_s": np.array([clip.start_s])}


def _media_file(folder: Path) -> Path:
    """A lossless clip: a moving face at 30 frames per second, late stereo noise."""
    frames = [face_frame(shift=number, mouth=4 + number) for number in range(8)]
    sound = 0.1 * np.random.default_rng(2).standard_normal((2, 9600))
    return write_clip(
        folder / "face.mkv",
        frames,
        fps=30,
        sound=sound.astype(np.float32),
        rate=48_000,
        sound_start_s=0.04,
        codecs=("ffv1", "pcm_f32le"),
    )


def _frames(folder: Path) -> Numbers:
    path = _media_file(folder)
    return {"frames": np.concatenate(list(frames_at_25fps(path, 4)))}


def _sound(folder: Path) -> Numbers:
    path = _media_file(folder)
    return {"waveform": load_sound(path, video_info(path)).waveform}


def _faces(folder: Path) -> Numbers:
    _, arrays = crop_clip(_media_file(folder), dlib_finder(0), 3)
    return {name: arrays[name] for name in ("landmarks", "boxes", "mouth")}


def _facts(folder: Path) -> Numbers:
    facts = clip_facts(_media_file(folder))
    return {
        name: np.array([value])
        for name, value in facts.items()
        if isinstance(value, int | float) and name != "bytes"
    }


def _feature_file(folder: Path) -> Numbers:
    rows = np.random.default_rng(1).standard_normal((6, 4))
    np.savez(folder / "clip.npz", audio=rows, visual=2 * rows)
    return {"rows": read_rows(folder / "clip.npz", "video")}


def _demo(folder: Path) -> Numbers:
    root = folder / "AVLips"
    demo = Demo(seed=1, sources=Sources(test=1))
    make_demo("avlips", root, demo, folder / "listing.tsv")
    numbers = {}
    for path in sorted(root.rglob("*.mp4")):
        name = path.relative_to(root).as_posix()
        numbers[name] = np.concatenate(list(frames_at_25fps(path, 32)))
        numbers[f"{name}, sound"] = load_sound(path, video_info(path)).waveform
    return numbers


_TORCH = {"width": 8, "feed_forward": 8, "heads": 2, "layers": 1, "dropout": 0.1}
_HEADS = {
    "linear": {"schedule": "plateau", "class_weights": "balanced", "options": {}},
    "transformer": {
        **{"schedule": "none", "class_weights": "none"},
        "options": _TORCH,
    },
    "layer_mix": {
        **{"schedule": "none", "class_weights": "none", "layers": 3, "options": {}},
    },
    "next_token": {"options": {**_TORCH, "batch_size": 4}},
    "sync": {
        "options": {
            **{"hidden": 8, "widths": [8, 8, 8], "tau": 2, "batch_frames": 64},
            **{"direction": "audio", "shuffle": True},
        }
    },
}
_TRAINING = {
    **{"seeds": [43], "learning_rates": [0.003], "max_epochs": 1, "patience": 5},
    **{"memory_mb": 4000, "device": "cpu"},
}


def _head(kind: str) -> Subject:
    """Scores and logits over time of a head that was trained for one epoch."""
    pairs = kind in ("next_token", "sync")

    def numbers(folder: Path) -> Numbers:
        manifest, stores = _toy_corpus(folder)
        second = ["--second", stores[1]] if pairs else []
        spec = head_spec(kind=kind, **_TRAINING, **_HEADS[kind]).to_json()
        head, scores, curves = (str(folder / f"{n}.out") for n in ("head", "s", "c"))
        streams = [str(manifest), "--features", stores[0], *second]
        losses = ["--history", str(folder / "losses.csv")]
        assert (
            main(["train-head", *streams, "--spec", spec, "--out", head, *losses]) == 0
        )
        made = ["--head", head, "--out", scores, "--curves", curves]
        assert main(["score-clips", *streams, *made]) == 0
        logits = pl.read_parquet(curves)["curve"].explode()
        return {
            "scores": pl.read_parquet(scores)["score"].to_numpy(),
            "curves": logits.to_numpy(),
        }

    return Subject(recipes.heads(kind), numbers)


def _toy_corpus(folder: Path) -> tuple[Path, list[str]]:
    """Manifest and two streams of rows in which fakes lean in one direction."""
    rng = np.random.default_rng(3)
    direction = rng.standard_normal(DIM)
    clips = [
        (f"{split}/{number:02d}", split, number % 2)
        for split, count in (("train", 16), ("val", 8), ("test", 6))
        for number in range(count)
    ]
    stores = []
    for stream in ("one", "two"):
        rows = {
            name: (rng.standard_normal((7, DIM)) + label * direction).astype(np.float16)
            for name, _, label in clips
        }
        path = write_features(
            folder / f"{stream}.zarr.zip",
            rows,
            key=stream,
            rate_hz=25.0,
            first_row_s=0.0,
        )
        stores.append(str(path))
    return write_manifest(folder / "toy.parquet", clips), stores


def _layout(name: str) -> Subject:
    def numbers(folder: Path) -> Numbers:
        root = folder / "corpus"
        CORPORA[name].write(root, some_bytes)
        manifest = _manifest(name, root, folder / "m.parquet", content_key="hash")
        listed = manifest.drop("path").write_json().encode()
        return {"manifest": np.frombuffer(listed, np.uint8)}

    return Subject(recipes.manifest(CORPORA[name].layout), numbers)


SUBJECTS = {
    **{
        f"rows of {family}, {stream}": _family(family, stream)
        for family in encoder_families.families()
        for stream in encoder_families.streams(family)
    },
    "rows in windows": Subject(recipes.every_input("wav2vec2"), _windows),
    "trimmed sound": Subject(recipes.every_input("lfcc", trimmed=True), _trimmed),
    "whole frames": Subject(recipes.crops(), _frames),
    "sound": Subject(recipes.crops(), _sound),
    "faces": Subject(recipes.crops(), _faces),
    "facts of a file": Subject(recipes.facts(), _facts),
    "feature files": Subject(recipes.feature_files(), _feature_file),
    "demo corpus": Subject(recipes.demo(), _demo),
    **{f"head of kind {kind}": _head(kind) for kind in _HEADS},
    **{f"manifest of {name}": _layout(name) for name in CORPORA},
}
