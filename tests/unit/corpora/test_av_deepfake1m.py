"""AV-Deepfake1M: the quirks of section 11 of the data set notes."""

import json

import polars as pl
import pytest

from dfprobe.errors import DataError

NAMES = {
    "real": "real",
    "both_modified": "fake_video_fake_audio",
    "visual_modified": "fake_video_real_audio",
    "audio_modified": "real_video_fake_audio",
}
SEGMENTS = [[1.16, 1.72], [4.6, 5.0]]
CLIP = "id99001/-bCdEfGhI_k/00012"


def entry(kind, clip=CLIP, **changes):
    segments = [] if kind == "real" else SEGMENTS
    values = {
        "file": f"{clip}/{NAMES[kind]}.mp4",
        "original": None,
        "split": "train",
        "modify_type": kind,
        "audio_model": None,
        "fake_segments": segments,
        "audio_fake_segments": segments if kind[:2] in ("au", "bo") else [],
        "visual_fake_segments": segments if kind[:2] in ("vi", "bo") else [],
        "video_frames": 125,
        "audio_frames": 1,
    }
    return values | changes


@pytest.fixture
def metadata(put):
    def write(train=(), val=()):
        put("train_metadata.json", content=json.dumps(train))
        put("val_metadata.json", content=json.dumps(val))

    return write


def facts(frame, clip_id):
    return frame.row(by_predicate=pl.col("clip_id") == clip_id, named=True)


def test_the_four_kinds(metadata, put, manifest, caplog):
    put(f"train/{CLIP}/real.mp4")
    metadata([entry(kind) for kind in NAMES], [entry("real")])
    frame = manifest("av_deepfake1m", options={"val_fraction": 0})
    assert frame.height == 5
    both = facts(frame, f"train/{CLIP}/fake_video_fake_audio")
    assert (both["label"], both["audio_fake"], both["video_fake"]) == (1, True, True)
    assert both["audio_fake_segments"] == both["video_fake_segments"] == SEGMENTS
    assert both["manipulation"] == "both_modified"
    assert (both["speaker"], both["source"]) == ("id99001", "id99001/-bCdEfGhI_k")
    audio = facts(frame, f"train/{CLIP}/real_video_fake_audio")
    assert (audio["audio_fake"], audio["video_fake"]) == (True, False)
    assert (audio["audio_fake_segments"], audio["video_fake_segments"]) == (
        SEGMENTS,
        [],
    )
    real = facts(frame, f"train/{CLIP}/real")
    assert (real["label"], real["manipulation"], real["split"]) == (0, "real", "train")
    assert real["content_key"] != "missing" == both["content_key"]
    assert facts(frame, f"val/{CLIP}/real")["split"] == "test"
    assert "disagree" not in caplog.text


@pytest.mark.parametrize(
    ("kind", "touched", "other"),
    [
        ("audio_modified", "audio_fake_segments", "visual_fake_segments"),
        ("visual_modified", "visual_fake_segments", "audio_fake_segments"),
    ],
)
def test_segments_of_an_untouched_stream(
    kind, touched, other, metadata, manifest, caplog
):
    caplog.set_level("INFO", "dfprobe")
    metadata([entry(kind, **{other: SEGMENTS[-1:]}), entry("real")])
    frame = manifest("av_deepfake1m")
    column = {"visual_fake_segments": "video_fake_segments"}
    clip = frame.filter(pl.col("label") == 1).row(0, named=True)
    assert clip[column.get(touched, touched)] == SEGMENTS
    assert clip[column.get(other, other)] == []
    assert "in 1 the segments listed for an untouched stream" in caplog.text


def test_unknown_keys_and_whole_numbers(metadata, manifest):
    whole = [[1, 2]]
    metadata(
        [
            entry(
                "both_modified",
                operations=[{}],
                fake_segments=whole,
                audio_fake_segments=whole,
                visual_fake_segments=whole,
            )
        ]
    )
    frame = manifest("av_deepfake1m")
    assert frame["audio_fake_segments"].to_list() == [[[1.0, 2.0]]]


def test_one_file_a_clip(metadata, put, manifest, root):
    entries = [entry(kind) for kind in NAMES]
    metadata(entries)
    expected = manifest("av_deepfake1m")
    (root / "train_metadata.json").unlink()
    (root / "val_metadata.json").unlink()
    for values in entries:
        name = values["file"].replace(".mp4", ".json")
        put(f"train_metadata/{name}", content=json.dumps(values))
    assert manifest("av_deepfake1m").equals(expected)


def test_speakers_do_not_cross_train_and_val(metadata, manifest):
    clips = [f"id{i % 500:05d}/v/{i:05d}" for i in range(2000)]
    metadata([entry("real", clip) for clip in clips])
    frame = manifest("av_deepfake1m")
    per_speaker = frame.group_by("speaker").agg(pl.col("split").n_unique())
    assert (per_speaker["split"] == 1).all()
    assert 0.07 < (frame["split"] == "val").mean() < 0.13


