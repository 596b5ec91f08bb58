"""Stores out to feature files, and feature files in as an encoder."""

import numpy as np
import polars as pl
import pytest

from dfprobe.cli import main
from dfprobe.errors import DataError
from dfprobe.features.exchange import export_features, import_features
from dfprobe.heads.data.clips import StoreSet
from dfprobe.settings.stage_specs.features import FilesSpec
from dfprobe.store.features import FeatureReader, write_store
from dfprobe.store.files import kept
from typed_specs import typed

DIM = 4
SPEC = {
    "encoder": {
        "name": "theirs",
        "source": "files",
        "stream": "audio",
        "root": "rows/{corpus}",
        "rate_hz": 50.0,
        "first_row_s": 0.01,
    },
    "dtype": "float16",
    "max_failed_share": 1.0,
}
IDS = ["x/a", "x/b", "y/a"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, caplog):
    """A manifest of three clips with a feature file each."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO", "dfprobe")
    write_manifest(IDS)
    for number, clip_id in enumerate(IDS):
        write_file(tmp_path, clip_id, rows_of(number))
    return tmp_path


def write_manifest(ids, shards=None):
    table = {"clip_id": ids, "shard": shards or ["000"] * len(ids)}
    pl.DataFrame(table).with_columns(split=pl.lit("test")).write_parquet("toy.parquet")


def rows_of(seed):
    return np.random.default_rng(seed).standard_normal((5 + seed, DIM))


def write_file(folder, clip_id, rows):
    path = folder / f"rows/toy/{clip_id}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, audio=rows)


def taken(folder, out="000.zarr.zip", shard="000", spec=SPEC):
    import_features(folder / "toy.parquet", shard, typed(FilesSpec, spec), folder / out)
    return FeatureReader(folder / out)


def test_files_become_a_store(folder):
    with taken(folder) as store:
        assert store.index["clip_id"].to_list() == IDS
        assert store.index["rows"].to_list() == [5, 6, 7]
        for number, clip_id in enumerate(IDS):
            expected = rows_of(number).astype(np.float16)
            np.testing.assert_array_equal(store.clip(clip_id), expected)
        assert store.attributes["rate_hz"] == 50
        assert store.attributes["modality"] == "audio"
        assert store.attributes["encoder"]["source"] == "files"


def test_no_clip_disappears(folder):
    write_manifest(["x/a", "x/absent", "x/b", "x/empty", "x/other", "x/text", "x/zero"])
    write_file(folder, "x/b", np.full((2, DIM), 1e6))
    write_file(folder, "x/empty", np.zeros((0, DIM)))
    write_file(folder, "x/other", np.ones((2, DIM + 1)))
    (folder / "rows/toy/x/text.npy").write_text("no array")
    write_file(folder, "x/zero", np.zeros((2, DIM)))
    with taken(folder) as store:
        assert dict(store.index.select("clip_id", "status").iter_rows()) == {
            "x/a": "ok",
            "x/absent": "missing",
            "x/b": "non_finite",
            "x/empty": "too_short",
            "x/other": "unreadable",
            "x/text": "unreadable",
            "x/zero": "non_finite",
        }
        details = dict(store.index.select("clip_id", "detail").iter_rows())
        assert f"rows of {DIM + 1}, other files rows of {DIM}" in details["x/other"]


def test_too_many_failures_stop_the_job(folder):
    write_manifest([*IDS, "z"])
    with pytest.raises(DataError, match=r"1 of 4 clips failed(.|\n)*z: missing"):
        taken(folder, spec=SPEC | {"max_failed_share": 0.1})


def test_only_changed_files_are_read_again(folder, caplog):
    taken(folder)
    write_file(folder, "x/b", rows_of(9))
    caplog.clear()
    with taken(folder) as store:
        expected = rows_of(9).astype(np.float16)
        np.testing.assert_array_equal(store.clip("x/b"), expected)
    assert "1 computed, 0 resumed, 2 kept" in caplog.text
    (folder / "rows/toy/x/b.npz").unlink()
    with taken(folder) as store:
        assert store.index["status"].to_list() == ["ok", "missing", "ok"]


def test_the_key_is_that_of_the_entry_and_not_of_its_name(folder):
    keys = []
    for changes in ({}, {"name": "other"}, {"root": "./rows/{corpus}"}):
        encoder = SPEC["encoder"] | changes
        with taken(folder, spec=SPEC | {"encoder": encoder}) as store:
            keys.append(store.attributes["encoder_key"])
    assert keys[0] == keys[1] != keys[2]


def test_shards_without_a_readable_file_have_rows_of_the_same_length(folder):
    write_manifest([*IDS, "z"], ["000", "000", "000", "001"])
    taken(folder)
    taken(folder, "001.zarr.zip", "001")
    stores = [folder / "000.zarr.zip", folder / "001.zarr.zip"]
    with StoreSet(stores) as both:
        assert both.index["status"].to_list() == ["ok", "ok", "ok", "missing"]


def test_a_folder_that_is_absent_or_of_others_is_refused(folder):
    write_manifest(["z/1", "z/2"])
    with pytest.raises(DataError, match=r"none of 2 clips.*such as rows/toy/z/1\.npz"):
        taken(folder)
    (folder / "rows/toy").rename(folder / "rows/other")
    with pytest.raises(DataError, match=r"encoders\.theirs\.root in the config"):
        taken(folder)


def test_exported_rows_come_back_as_they_were(folder):
    ours = folder / "ours.zarr.zip"
    index = pl.DataFrame(
        {
            "clip_id": [*IDS, "z"],
            "status": ["ok"] * 3 + ["no_face"],
            "detail": [""] * 4,
            "rows": [5, 6, 7, 0],
            "first_row_s": [0.0] * 4,
            "content_key": [""] * 4,
            "crops_key": [""] * 4,
        }
    )
    rows = [rows_of(number).astype(np.float16) for number in range(3)]
    attributes = {"encoder_key": "k", "modality": "visual"}
    write_store(ours, index, rows, DIM, "float16", attributes)
    assert main(["export-features", str(ours), "--out", "out/toy"]) == 0
    with np.load("out/toy/x/a.npz") as file:
        assert file.files == ["visual"]
        assert file["visual"].dtype == np.float16
    assert not (folder / "out/toy/z.npz").exists()
    encoder = SPEC["encoder"] | {"root": "out/{corpus}", "stream": "video"}
    with taken(folder, spec=SPEC | {"encoder": encoder}) as store:
        for clip_id, expected in zip(IDS, rows, strict=True):
            np.testing.assert_array_equal(store.clip(clip_id), expected)
            assert store.clip(clip_id).dtype == np.float16


def test_what_has_no_file_is_counted(folder, caplog):
    (folder / "rows/toy/x/b.npz").unlink()
    taken(folder)
    export_features([folder / "000.zarr.zip"], folder / "out")
    assert "2 files; no file: 1 missing" in caplog.text


def test_two_stores_with_one_clip_are_refused(folder):
    taken(folder)
    store = folder / "000.zarr.zip"
    with pytest.raises(DataError, match=r"clip x/a is in another"):
        export_features([store, kept(store)], folder / "out")


def test_an_export_stays_in_its_folder(folder):
    write_manifest(["../a"])
    (folder / "rows/a.npz").write_bytes((folder / "rows/toy/x/a.npz").read_bytes())
    taken(folder)
    with pytest.raises(DataError, match=r"'\.\./a'"):
        export_features([folder / "000.zarr.zip"], folder / "deep/out")
    assert not (folder / "deep").exists()
