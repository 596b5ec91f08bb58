"""VoxCeleb2: two trees of real clips, and the table of the speakers' parts."""

import polars as pl
import pytest

from corpora_stand_ins import VOX_TABLE
from dfprobe.errors import DataError


def test_all_clips_are_real(stand_in, manifest):
    stand_in("voxceleb2")
    frame = manifest("voxceleb2", options={"val_fraction": 0})
    facts = ("clip_id", "split", "label", "audio_fake", "video_fake", "speaker")
    assert frame.select(facts).rows() == [
        (f"dev/mp4/{clip}", "train", 0, False, False, clip.split("/")[0])
        for clip in (
            "id99001/-bCdEfGhI_k/00001",
            "id99001/-bCdEfGhI_k/00002",
            "id99002/AbCdEfGhI_k/00001",
        )
    ] + [("test/mp4/id99003/AbCdEfGhI_k/00012", "test", 0, False, False, "id99003")]
    assert frame["source"][0] == "id99001/-bCdEfGhI_k"


def test_the_table_agrees_with_the_folders_or_is_reported(
    stand_in, put, manifest, caplog
):
    stand_in("voxceleb2")
    manifest("voxceleb2")
    assert "another part" not in caplog.text
    put("vox2_meta.csv", content=VOX_TABLE.replace("\tdev", "\ttest", 1))
    manifest("voxceleb2")
    assert "1 speakers are in another part" in caplog.text
    assert "id99001 (on disk dev, in the table test)" in caplog.text


def test_the_table_may_be_absent(stand_in, manifest, root):
    stand_in("voxceleb2")
    (root / "vox2_meta.csv").unlink()
    assert manifest("voxceleb2").height == 4


def test_audio_is_used_only_where_videos_are_not(stand_in, put, manifest):
    stand_in("voxceleb2 audio")
    put("test/mp4/id99003/AbCdEfGhI_k/00012.mp4")
    paths = manifest("voxceleb2")["path"].str.split("/").list.get(-4)
    assert paths.to_list() == ["aac", "aac", "aac", "mp4"]


def test_speakers_do_not_cross_train_and_val(put, manifest):
    put(*(f"dev/mp4/id{i % 300:05d}/v/{i:05d}.mp4" for i in range(900)))
    frame = manifest("voxceleb2")
    per_speaker = frame.group_by("speaker").agg(pl.col("split").n_unique())
    assert (per_speaker["split"] == 1).all()
    assert 0.05 < (frame["split"] == "val").mean() < 0.15


def test_a_list_says_real_or_is_refused(stand_in, lists, manifest):
    stand_in("voxceleb2")
    file = "dev/mp4/id99001/-bCdEfGhI_k/00001.mp4"
    frame = manifest("voxceleb2", splits=lists(val=f"{file},0.0\n"))
    assert frame.select("split", "label").rows() == [("val", 0)]
    with pytest.raises(DataError, match="disagree"):
        manifest("voxceleb2", splits=lists(val=f"{file},1\n"))
    with pytest.raises(DataError, match=r"part/mp4/speaker/video.*'id1/v/1\.mp4'"):
        manifest("voxceleb2", splits=lists(val="id1/v/1.mp4,0\n"))


def test_no_clips(put, manifest):
    put("dev/mp4/readme.txt")
    with pytest.raises(DataError, match=r"expected VoxCeleb2 clips such as dev/mp4"):
        manifest("voxceleb2")


def test_a_clip_in_another_folder(put, manifest):
    put("dev/mp4/id99001/00001.mp4")
    with pytest.raises(DataError, match=r"got 'dev/mp4/id99001/00001\.mp4'"):
        manifest("voxceleb2")


def test_a_set_that_is_not_known(stand_in, put, manifest):
    stand_in("voxceleb2")
    put("vox2_meta.csv", content=VOX_TABLE.replace("\tdev", "\tval", 1))
    with pytest.raises(DataError, match=r"vox2_meta\.csv, line 2, column 'Set'"):
        manifest("voxceleb2")
