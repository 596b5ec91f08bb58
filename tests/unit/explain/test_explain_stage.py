"""The stage of spatial explanations, on small clips through all stages before it."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dfprobe.corpora.manifest import SCHEMA as MANIFEST
from dfprobe.encoders import registry
from dfprobe.errors import DataError
from dfprobe.explain.spatial.maps.attribution import SCHEMA, explain_frames
from dfprobe.explain.spatial.maps.controls import permuted_labels, random_encoder
from dfprobe.features.extract import extract_features
from dfprobe.heads.scoring import Scored, score_clips
from dfprobe.heads.training import train_heads
from dfprobe.media.crops import make_crops
from dfprobe.settings.specs import EncoderSpec
from dfprobe.settings.stage_specs.explanations import FramesSpec
from dfprobe.settings.stage_specs.features import CropsSpec, FeaturesSpec
from typed_specs import head_spec, typed
from unit.features.settings import SETTINGS
from unit.media.media_files import bursts, face_frame, numbered_frame, write_clip

FRAMES = 18
SOUND = bursts(0.2, rate=16_000, length_s=FRAMES / 25)
HEAD = head_spec(seeds=[1], learning_rates=[0.1], max_epochs=5, patience=5)
ENCODERS = {
    "residual": {"family": "residual", "stream": "video", "weights": "none"},
    "fsfm": {
        "family": "fsfm",
        "stream": "video",
        "weights": "random",
        "options": {"image_size": 48},
    },
    "videomae": {
        "family": "videomae",
        "stream": "video",
        "weights": "random",
        "options": {"image_size": 32, "layers": 1},
    },
}


def clip_row(folder: Path, name: str, split: str, label: int, **fields) -> dict:
    return {
        **dict.fromkeys(MANIFEST),
        "clip_id": name,
        "path": f"{folder / name}.mp4",
        "split": split,
        "label": label,
        "manipulation": "swap" if label else "real",
        "video_fake": bool(label),
        "audio_fake_segments": [],
        "video_fake_segments": [],
        "clicks": [],
        "content_key": name,
        "shard": "000",
        **fields,
    }


class Project:
    """A corpus with a probe on each encoder; one test fake has no face, one is text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rows = []
        for number in range(8):
            label, split = number % 2, ("train", "train", "val", "test")[number // 2]
            faces = [face_frame(shift=number, mouth=8 + i % 3) for i in range(FRAMES)]
            if label:
                for face in faces:
                    face[130:150, 80:120] //= 2
            write_clip(folder / f"c{number}.mp4", faces, sound=SOUND)
            rows.append(clip_row(folder, f"c{number}", split, label))
        write_clip(folder / "no_face.mp4", [numbered_frame(200)] * FRAMES)
        (folder / "text.mp4").write_text("no video")
        rows += [clip_row(folder, n, "test", 1) for n in ("no_face", "text")]
        self.manifest = folder / "toy.parquet"
        pl.DataFrame(rows, schema=MANIFEST).sort("clip_id").write_parquet(self.manifest)
        self.h5 = folder / "000.h5"
        spec = CropsSpec(detect_every=5, upsample=0, max_failed_share=1.0)
        make_crops(self.manifest, "000", spec, self.h5, folder / "000.parquet")
        for name in ENCODERS:
            self._learn(name)

    def _learn(self, name: str) -> None:
        spec = SETTINGS | {
            "dtype": "float32",
            "encoder": {"name": name, **ENCODERS[name]},
        }
        index, store = self.folder / "000.parquet", self.store(name)
        extract_features(
            self.manifest, self.h5, index, "000", typed(FeaturesSpec, spec), store
        )
        train_heads(
            [[store]], self.manifest, HEAD, [self.head(name)], self.folder / "curve.csv"
        )
        scores = self.folder / f"{name}.scores.parquet"
        score_clips([[store]], self.manifest, [Scored(self.head(name), scores)])

    def store(self, name: str) -> Path:
        return self.folder / f"{name}.zarr.zip"

    def head(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    def explain(self, name: str, probe: str | None = None, **changes) -> pl.DataFrame:
        run = ("device", "window_s", "overlap_s", "batch_rows")
        spec = {name: SETTINGS[name] for name in run}
        spec |= {"encoder": {"name": name, **ENCODERS[name]}}
        spec |= {"frames": 3, "clips": 9, "seed": 1, "head": HEAD.model_dump()}
        out = self.folder / "maps.parquet"
        explain_frames(
            self.manifest,
            [self.h5],
            self.head(probe or name),
            self.folder / f"{name}.scores.parquet",
            self.manifest,
            [self.store(name)],
            typed(FramesSpec, spec | changes),
            out,
        )
        return pl.read_parquet(out)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module", params=["residual", "fsfm"])
def maps(request, project):
    return request.param, project.explain(request.param)


def test_every_chosen_clip_has_its_rows_and_the_failed_ones_their_reason(maps):
    name, table = maps
    assert table.schema == SCHEMA
    statuses = dict(table.select("clip_id", "status").unique().iter_rows())
    lost = {"fsfm": "ok", "residual": "no_face"}[name]  # FSFM takes whole frames
    assert statuses == {"c7": "ok", "no_face": lost, "text": "unreadable"}
    counts = dict(table.group_by("clip_id").len().iter_rows())
    assert counts == {"c7": 6, "no_face": 6, "text": 2}  # two maps a frame
    bad = table.filter(pl.col("status") != "ok")
    assert bad["heat"].null_count() == bad.height
    assert table.filter(clip_id="c7")["frame"].unique().sort().to_list() == [3, 9, 15]


def test_maps_of_a_frame_are_whole_and_explain_its_logit(maps):
    name, table = maps
    good = table.filter(pl.col("clip_id") == "c7")
    assert (good["heat"].list.len() == good["rows"] * good["cols"]).all()
    assert (good["affine"].list.len() == 6).all()
    assert good.select("width", "height").unique().rows() == [(200, 200)]
    assert good["clip_score"].null_count() == 0
    by_frame = good.group_by("frame").agg(
        pl.col("heat").list.sum().sum(), pl.col("logit").first()
    )
    if name == "residual":
        difference = (by_frame["heat"] - by_frame["logit"]).abs().max()
        assert difference < 1e-5
    # The score of a clip is the log-sum-exp of the logits of all frames.
    assert good["logit"].max() < good["clip_score"][0]


def test_the_checks_are_there_where_they_can_be(maps):
    name, table = maps
    good = table.filter(pl.col("clip_id") == "c7")
    assert good["shuffled_heat"].null_count() == 0
    assert good["shuffled_rank"].is_between(-1, 1).all()
    has_weights = name == "fsfm"
    assert (good["random_heat"].null_count() == 0) == has_weights


def test_a_frame_after_the_last_row_keeps_its_place_with_a_reason(project):
    table = project.explain("videomae", frames=9, head=None).filter(clip_id="c7")
    frames = dict(table.select("frame", "status").unique().iter_rows())
    # 18 frames are one chunk of 16 and two that are left.
    assert frames == dict.fromkeys(range(1, 17, 2), "ok") | {17: "too_short"}
    late = table.filter(frame=17)
    assert late["method"].to_list() == ["exact", "gradcam", "gradxact"]
    assert late["row"].to_list() == [8, 8, 8]
    assert late["heat"].null_count() == 3


def test_a_trimmed_clip_s_maps_lie_where_those_of_the_whole_clip_do(project):
    plain = {"frames": 6, "head": None}
    whole, trimmed = (
        project.explain("fsfm", trim=trim, **plain).filter(clip_id="c7")
        for trim in (None, "leading_silence")
    )
    assert trimmed["frame"].equals(whole["frame"])
    cut = (whole["row"] - trimmed["row"]).unique().to_list()
    assert len(cut) == 1 and 1 < cut[0] < 9
    gone, left = (
        trimmed.filter(late) for late in (pl.col("row") < 0, pl.col("row") >= 0)
    )
    assert gone.height and left.height
    assert gone["status"].unique().to_list() == ["too_short"]
    # FSFM sees frame by frame, so what is left has the same maps at the same places.
    same = ("frame", "method", "logit", "heat", "affine")
    later = whole.filter(pl.col("frame").is_in(left["frame"].implode()))
    assert left.select(same).equals(later.select(same))


def test_without_checks_there_are_no_other_maps(project):
    table = project.explain("residual", head=None)
    others = ("shuffled_heat", "random_heat", "shuffled_rank", "random_rank")
    assert all(table[name].null_count() == table.height for name in others)


def test_a_second_run_gives_the_same_table(project, maps):
    name, table = maps
    assert project.explain(name).equals(table)


def test_a_head_of_another_encoder_is_refused(project):
    with pytest.raises(DataError, match="Train the head again"):
        project.explain("fsfm", probe="residual")


def test_labels_are_permuted_within_splits_and_unknown_ones_stay():
    clips = pl.DataFrame(
        {
            "clip_id": [f"{n:02}" for n in range(40)],
            "split": ["train"] * 24 + ["val"] * 16,
            "label": pl.Series([0, 1, 1, None] * 10, dtype=pl.Int8),
        }
    )
    shuffled = permuted_labels(clips, 3)
    assert shuffled.drop("label").equals(clips.drop("label"))
    assert shuffled.schema == clips.schema
    for split in ("train", "val"):
        before, after = (t.filter(split=split)["label"] for t in (clips, shuffled))
        assert before.is_null().equals(after.is_null())
        assert before.sum() == after.sum()
    assert not shuffled["label"].equals(clips["label"])
    assert permuted_labels(clips, 3).equals(shuffled)
    assert not permuted_labels(clips, 4).equals(shuffled)


def test_a_random_encoder_has_other_weights_of_the_same_sizes():
    spec = EncoderSpec("x", "fsfm", "video", "random", options={"image_size": 48})
    encoder = registry.build(spec, "cpu")
    weights = encoder.module.blocks[0].mlp.fc1.weight
    redrawn = random_encoder(spec, encoder, 1).module.blocks[0].mlp.fc1.weight
    assert redrawn.shape == weights.shape and not redrawn.equal(weights)
    # Learned weights: each tensor keeps its values, in another order.
    learned = EncoderSpec("x", "fsfm", "video", "some.pth")
    other = random_encoder(learned, encoder, 1)
    mixed = other.module.blocks[0].mlp.fc1.weight
    assert not mixed.equal(weights)
    np.testing.assert_array_equal(
        np.sort(mixed.numpy().ravel()), np.sort(weights.numpy().ravel())
    )
    again = random_encoder(learned, encoder, 1).module.blocks[0].mlp.fc1.weight
    assert again.equal(mixed)
    assert encoder.module.blocks[0].mlp.fc1.weight.equal(weights)  # left as it was


def test_an_encoder_without_weights_has_no_random_twin():
    spec = EncoderSpec("x", "residual", "video", "none")
    assert random_encoder(spec, registry.build(spec, "cpu"), 1) is None
