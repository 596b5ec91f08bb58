"""What a single value reaches as a detector, and its distribution by class."""

import numpy as np
import pytest

from dfprobe.audit.values import (
    VALUES,
    categories_by_class,
    category_scores,
    ordered_by_class,
    shortcuts,
    with_values,
)
from dfprobe.evaluation.statistics.metrics import auc, auc_interval


def measured(tables, value, subset="all"):
    """Row of one value and subset."""
    manifest, facts = tables
    table = shortcuts(with_values(manifest.join(facts, on="clip_id")))
    rows = {(row["value"], row["subset"]): row for row in table.iter_rows(named=True)}
    return rows.get((value, subset))


def test_a_planted_leading_silence_is_a_shortcut(corpus):
    silent = corpus(leading_silence_s=lambda n, label: 0.2 * label * (n % 4 == 1))
    row = measured(silent, "leading_silence_s")
    assert row["auc"] == pytest.approx(0.75)
    assert (row["direction"], row["shortcut"]) == ("larger = fake", True)
    assert (row["clips"], row["real"], row["fake"]) == (200, 100, 100)


def test_the_better_direction_is_reported_with_its_interval(corpus, random):
    noise = random.normal(size=200)
    tables = corpus(loudness_db=lambda n, label: noise[n] - 2.0 * label)
    row = measured(tables, "loudness_db")
    labels = np.arange(200) % 2
    scores = -(noise - 2.0 * labels)
    assert row["auc"] == pytest.approx(auc(labels, scores))
    low, high = auc_interval(labels, scores)
    assert (row["auc_low"], row["auc_high"]) == pytest.approx((low, high))
    assert (row["direction"], row["shortcut"]) == ("smaller = fake", True)


def test_values_that_say_nothing_are_no_shortcuts(corpus, random):
    noise = random.normal(size=200)
    codecs = random.choice(["h264", "hevc", "vp9", "av1"], size=200)
    tables = corpus(
        duration_s=lambda n, label: 4.0 + noise[n], video_codec=lambda n, _: codecs[n]
    )
    manifest, facts = tables
    table = shortcuts(with_values(manifest.join(facts, on="clip_id")))
    assert not table["shortcut"].any()
    assert measured(tables, "video_codec")["auc_low"] < 0.5


def test_an_area_a_little_above_chance_is_no_shortcut(corpus, random):
    noise = random.normal(size=20_000)
    tables = corpus(20_000, duration_s=lambda n, label: 9 + noise[n] + 0.15 * label)
    row = measured(tables, "duration_s")
    assert 0.5 < row["auc_low"] < 0.55
    assert not row["shortcut"]


def test_a_codec_that_only_fakes_have_is_a_shortcut(corpus):
    tables = corpus(video_codec=lambda n, label: ("h264", "mpeg4")[label])
    row = measured(tables, "video_codec")
    assert row["auc"] == 1.0
    assert (row["direction"], row["shortcut"]) == ("by category", True)


