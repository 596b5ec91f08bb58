"""The stage that writes both tables, on a small run with planted fakes."""

import numpy as np
import polars as pl
import pytest

from dfprobe.errors import DataError
from dfprobe.explain.temporal.curves import TimedCurve
from dfprobe.explain.temporal.panels import (
    Panel,
    best_encoders,
    choose_clips,
    make_panels,
    marked_times,
)
from dfprobe.explain.temporal.tables import make_tables, read_leading, read_localisation
from dfprobe.rates import RowClock
from dfprobe.settings.stage_specs.explanations import LocalisationSpec, PanelsSpec
from dfprobe.store.scores import write_scores
from typed_specs import typed

FRAMES = 50
SEGMENT = [[0.4, 0.78]]  # frames 10 to 19
CLIPS = [f"{label}/{number}" for label in (0, 1) for number in range(6)]
ABOUT = {"modality": "audio"}
SPEC = {
    "heads": [
        {
            "name": "linear",
            "encoders": ["finds", "misses"],
            "train": ["tr"],
            "test": ["seg", "plain"],
            "log_sum_exp": True,
        },
        {
            "name": "next_token",
            "encoders": ["a+b"],
            "train": ["tr"],
            "test": ["seg"],
            "log_sum_exp": False,
        },
    ],
    "encoders": [
        {"name": "finds", "label": "Finds", **ABOUT},
        {"name": "misses", "label": "Misses", "modality": "visual"},
        {
            "name": "a+b",
            "label": "A + B",
            "modality": "audio-visual",
        },
    ],
    "test": ["seg", "plain"],
    "localised": ["seg"],
}
PANELS = {
    "head": "linear",
    "train": "tr",
    "test": "seg",
    "label": "Seg",
    "encoders": SPEC["encoders"],
    "clips": [],
}


def write_test(folder, corpus):
    fake = [clip.startswith("1") for clip in CLIPS]
    segments = pl.List(pl.List(pl.Float64))
    table = pl.DataFrame(
        {
            "clip_id": CLIPS,
            "path": [str(folder / f"{clip}.mp4") for clip in CLIPS],
            "split": "test",
            "label": [int(f) for f in fake],
            "audio_fake": fake,
            "video_fake": fake,
            "audio_fake_segments": [SEGMENT if f else [] for f in fake],
            "video_fake_segments": [[] for _ in fake],
            "speaker": CLIPS,
            "source": CLIPS,
        },
        schema_overrides={
            "label": pl.Int8,
            "audio_fake_segments": segments,
            "video_fake_segments": segments,
        },
    )
    manifest = folder / "manifests" / f"{corpus}.parquet"
    manifest.parent.mkdir(exist_ok=True)
    table.write_parquet(manifest)
    index = folder / "crops" / corpus / "000.parquet"
    index.parent.mkdir(parents=True)
    frames = [FRAMES] * 11 + [None]  # the last one has sound alone
    pl.DataFrame(
        {"clip_id": CLIPS, "frames": frames, "samples": [640 * FRAMES] * 12}
        | {"leading_silence_s": [0.0] * 6 + [0.1] * 6}
    ).write_parquet(index)
    return manifest, index


def write_head(folder, key, height, bad=()):
    """Curves that are ``height`` in the segment of a fake, and their scores."""
    curve = np.zeros(FRAMES, np.float32)
    fake = curve.copy()
    fake[10:20] = height
    curves = [
        None if clip in bad else (fake if clip[0] == "1" else curve).tolist()
        for clip in CLIPS
    ]
    path = folder / "curves" / f"{key}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(
        {"clip_id": CLIPS, "curve": curves, "rate_hz": 25.0, "first_row_s": 0.0},
        schema_overrides={"curve": pl.List(pl.Float32)},
    ).write_parquet(path)
    scores = [c and float(np.logaddexp.reduce(c)) for c in curves]
    table = pl.DataFrame(
        {"clip_id": CLIPS, "label": [int(c[0]) for c in CLIPS], "score": scores}
    ).with_columns(
        manipulation=pl.lit("swap"),
        status=pl.when(pl.col("score").is_null())
        .then(pl.lit("no_audio"))
        .otherwise(pl.lit("ok")),
    )
    score = folder / "scores" / f"{key}.parquet"
    write_scores(table, score)
    return path, score


@pytest.fixture
def run(tmp_path):
    facts = [write_test(tmp_path, corpus) for corpus in ("seg", "plain")]
    files = [
        write_head(tmp_path, "linear/finds/tr/seg", 3.0, bad=["1/0"]),
        write_head(tmp_path, "linear/misses/tr/seg", -3.0),
        write_head(tmp_path, "next_token/a+b/tr/seg", 1.0),
        write_head(tmp_path, "linear/finds/tr/plain", 3.0),
        write_head(tmp_path, "linear/misses/tr/plain", -3.0),
    ]
    curves, scores = (list(part) for part in zip(*files, strict=True))
    manifests, crops = (list(part) for part in zip(*facts, strict=True))
    return curves, scores, manifests, crops


