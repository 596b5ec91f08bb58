import numpy as np
import polars as pl
import pytest
import zarr
from zarr.storage import ZipStore

from dfprobe.errors import DataError
from dfprobe.store import features as module
from dfprobe.store.features import FeatureReader, write_store

DIM = 8
LENGTHS = {"a b": 5, "damaged": 0, "ключ/'x'": 11, "z": 1}


def index() -> pl.DataFrame:
    ids, rows = list(LENGTHS), list(LENGTHS.values())
    return pl.DataFrame(
        {
            "clip_id": ids,
            "status": ["ok" if count else "no_face" for count in rows],
            "detail": ["" if count else "no face in 3 frames" for count in rows],
            "rows": rows,
            "first_row_s": [0.04 * count for count in rows],
            "content_key": [f"key of {name}" for name in ids],
            "crops_key": [""] * len(ids),
        }
    )


def clips(dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rng.standard_normal((count, DIM)).astype(dtype)
        for name, count in LENGTHS.items()
        if count
    }


@pytest.fixture(params=["float16", "float32"])
def written(tmp_path, request, monkeypatch):
    dtype = request.param
    # Four rows a chunk, so that clips cross chunks.
    monkeypatch.setattr(module, "CHUNK_BYTES", 4 * DIM * np.dtype(dtype).itemsize)
    values = clips(dtype)
    path = tmp_path / "000.zarr.zip"
    write_store(path, index(), values.values(), DIM, dtype, {"rate_hz": 25.0})
    return path, values


def test_every_clip_comes_back_exactly(written):
    path, values = written
    with FeatureReader(path) as reader:
        for name, expected in values.items():
            np.testing.assert_array_equal(reader.clip(name), expected)
        assert reader.clip("damaged").shape == (0, DIM)
        assert reader.attributes == {"rate_hz": 25.0, "dim": DIM}
        assert reader.index["first_row_s"].to_list() == index()["first_row_s"].to_list()
        assert reader.index["offset"].to_list() == [0, 5, 5, 16]
        assert reader.index["status"].to_list()[1] == "no_face"
        assert reader.index["content_key"].to_list()[0] == "key of a b"


def test_spans_say_where_the_bytes_of_a_clip_lie(written):
    path, values = written
    content = path.read_bytes()
    with FeatureReader(path) as reader:
        for name, expected in values.items():
            spans = reader.spans(name)
            found = b"".join(content[start : start + size] for start, size in spans)
            assert found == expected.tobytes()
        assert reader.spans("damaged") == []
        assert len(reader.spans("ключ/'x'")) == 3  # crosses two chunk borders


def test_chunks_are_aligned_so_that_they_can_be_mapped(written):
    path, _values = written
    with FeatureReader(path) as reader:
        view = reader.clip("z")
    assert view.flags.aligned
    assert not view.flags.writeable


def test_zarr_reads_the_store_without_dfprobe(written):
    path, values = written
    group = zarr.open_group(ZipStore(path, mode="r"), mode="r")
    np.testing.assert_array_equal(
        group["features"][:], np.concatenate([*values.values()])
    )
    assert list(group["index"]["clip_id"][:]) == list(LENGTHS)


def test_equal_content_gives_equal_bytes(written, tmp_path):
    path, values = written
    again = tmp_path / "again.zarr.zip"
    dtype = str(next(iter(values.values())).dtype)
    write_store(again, index(), values.values(), DIM, dtype, {"rate_hz": 25.0})
    assert again.read_bytes() == path.read_bytes()


def test_a_truncated_store_is_refused_with_what_to_do(written):
    path, _ = written
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"not a whole feature store.*Delete it"):
        FeatureReader(path)


def test_rows_that_do_not_match_the_index_are_refused(tmp_path):
    path = tmp_path / "000.zarr.zip"
    values = list(clips("float16").values())[:-1]
    with pytest.raises(DataError, match="the index counts 17 rows, but got 16"):
        write_store(path, index(), values, DIM, "float16", {})
    assert not path.exists()


def test_a_flipped_byte_is_noticed(written):
    path, values = written
    with FeatureReader(path) as reader:
        reader.verify()
    content = bytearray(path.read_bytes())
    content[content.find(values["a b"][0].tobytes())] ^= 1
    path.write_bytes(bytes(content))
    for read in (FeatureReader.verify, lambda reader: reader.clip("a b")):
        with FeatureReader(path) as reader, pytest.raises(DataError, match="checksum"):
            read(reader)


def test_an_index_that_lost_a_column_is_refused(written):
    path, _ = written
    content = path.read_bytes()
    directory = content.rfind(b"index/rows/c/0")  # the second of its two places
    path.write_bytes(content[:directory] + b"j" + content[directory + 1 :])
    with pytest.raises(DataError, match=r"not a whole feature store.*differ"):
        FeatureReader(path)


def test_an_index_without_times_of_clips_takes_that_of_the_store(tmp_path, monkeypatch):
    path, values = tmp_path / "000.zarr.zip", clips("float16")
    schema = {k: v for k, v in module.INDEX_SCHEMA.items() if k != "first_row_s"}
    with monkeypatch.context() as patch:
        patch.setattr(module, "INDEX_SCHEMA", pl.Schema(schema))
        attributes = {"first_row_s": 0.25}
        write_store(path, index(), values.values(), DIM, "float16", attributes)
    with FeatureReader(path) as reader:
        assert reader.index["first_row_s"].to_list() == [0.25] * 4
        assert reader.index.columns == list(module.INDEX_SCHEMA)