def test_a_frame_rate_in_the_middle_of_the_others_is_found(corpus):
    rates = {0: (24.0, 30.0), 1: (25.0, 25.0)}
    tables = corpus(fps=lambda n, label: rates[label][n // 2 % 2])
    assert measured(tables, "fps")["auc"] == 1.0


def test_a_value_that_all_clips_share_is_chance(corpus):
    row = measured(corpus(label=lambda n, label: int(n < 71)), "container")
    assert row["auc"] == 0.5
    assert row["direction"] == "same in all clips"


def test_clips_of_equal_categories_tie_whatever_the_halves():
    labels = (np.arange(89) < 29).astype(int)  # halves of 15 and 14 fakes
    scores = category_scores(np.zeros(89, int), labels, np.arange(89))
    assert set(scores) == {0.0}


def test_categories_of_single_clips_are_not_learned_by_heart(corpus):
    # Fitted and measured on the same clips, they would reach 1.
    row = measured(corpus(sample_rate_hz=lambda n, label: 8000 + n), "sample_rate_hz")
    assert row["auc"] == 0.5


def test_scores_of_categories_come_from_the_other_half():
    categories = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    labels = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    scores = category_scores(categories, labels, np.arange(8))
    # Half: 2 fakes of 2 clips, with one clip at 0.5: (2 + 0.5) / 3 - 0.5.
    assert scores[labels == 1] == pytest.approx(1 / 3)
    assert scores[labels == 0] == pytest.approx(-1 / 3)


def test_the_absence_of_sound_is_a_category(corpus):
    def codec(n, label):
        return None if label else "aac"

    tables = corpus(audio_codec=codec, leading_silence_s=lambda n, label: None)
    assert measured(tables, "audio_codec")["auc"] == 1.0
    assert measured(tables, "leading_silence_s") is None


def test_files_that_cannot_be_opened_have_no_category(corpus):
    tables = corpus(
        container=lambda n, label: None if n == 0 else "mov",
        bytes=lambda n, label: 10 if n == 0 else 50_000,
    )
    assert measured(tables, "container")["clips"] == 199
    assert measured(tables, "kilobytes")["clips"] == 199


def test_splits_and_manipulations_are_measured_apart(corpus):
    tables = corpus(
        manipulation=lambda n, label: ("real", f"kind{n % 4}")[label],
        leading_silence_s=lambda n, label: 0.2 * (n % 4 == 1),
    )
    assert measured(tables, "leading_silence_s", "split=test")["clips"] == 100
    assert measured(tables, "leading_silence_s", "split=val") is None
    assert measured(tables, "leading_silence_s", "manipulation=kind1")["auc"] == 1.0
    assert measured(tables, "leading_silence_s", "manipulation=kind3")["auc"] == 0.5


def test_without_labels_or_with_one_class_nothing_is_measured(corpus):
    for label in (None, 0):
        manifest, facts = corpus(20, label=label)
        assert shortcuts(with_values(manifest.join(facts, on="clip_id"))).is_empty()


def test_a_few_clips_make_no_shortcut(corpus):
    for clips, flagged in ((18, False), (20, True)):
        tables = corpus(clips, leading_silence_s=lambda n, label: float(label))
        row = measured(tables, "leading_silence_s")
        assert (row["auc"], row["shortcut"]) == (1.0, flagged)


def test_a_single_clip_of_a_class_gives_no_interval(corpus):
    row = measured(corpus(3, leading_silence_s=lambda n, label: label), "kilobytes")
    assert (row["real"], row["fake"], row["auc_low"]) == (2, 1, None)
    assert not row["shortcut"]


def test_quantiles_and_counts_by_class(corpus):
    manifest, facts = corpus(
        40,
        label=lambda n, label: None if n >= 30 else label,
        duration_s=lambda n, label: 10.0 if label else float(n),
        channels=lambda n, label: 2 if n == 0 else 1,
    )
    clips = with_values(manifest.join(facts, on="clip_id"))
    table = ordered_by_class(clips)
    lengths = {
        row["class"]: row
        for row in table.iter_rows(named=True)
        if row["value"] == "duration_s"
    }
    assert {name: row["clips"] for name, row in lengths.items()} == {
        "real": 15,
        "fake": 15,
        "unknown": 10,
    }
    assert lengths["fake"]["p5"] == lengths["fake"]["p95"] == 10.0
    assert lengths["real"]["median"] == 14.0
    counts = categories_by_class(clips).filter(value="channels").rows()
    assert counts == [("channels", "1", 14, 15, 10), ("channels", "2", 1, 0, 0)]


def test_every_value_of_the_issue_is_there():
    names = {value.name for value in VALUES}
    assert names == {
        *("duration_s", "fps", "width", "height", "container", "video_codec"),
        *("audio_codec", "sample_rate_hz", "channels", "loudness_db", "kilobytes"),
        *("leading_silence_s", "trailing_silence_s", "bit_rate_kbps"),
    }