@pytest.fixture
def tables(run, tmp_path):
    outs = tmp_path / "localisation.csv", tmp_path / "leading.csv"
    make_tables(*run, typed(LocalisationSpec, SPEC), *outs)
    return read_localisation(outs[0]), read_leading(outs[1])


def test_a_row_for_each_head_encoder_and_subset(tables):
    placed, _ = tables
    assert placed["test"].unique().to_list() == ["seg"]
    both = placed.filter(subset="both").rows_by_key("encoder", named=True, unique=True)
    assert list(both) == ["finds", "misses", "a+b"]
    finds, misses = both["finds"], both["misses"]
    assert (finds["label"], finds["modality"]) == ("Finds", "audio")
    assert (finds["auc_clip_mean"], misses["auc_clip_mean"]) == (1.0, 0.0)
    assert (finds["classification_auc"], misses["classification_auc"]) == (1.0, 0.0)
    assert (finds["clips"], finds["left_out_no_curve"]) == (5, 1)
    # The other head could score it, but is compared on the same clips.
    assert (misses["clips"], misses["left_out_not_common"]) == (5, 1)
    assert both["a+b"]["auc_pooled"] == 1.0
    assert placed.filter(subset="audio_only")["clips"].to_list() == [0, 0, 0]


def test_first_moments_of_the_heads_that_sum_over_time(tables):
    _, first = tables
    assert first["head"].unique().to_list() == ["linear"]
    assert sorted(first["test"].unique()) == ["plain", "seg"]
    fakes = first.filter(encoder="finds", test="plain", **{"class": "fake"})
    # Ten rows of e^3 among forty of 1; three and a half of a second are ordinary rows.
    expected = 3 / (40 + 10 * np.exp(3))
    assert fakes["share_100ms"].item() == pytest.approx(expected, abs=1e-6)
    assert fakes["leading_silence_share"].item() == 1.0
    whole = first.filter(encoder="finds", test="plain", **{"class": "all"})
    assert whole["auc_without_100ms"].item() == 1.0


def test_a_missing_curve_is_named(run, tmp_path):
    curves, scores, manifests, crops = run
    outs = tmp_path / "localisation.csv", tmp_path / "leading.csv"
    spec = typed(LocalisationSpec, SPEC)
    with pytest.raises(DataError, match=r"encoder finds.*is missing"):
        make_tables(curves[1:], scores, manifests, crops, spec, *outs)


def test_the_best_encoder_of_each_modality_is_shown(tables):
    spec = typed(PanelsSpec, PANELS)
    assert best_encoders(tables[0], spec) == ["finds", "misses"]


def test_the_best_clips_and_the_worst_are_shown():
    clips = pl.DataFrame(
        {"clip_id": list("abcde"), "label": [1, 1, 1, 1, 0], "common": True}
        | {"audio_fake": True, "video_fake": True, "frames": 20}
        | {
            "audio_fake_segments": [[[0.0, 0.2]]] * 5,
            "video_fake_segments": [[[0.0, 0.2]]] * 5,
        }
    )
    truth = np.zeros(20)
    truth[:6] = 1.0
    half = truth * (np.arange(20) < 3)
    clock = RowClock(25.0)
    curves = {
        "a": TimedCurve(-truth, clock),
        "b": TimedCurve(truth, clock),
        "c": TimedCurve(half, clock),
        "d": TimedCurve(truth, clock),
        "e": None,
    }
    assert choose_clips(clips, curves) == ["b", "d", "a"]
    curves["a"] = curves["c"] = None
    assert choose_clips(clips, curves) == ["b", "d"]


def test_frames_are_shown_where_the_curve_is_telling():
    values = np.zeros(100)
    values[10], values[90] = 2.0, -2.0
    curve = TimedCurve(values, RowClock(25.0))
    segments = np.array([[0.3, 0.7], [2.0, 2.4]])
    # The middle of the first segment, 0.5 s, nearly is the time of the highest value.
    assert marked_times(curve, segments) == pytest.approx([0.4, 2.2, 3.6])


def test_a_clip_that_cannot_be_shown_has_its_panel(run, tmp_path):
    curves, _, manifests, crops = run
    wanted = [("1/1", "finds"), ("1/0", "finds"), ("1/9", "misses")]
    clips = [{"clip": clip, "encoder": name} for clip, name in wanted]
    spec = typed(PanelsSpec, PANELS | {"clips": clips})
    panels = make_panels(curves[:2], manifests[0], crops[:1], tmp_path / "no", spec)
    assert [(p.clip_id, p.label) for p in panels] == [
        ("1/1", "Finds"),
        ("1/0", "Finds"),
        ("1/9", "Misses"),
    ]
    undecoded, unscored, unknown = panels
    assert isinstance(undecoded, Panel)
    assert "there is no file" in undecoded.note and undecoded.area == 1.0
    assert "no rows" in unscored.note and unscored.segments.tolist() == SEGMENT
    assert "not a test clip" in unknown.note
