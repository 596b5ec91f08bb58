"""A folder of videos without labels."""


def test_video_files_at_any_depth(put, manifest):
    put("b.mp4", "a/deep/er/x.MKV", "a/y.webm", "z.mov", "v.avi", "m.m4v")
    put("note.txt", "a/pic.jpg", "sound.wav", "no_suffix")
    frame = manifest("folder")
    assert frame["clip_id"].to_list() == ["a/deep/er/x", "a/y", "b", "m", "v", "z"]
    assert frame["label"].null_count() == frame.height
    assert frame["audio_fake"].null_count() == frame["video_fake"].null_count() == 6
    assert frame["split"].unique().to_list() == ["test"]
    assert frame["manipulation"].unique().to_list() == ["unknown"]
