"""Which clips and frames are explained."""

import polars as pl
import pytest

from dfprobe.corpora.manifest import CLICKS
from dfprobe.explain.spatial.maps.frames import explained_clips, explained_frames


def manifest(rows: list[dict]) -> pl.DataFrame:
    filled = [
        {"split": "test", "label": 1, "video_fake": True, "clicks": []} | row
        for row in rows
    ]
    schema = {
        "clip_id": pl.String,
        "split": pl.String,
        "label": pl.Int8,
        "manipulation": pl.String,
        "video_fake": pl.Boolean,
        "clicks": CLICKS,
    }
    return pl.DataFrame(filled, schema=schema)


def clip(segments=(), clicks=()) -> dict:
    return {
        "video_fake_segments": [list(span) for span in segments],
        "clicks": [{"frame": frame, "x": 0.5, "y": 0.5} for frame in clicks],
    }


MANY = manifest(
    [{"clip_id": f"a/{n:02}", "manipulation": "swap"} for n in range(20)]
    + [{"clip_id": f"b/{n}", "manipulation": "lips"} for n in range(3)]
    + [{"clip_id": "c", "manipulation": "lips", "split": "train"}]
    + [{"clip_id": "d", "manipulation": "real", "label": 0}]
    + [{"clip_id": "e", "manipulation": "voice", "video_fake": False}]
)


def test_a_few_test_fakes_of_all_manipulations_are_chosen():
    chosen = explained_clips(MANY, 6, seed=1)
    assert chosen["clip_id"].is_sorted()
    assert chosen["manipulation"].value_counts().sort("manipulation").rows() == [
        ("lips", 3),
        ("swap", 3),
    ]


def test_a_clip_more_in_the_corpus_leaves_the_choice_alone_and_the_seed_does_not():
    chosen = set(explained_clips(MANY, 6, seed=1)["clip_id"])
    more = pl.concat([MANY, manifest([{"clip_id": "a/99", "manipulation": "swap"}])])
    assert len(chosen & set(explained_clips(more, 6, seed=1)["clip_id"])) >= 5
    assert chosen != set(explained_clips(MANY, 6, seed=2)["clip_id"])


def test_a_fake_of_which_no_stream_is_told_is_taken():
    table = manifest([{"clip_id": "x", "manipulation": "unknown", "video_fake": None}])
    assert explained_clips(table, 5, seed=0)["clip_id"].to_list() == ["x"]


def test_where_people_clicked_all_clicked_clips_are_taken_and_no_others():
    click = [{"frame": 3, "x": 0.5, "y": 0.5}]
    clicked = [
        {"clip_id": f"k/{n}", "manipulation": "swap", "clicks": click} for n in range(9)
    ]
    chosen = explained_clips(pl.concat([MANY, manifest(clicked)]), 2, seed=1)
    assert chosen["clip_id"].to_list() == [f"k/{n}" for n in range(9)]


def test_clicked_frames_are_those_at_25_a_second():
    # At 30 frames a second: 30 is second 1, 45 second 1.5; the last is past the end.
    clicked = clip(clicks=[45, 30, 30, 900])
    assert explained_frames(clicked, 100, 30.0, 4) == [25, 38, 99]
    assert explained_frames(clip(clicks=[0, 7]), 100, 25.0, 4) == [0, 7]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((), [12, 37, 62, 87]),  # the whole clip of 4 s
        (((0.0, 0.0),), [12, 37, 62, 87]),  # no length: told, but of no use
        (((1.0, 2.0),), [28, 34, 40, 46]),
        (((0.0, 0.4), (3.0, 3.4)), [2, 7, 77, 82]),
        (((3.9, 9.0),), [99]),  # past the end
    ],
)
def test_frames_are_spread_over_the_manipulated_seconds(segments, expected):
    assert explained_frames(clip(segments), 100, 25.0, 4) == expected


@pytest.mark.parametrize(("decoded", "fps"), [(None, 25.0), (0, 25.0), (50, None)])
def test_a_clip_that_cannot_be_decoded_has_no_frames(decoded, fps):
    assert explained_frames(clip(clicks=[3]), decoded, fps, 4) == []
