import polars as pl
import pytest

from dfprobe.errors import DataError
from dfprobe.store.parquet import read_parquet, write_parquet

TABLE = pl.DataFrame(
    {
        "clip_id": ["a", "б \"'", ""],
        "score": [0.5, None, -1.25],
        "curve": [[0.25, 1.0], None, []],
        "segments": [[[0.0, 1.5]], [], None],
    }
)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "table.parquet"
    write_parquet(TABLE, path)
    return path


def test_a_table_comes_back_whole_or_by_columns(written):
    assert read_parquet(written).equals(TABLE)
    assert read_parquet(written, ["score"]).equals(TABLE.select("score"))


def test_polars_reads_the_file_without_dfprobe(written):
    assert pl.read_parquet(written).equals(TABLE)
    lazily = pl.scan_parquet(written).filter(pl.col("score") > 0).collect()
    assert lazily.equals(TABLE.filter(pl.col("score") > 0))


def test_a_table_from_elsewhere_is_read_as_it_is(tmp_path):
    path = tmp_path / "theirs.parquet"
    TABLE.write_parquet(path)
    assert read_parquet(path).equals(TABLE)


def test_any_flipped_byte_is_noticed_or_harmless(written):
    content = written.read_bytes()
    noticed = 0
    places = range(0, len(content), 7)
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        written.write_bytes(damaged)
        try:
            assert read_parquet(written).equals(TABLE)
        except DataError as error:
            noticed += 1
            assert f"{written}" in str(error)
            assert "run the workflow again" in str(error)
    tag = len(b"DFPROBE-CRC32")  # without it the table is one from elsewhere
    assert noticed >= len(places) - tag


@pytest.mark.parametrize("left", [0, 3, 20, -1])
def test_a_truncated_table_is_refused_with_what_to_do(written, left):
    written.write_bytes(written.read_bytes()[:left])
    with pytest.raises(DataError, match=rf"{written} cannot be read.*delete this file"):
        read_parquet(written)


def test_a_missing_column_and_a_folder_in_place_are_named(written, tmp_path):
    with pytest.raises(DataError, match=r"lacks a column.*'?label"):
        read_parquet(written, ["clip_id", "label"])
    with pytest.raises(DataError, match=rf"{tmp_path} cannot be read.*directory"):
        read_parquet(tmp_path)
