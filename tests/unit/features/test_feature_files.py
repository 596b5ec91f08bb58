import numpy as np
import pytest

from dfprobe.errors import ClipError
from dfprobe.features.feature_files import find_file, read_rows, write_rows
from dfprobe.status import Status

ROWS = np.arange(24, dtype=np.float32).reshape(6, 4)


def refused(path, stream="audio") -> ClipError:
    with pytest.raises(ClipError) as raised:
        read_rows(path, stream)
    return raised.value


@pytest.mark.parametrize(
    ("stream", "key"),
    [
        ("audio", "audio"),
        ("audio", "arr_0"),
        ("video", "visual"),
        ("video", "video"),
        ("video", "arr_0"),
        ("audio_video", "multimodal"),
        ("audio_video", "arr_0"),
    ],
)
def test_the_array_is_found_under_the_published_names(tmp_path, stream, key):
    np.savez(tmp_path / "a.npz", **{"arr_0": 0 * ROWS, "other": 0 * ROWS, key: ROWS})
    np.testing.assert_array_equal(read_rows(tmp_path / "a.npz", stream), ROWS)


def test_a_bare_array_is_taken_as_it_is(tmp_path):
    np.save(tmp_path / "a.npy", ROWS.astype(np.float64))
    rows = read_rows(tmp_path / "a.npy", "video")
    np.testing.assert_array_equal(rows, ROWS)
    assert rows.dtype == np.float32


def test_more_than_two_dimensions_become_rows(tmp_path):
    np.save(tmp_path / "a.npy", ROWS.reshape(3, 2, 4))
    np.testing.assert_array_equal(read_rows(tmp_path / "a.npy", "video"), ROWS)


def test_another_key_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", visual=ROWS)
    error = refused(tmp_path / "a.npz")
    assert error.status is Status.UNREADABLE
    assert "holds the arrays visual; expected audio or arr_0" in error.detail


@pytest.mark.parametrize(
    "array",
    [np.array(3.0), np.zeros(5), np.full((2, 3), "text"), np.zeros((2, 3), "?")],
)
def test_an_array_that_is_no_rows_of_numbers_is_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    assert "expected numbers in rows" in refused(tmp_path / "a.npy").detail


def test_an_array_without_rows_is_too_short(tmp_path):
    np.save(tmp_path / "a.npy", ROWS[:0])
    assert refused(tmp_path / "a.npy").status is Status.TOO_SHORT


def test_pickled_objects_are_not_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], object), allow_pickle=True)
    assert refused(tmp_path / "a.npy").status is Status.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"no array", "cut"])
def test_a_damaged_file_is_unreadable(tmp_path, content):
    path = tmp_path / "a.npz"
    if content == "cut":
        np.savez(path, audio=np.random.default_rng(0).random((100, 4)))
        content = path.read_bytes()[:1000]
    path.write_bytes(content)
    assert refused(path).status is Status.UNREADABLE


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, audio=ROWS)
    content = bytearray(path.read_bytes())
    content[content.find(ROWS.tobytes()) + 9] ^= 1
    path.write_bytes(bytes(content))
    assert refused(path).status is Status.UNREADABLE


def test_a_file_lies_below_the_split_where_there_is_one(tmp_path):
    (tmp_path / "x").mkdir()
    np.save(tmp_path / "x/take 2.final.npy", ROWS)
    assert find_file(tmp_path, "test", "x/take 2.final") == (
        tmp_path / "x/take 2.final.npy"
    )
    (tmp_path / "test/x").mkdir(parents=True)
    assert find_file(tmp_path, "test", "x/take 2.final") is None
    np.savez(tmp_path / "test/x/take 2.final.npz", ROWS)
    assert find_file(tmp_path, "test", "x/take 2.final") == (
        tmp_path / "test/x/take 2.final.npz"
    )


def test_an_npz_goes_before_an_npy(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    write_rows(tmp_path / "a.npz", ROWS, "audio")
    assert find_file(tmp_path, "test", "a") == tmp_path / "a.npz"
