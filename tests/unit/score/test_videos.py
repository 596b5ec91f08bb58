from pathlib import Path

import pytest

from dfprobe.errors import DataError
from dfprobe.score.videos import find_videos, relative_names


@pytest.fixture
def folder(tmp_path):
    for name in ("x/b.mp4", "x/deep/a.MKV", "x/notes.doc", "y; rm -rf $(z).mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_stands_for_the_videos_in_it(folder):
    assert find_videos([folder / "x"]) == [
        folder / "x/b.mp4",
        folder / "x/deep/a.MKV",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", '\ufeffpath,label\r\nx/b.mp4,1\r\n"y; rm -rf $(z).mp4",\r\n'),
        ("list.txt", "\ufeffx/b.mp4\r\n\r\ny; rm -rf $(z).mp4\r\n"),
    ],
)
def test_a_list_names_videos_relative_to_itself(folder, name, content):
    (folder / name).write_text(content, newline="")
    assert find_videos([folder / name]) == [
        folder / "x/b.mp4",
        folder / "y; rm -rf $(z).mp4",
    ]


def test_a_video_that_is_named_twice_is_taken_once(folder):
    again = folder / "x/deep/../b.mp4"
    assert find_videos([folder / "x/b.mp4", folder / "x", again]) == [
        folder / "x/b.mp4",
        folder / "x/deep/a.MKV",
    ]


def test_a_video_that_is_absent_stays(folder):
    assert find_videos([folder / "none.mp4"]) == [folder / "none.mp4"]


def test_a_folder_without_videos_is_refused(folder):
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="no videos found"):
        find_videos([folder / "x", folder / "empty"])


def test_a_list_that_is_absent_is_refused(folder):
    for name in ("no.csv", "no.txt"):
        with pytest.raises(DataError, match=f"{name}.*expected"):
            find_videos([folder / name])


def test_names_are_relative_to_the_common_folder_and_never_leave_it(folder):
    videos = [folder / "x/b.mp4", folder / "x/../x/deep/a.MKV", Path("c.mp4")]
    names = relative_names(videos)
    assert not any(name.is_absolute() or ".." in name.parts for name in names)
    assert relative_names(videos[:2]) == [Path("b.mp4"), Path("deep/a.MKV")]
    assert relative_names(videos[:1]) == [Path("b.mp4")]