def test_published_lists(metadata, put, lists, manifest, caplog):
    put(f"train/{CLIP}/real.mp4", f"val/{CLIP}/fake_video_fake_audio.mp4")
    kinds = list(NAMES)
    metadata([entry(kind) for kind in kinds], [entry(kind) for kind in kinds])
    gone = "id99002/v/00001/real_video_fake_audio.mp4"
    splits = lists(
        train=f"{CLIP}/real.mp4,0\n{gone},1\n",
        val=f"{CLIP}/fake_video_real_audio.mp4,1\n",
        test=f"{CLIP}/fake_video_fake_audio.mp4,1\n{CLIP}/real.mp4,0\n",
    )
    frame = manifest("av_deepfake1m", splits=splits)
    assert frame.select("clip_id", "split").rows() == [
        (f"train/{CLIP}/fake_video_real_audio", "val"),
        (f"train/{CLIP}/real", "train"),
        ("train/id99002/v/00001/real_video_fake_audio", "train"),
        (f"val/{CLIP}/fake_video_fake_audio", "test"),
        (f"val/{CLIP}/real", "test"),
    ]
    absent = facts(frame, "train/id99002/v/00001/real_video_fake_audio")
    assert (absent["audio_fake"], absent["video_fake"]) == (True, False)
    assert absent["speaker"] == "id99002"
    assert "1 listed clips are not described" in caplog.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"file": f"{CLIP}/real.mp4"}, "file name real"),
        ({"file": f"{CLIP}/odd.mp4"}, "file name odd"),
        ({"fake_segments": []}, r"fake_segments \[\]"),
        ({"audio_fake_segments": []}, "no audio_fake_segments"),
        ({"visual_fake_segments": []}, "no visual_fake_segments"),
    ],
)
def test_disagreements_are_reported(changes, told, metadata, manifest, caplog):
    metadata([entry("both_modified", **changes)])
    assert manifest("av_deepfake1m")["label"].to_list() == [1]
    caplog_text = caplog.text.replace("\n", " ")
    assert "in 1 clips modify_type (which is used)" in caplog_text
    assert told.replace("\\", "") in caplog_text


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"modify_type": "both-modified"}, ["'modify_type'", "'both-modified'"]),
        ({"modify_type": ["real"]}, ["'modify_type'", "['real']"]),
        (
            {"file": "vox_celeb_2/id1/v/00001/real.mp4"},
            ["'file'", "speaker/video/clip"],
        ),
        ({"file": None}, ["'file'", "None"]),
        ({"fake_segments": None}, ["'fake_segments'", "None"]),
        ({"audio_fake_segments": [1, 2]}, ["'audio_fake_segments'", "[1, 2]"]),
        ({"audio_fake_segments": [[2.0, 1.0]]}, ["start_s <= end_s", "[[2.0, 1.0]]"]),
        ({"visual_fake_segments": [[0, float("nan")]]}, ["visual", "nan"]),
        ({"visual_fake_segments": [["a", "b"]]}, ["visual", "['a', 'b']"]),
    ],
)
def test_malformed_entries(changes, parts, metadata, manifest):
    metadata([entry("real"), entry("both_modified", **changes)])
    with pytest.raises(DataError) as error:
        manifest("av_deepfake1m")
    for part in ("train_metadata.json", "entry 2", *parts):
        assert part in str(error.value), error.value


def test_a_key_that_is_absent(metadata, manifest):
    bad = entry("real")
    del bad["modify_type"]
    metadata([bad])
    with pytest.raises(DataError, match=r"entry 1, key 'modify_type'.*only file"):
        manifest("av_deepfake1m")


def test_broken_json(put, metadata, manifest):
    metadata()
    put("val_metadata.json", content='[{"file": ')
    with pytest.raises(DataError, match=r"val_metadata\.json.*JSON.*line 1 column"):
        manifest("av_deepfake1m")
    put("val_metadata.json", content="{}")
    with pytest.raises(DataError, match=r"val_metadata\.json.*list.*dict"):
        manifest("av_deepfake1m")
    put("val_metadata.json", content="[3]")
    with pytest.raises(DataError, match=r"entry 1.*an object.*3"):
        manifest("av_deepfake1m")


def test_no_metadata(put, manifest):
    put("readme.txt")
    with pytest.raises(DataError, match=r"train_metadata\.json.*got neither"):
        manifest("av_deepfake1m")
    put("train_metadata.json", content="[]")
    put("val/id1/v/00001/real.mp4")
    with pytest.raises(DataError, match="there is a folder val"):
        manifest("av_deepfake1m")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("../../../x.mp4", "inside the corpus folder"),
        ("/a/b/x.mp4", "'file': expected 'speaker/video/clip/name.mp4'"),
    ],
)
def test_a_path_that_leaves_the_corpus(file, told, metadata, manifest):
    metadata([entry("real", file=file)])
    with pytest.raises(DataError, match=told):
        manifest("av_deepfake1m")


@pytest.mark.parametrize("file", ["id1/real.mp4", "a/b/c/d.mp4"])
def test_a_list_of_another_corpus(file, metadata, lists, manifest):
    metadata([entry("real")])
    with pytest.raises(DataError, match="speaker/video/clip") as error:
        manifest("av_deepfake1m", splits=lists(test=f"{file},0\n"))
    assert repr(file) in str(error.value)
