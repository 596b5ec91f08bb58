"""AV-Deepfake1M++: what differs from AV-Deepfake1M, whose tests hold for both."""

import json

import pytest

from corpora_stand_ins import PP_ENTRIES
from dfprobe.errors import DataError

PP = "av_deepfake1m_pp"


def test_identity_and_source_depend_on_the_corpus_in_front(stand_in, manifest):
    stand_in(PP)
    frame = manifest(PP, options={"val_fraction": 0})
    facts = frame.select("split", "speaker", "source").unique(maintain_order=True)
    assert facts.rows() == [
        ("train", "QwErTyUiOp1", "lrs3/QwErTyUiOp1"),
        ("train", "id99001", "vox_celeb_2/id99001/-bCdEfGhI_k"),
        ("test", "QwErTyUiOp1", "lrs3/QwErTyUiOp1"),
        ("test", "subject_7", "silent_videos/subject_7_a1b2_vid_3_0"),
    ]


def test_names_with_a_suffix_agree_with_modify_type(stand_in, manifest, caplog):
    stand_in(PP)
    frame = manifest(PP)
    both = frame.row(index=frame["clip_id"].str.ends_with("audio_p1").arg_max())
    assert "both_modified" in both
    assert "disagree" not in caplog.text


def test_a_name_of_another_type_is_reported(put, manifest, caplog):
    entry = dict(PP_ENTRIES["train"][1], modify_type="visual_modified")
    put("train_metadata.json", content=json.dumps([entry]))
    assert manifest(PP)["manipulation"].to_list() == ["visual_modified"]
    assert "modify_type visual_modified, file name fake_video_fake_audio_p1" in (
        caplog.text.replace("\n", " ")
    )


def test_clips_without_audio_stay(stand_in, manifest):
    stand_in(PP)
    frame = manifest(PP)
    silent = frame.filter(frame["speaker"] == "subject_7")
    assert silent["label"].to_list() == [1, 0]
    assert silent["audio_fake"].to_list() == [False, False]


def test_metadata_beside_the_clips_give_the_same(stand_in, manifest, root):
    stand_in(PP)
    expected = manifest(PP).drop("content_key")
    stand_in(f"{PP} sidecars")
    for part in ("train", "val"):
        (root / f"{part}_metadata.json").unlink()
    assert manifest(PP).drop("content_key").equals(expected)


@pytest.mark.parametrize(
    "file",
    [
        "id99001/-bCdEfGhI_k/00012/real.mp4",
        "vox_celeb_2/id99001/00012/real.mp4",
        "lrs3/talk/real.mp4",
        "silent_videos/somebody/real.mp4",
    ],
)
def test_paths_of_another_form_are_refused(file, put, manifest):
    entry = dict(PP_ENTRIES["train"][0], file=file)
    put("train_metadata.json", content=json.dumps([entry]))
    with pytest.raises(DataError, match=r"'file'.*lrs3/talk/utterance") as error:
        manifest(PP)
    assert repr(file) in str(error.value)


def test_clips_without_metadata_are_refused(put, manifest):
    put("train/lrs3/talk/00001/real.mp4")
    with pytest.raises(
        DataError, match=r"train_metadata\.json.*JSON files below train"
    ):
        manifest(PP)
