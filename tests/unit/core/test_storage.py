import numpy as np
import pytest

from dfprobe.storage import Journal, keep, kept, restore, write_whole


def append(journal: Journal, number: int) -> None:
    values = np.full((number + 1, 3), number, np.float16)
    journal.append({"clip_id": f"clip {number}", "rows": number + 1}, {"x": values})


def journal_with(path, *numbers: int, key: str = "key") -> list[str]:
    """Append clips and return the ids that the journal then holds."""
    with Journal(path, key) as journal:
        for number in numbers:
            append(journal, number)
        return list(journal.rows)


def test_journal_gives_back_what_was_appended(tmp_path):
    journal_with(tmp_path / "j", 0, 1)
    with Journal(tmp_path / "j", "key") as again:
        assert [entry.row["clip_id"] for entry in again.entries()] == [
            "clip 0",
            "clip 1",
        ]
        assert again.rows["clip 1"]["rows"] == 2
        assert again.arrays("clip 1")["x"].tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_journal_drops_a_record_cut_short_by_a_kill(tmp_path, cut):
    path = tmp_path / "j"
    journal_with(path, 0, 1)
    path.write_bytes(path.read_bytes()[:-cut])
    assert journal_with(path) == ["clip 0"]
    journal_with(path, 2)
    assert journal_with(path) == ["clip 0", "clip 2"]


def test_journal_drops_a_record_with_a_flipped_byte(tmp_path):
    path = tmp_path / "j"
    journal_with(path, 0)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    assert journal_with(path) == []


def test_journal_of_another_key_is_discarded(tmp_path):
    journal_with(tmp_path / "j", 0, key="old")
    assert journal_with(tmp_path / "j", key="new") == []


def test_write_whole_leaves_the_old_file_when_the_writer_fails(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="stop"), write_whole(path) as draft:
        draft.write_text("half")
        raise ValueError("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kept_product_comes_back_after_it_was_deleted(tmp_path):
    path = tmp_path / "000.zarr.zip"
    path.write_text("first")
    keep(path)
    path.unlink()
    restore(path)
    assert path.read_text() == "first"

    with write_whole(path) as draft:
        draft.write_text("second")
    assert kept(path).read_text() == "first"
    keep(path)
    assert kept(path).read_text() == "second"
