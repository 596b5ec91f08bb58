"""``dfprobe audit`` on folders and on published lists."""

import numpy as np
import pytest

from dfprobe.cli import main
from dfprobe.commands.audit import audit
from dfprobe.demo.make import make_demo
from dfprobe.errors import ConfigError, DataError
from dfprobe.settings.corpora import Demo, Sources
from unit.media.media_files import numbered_frame, write_clip

# Of the published lists of AV-Deepfake1M (bit-ml/ssr-dfd): speakers of train and test,
# those in both, and test clips in all and of speakers that are not in train.
TRAIN, TEST, SHARED, CLIPS, UNSEEN = 1_570, 1_275, 1_223, 5_133, 190


@pytest.fixture
def out(tmp_path):
    return tmp_path / "audit"


def test_a_folder_without_labels(tmp_path, out, capsys):
    root = tmp_path / "inbox"
    (root / "deep").mkdir(parents=True)
    sound = 0.1 * np.ones((1, 1600), np.float32)
    for name in ("one.mp4", "deep/-two.mp4"):
        write_clip(root / name, [numbered_frame(n) for n in range(5)], sound=sound)
    (root / "broken.mp4").write_text("no video")
    audit(root, "folder", None, out)
    printed = capsys.readouterr().out
    assert "! 1 file: neither video nor sound" in printed
    assert "! 2 clips have the same bytes" in printed
    assert f"page: {out / 'index.html'}" in printed
    assert "deep/-two" in (out / "files.csv").read_text()
    assert "Audit of inbox" in (out / "index.html").read_text()


def test_the_silence_that_a_demo_corpus_has_is_found(tmp_path, out, capsys):
    root = tmp_path / "AV-Deepfake1M"
    demo = Demo(sources=Sources(test=10))
    make_demo("av_deepfake1m", root, demo, tmp_path / "demo.tsv")
    arguments = ["audit", str(root), "--layout", "av_deepfake1m", "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "! The leading silence alone reaches an AUC of" in printed
    assert "It is a shortcut" in (out / "index.html").read_text()


def write_lists(folder):
    """Lists with the number of clips and the overlap of the published ones."""
    folder.mkdir()
    seen = [f"id{number:05d}" for number in range(TRAIN)]
    unseen = [f"id{number:05d}" for number in range(TRAIN, TRAIN + TEST - SHARED)]
    train = [f"{speaker}/-video/00001/real.mp4,0" for speaker in seen]
    test = [
        f"{unseen[number % len(unseen)]}/-other/{number:05d}/real.mp4,0"
        for number in range(UNSEEN)
    ] + [
        f"{seen[number % SHARED]}/-other/{number:05d}/fake_video_fake_audio.mp4,1"
        for number in range(CLIPS - UNSEEN)
    ]
    for split, rows in (("train", train), ("test", test)):
        text = "\n".join(["path,label", *rows]) + "\n"
        (folder / f"{split}_labels.csv").write_text(text)


def test_lists_alone_give_their_overlap(tmp_path, out, capsys):
    write_lists(tmp_path / "lists")
    audit(None, "av_deepfake1m", tmp_path / "lists", out)
    assert (
        "! test: 1,223 of 1,275 speakers occur in train, which affects 4,943 of "
        "5,133 clips (0 real, 4,943 fake)."
    ) in capsys.readouterr().out
    line = "speaker,test,train,1275,1223,5133,4943,0,4943"
    assert line in (out / "overlap.csv").read_text()
    assert not (out / "shortcuts.csv").exists()


def test_lists_of_a_layout_that_has_none(tmp_path, out):
    with pytest.raises(ConfigError, match=r"no lists are published.*path_list"):
        audit(None, "path_list", tmp_path, out)


def test_an_unknown_layout(tmp_path, out):
    with pytest.raises(ConfigError, match="Did you mean 'avlips'"):
        audit(None, "avlip", tmp_path, out)


def test_neither_folder_nor_lists(out):
    with pytest.raises(ConfigError, match="got neither"):
        audit(None, "folder", None, out)


def test_a_folder_that_is_not_there(tmp_path, out):
    with pytest.raises(DataError, match=r"expected the folder .*nowhere"):
        audit(tmp_path / "nowhere", "folder", None, out)
