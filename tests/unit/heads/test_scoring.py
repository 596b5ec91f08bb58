import numpy as np
import polars as pl
import pytest
from toy_features import DIM, PROVENANCE, write_features, write_manifest

from dfprobe.errors import DataError
from dfprobe.heads.data.clips import StoreSet
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.scoring import Scored, score_clips, score_corpora
from dfprobe.store.scores import read_scores


def write_head(path, seed=0, key="key"):
    params = np.random.default_rng(seed).standard_normal(DIM + 1).astype(np.float32)
    LinearProbe(params, {"encoder_key": key}).save(path)
    return path


@pytest.fixture
def head(tmp_path):
    return write_head(tmp_path / "head.safetensors")


def test_one_row_a_test_clip_with_its_score(corpus, head):
    out = corpus.folder / "scores.parquet"
    score_clips([corpus.stores], corpus.manifest, [Scored(head, out)])
    table = read_scores(out)
    test = pl.read_parquet(corpus.manifest).filter(pl.col("split") == "test")
    columns = ["clip_id", "label", "manipulation"]
    assert table.select(columns).equals(test.select(columns))
    assert table["status"].unique().to_list() == ["ok"]
    params = LinearProbe.load(head).params.astype(np.float64)
    for name, score in table.select("clip_id", "score").iter_rows():
        rows = corpus.rows[name].astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        expected = np.logaddexp.reduce(rows @ params[:-1] + params[-1])
        assert score == pytest.approx(expected, abs=1e-5)


def test_each_head_writes_its_own_scores(corpus, head):
    other = write_head(corpus.folder / "other.safetensors", seed=1)
    alone = [corpus.folder / f"alone_{i}.parquet" for i in range(2)]
    both = [corpus.folder / f"both_{i}.parquet" for i in range(2)]
    for path, out in zip([head, other], alone, strict=True):
        score_clips([corpus.stores], corpus.manifest, [Scored(path, out)])
    files = [Scored(*pair) for pair in zip([head, other], both, strict=True)]
    score_clips([corpus.stores], corpus.manifest, files)
    assert [p.read_bytes() for p in both] == [p.read_bytes() for p in alone]
    assert alone[0].read_bytes() != alone[1].read_bytes()


def test_no_clip_disappears(corpus, head):
    clips = [
        *pl.read_parquet(corpus.manifest).select("clip_id", "split", "label").rows(),
        ("test/a", "test", 1),  # failed in the features stage
        ("test/b", "test", 0),  # in no store
        ("test/c", "test", None),  # no label: scored all the same
        ("test/d", "test", 1),  # marked ok, but holds an all-zero row
    ]
    write_manifest(corpus.manifest, clips)
    some = corpus.rows["test/00"]
    rows = {"test/c": some, "test/d": np.zeros_like(some)}
    extra = write_features(corpus.folder / "002.zarr.zip", rows, {"test/a": "no_audio"})
    out = corpus.folder / "scores.parquet"
    score_clips([[*corpus.stores, extra]], corpus.manifest, [Scored(head, out)])
    table = read_scores(out).filter(pl.col("clip_id").str.contains("[abcd]$"))
    assert table["clip_id"].to_list() == ["test/a", "test/b", "test/c", "test/d"]
    assert table["status"].to_list() == ["no_audio", "missing", "ok", "non_finite"]
    assert table["score"].is_null().to_list() == [True, True, False, True]
    assert table["label"].to_list() == [1, 0, None, 1]


def test_head_of_another_encoder_is_refused(corpus, head):
    other = write_head(corpus.folder / "other.safetensors", key="other")
    outs = [corpus.folder / f"out_{i}.parquet" for i in range(2)]
    message = r"other\.safetensors .* encoder other, but .* encoder key"
    with pytest.raises(DataError, match=message):
        files = [Scored(*pair) for pair in zip([head, other], outs, strict=True)]
        score_clips([corpus.stores], corpus.manifest, files)
    assert not any(out.exists() for out in outs)


def test_stores_of_two_encoders_are_refused(corpus):
    other = write_features(corpus.folder / "x.zarr.zip", {}, {"a": "no_face"}, "other")
    with pytest.raises(DataError, match="must come from one encoder"):
        StoreSet([*corpus.stores, other])


def test_clip_in_two_stores_is_refused(corpus):
    with pytest.raises(DataError, match="more than one feature store"):
        StoreSet([*corpus.stores, corpus.stores[0]])


def test_no_store_is_refused():
    with pytest.raises(DataError, match="one for each shard"):
        StoreSet([])


def test_float32_store_gives_the_score_of_its_float16_values(corpus, head):
    wide = {name: rows.astype(np.float32) for name, rows in corpus.rows.items()}
    store = write_features(corpus.folder / "w.zarr.zip", wide, dtype="float32")
    tables = []
    for stores in (corpus.stores, [store]):
        score_clips(
            [stores], corpus.manifest, [Scored(head, corpus.folder / "out.parquet")]
        )
        tables.append(read_scores(corpus.folder / "out.parquet"))
    np.testing.assert_allclose(tables[0]["score"], tables[1]["score"], atol=1e-6)


@pytest.fixture
def timed(monkeypatch):
    """Stores say when their rows are, which curves need."""
    monkeypatch.setitem(PROVENANCE, "rate_hz", 12.5)
    monkeypatch.setitem(PROVENANCE, "first_row_s", 0.5)


@pytest.mark.usefixtures("timed")
def test_every_head_has_its_curves(corpus, head):
    heads = [head, write_head(corpus.folder / "other.safetensors", seed=1)]
    outs, curves = (
        [corpus.folder / f"{kind}_{i}.parquet" for i in range(2)]
        for kind in ("scores", "curves")
    )
    store = write_features(corpus.folder / "timed.zarr.zip", corpus.rows)
    files = [Scored(*one) for one in zip(heads, outs, curves, strict=True)]
    score_clips([[store]], corpus.manifest, files)
    for path, out, curve in zip(heads, outs, curves, strict=True):
        table, probe = pl.read_parquet(curve), LinearProbe.load(path)
        scores = read_scores(out)
        assert table["clip_id"].equals(scores["clip_id"])
        assert table["rate_hz"].unique().to_list() == [12.5]
        assert table["first_row_s"].unique().to_list() == [0.5]
        for row, score in zip(
            table.iter_rows(named=True), scores["score"], strict=True
        ):
            expected = probe.curve(corpus.rows[row["clip_id"]])
            np.testing.assert_allclose(row["curve"], expected, rtol=1e-6)
            assert score == pytest.approx(np.logaddexp.reduce(expected), abs=1e-5)


def test_a_curve_has_the_times_of_its_clip(corpus, head):
    cut = {"test/03": 0.16, "test/04": 0.04}
    store = corpus.folder / "cut.zarr.zip"
    write_features(store, corpus.rows, starts=cut)
    out, curve = corpus.folder / "out.parquet", corpus.folder / "curve.parquet"
    score_clips([[store]], corpus.manifest, [Scored(head, out, curve)])
    found = dict(pl.read_parquet(curve).select("clip_id", "first_row_s").iter_rows())
    assert {name: start for name, start in found.items() if start} == cut


@pytest.mark.usefixtures("timed")
def test_a_clip_without_a_score_has_no_curve(corpus, head):
    clips = pl.read_parquet(corpus.manifest).select("clip_id", "split", "label").rows()
    bad = [("test/a", "test", 1), ("test/b", "test", 0), ("test/d", "test", 1)]
    write_manifest(corpus.manifest, [*clips, *bad])
    zeros = {"test/d": np.zeros_like(corpus.rows["test/00"])}
    store = corpus.folder / "timed.zarr.zip"
    write_features(store, corpus.rows | zeros, {"test/a": "no_audio"})
    out, curve = corpus.folder / "out.parquet", corpus.folder / "curve.parquet"
    score_clips([[store]], corpus.manifest, [Scored(head, out, curve)])
    table = pl.read_parquet(curve)
    none = table.filter(pl.col("curve").is_null())["clip_id"].to_list()
    assert none == ["test/a", "test/b", "test/d"]
    timeless = table.filter(
        pl.col("rate_hz").is_null() & pl.col("first_row_s").is_null()
    )
    assert timeless["clip_id"].to_list() == none
    assert table.height == read_scores(out).height


@pytest.mark.usefixtures("timed")
def test_files_of_several_corpora_are_told_apart_by_their_paths(corpus):
    heads = []
    for name, train in (("probe", "one"), ("probe", "two"), ("probe-s7", "one")):
        path = corpus.folder / "heads" / name / "toy" / f"{train}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        heads.append(write_head(path, seed=len(heads)))
    manifests, stores, flip = {}, {}, -1
    for test in ("first", "second"):
        flip = -flip
        rows = {name: flip * rows for name, rows in corpus.rows.items()}
        store = write_features(corpus.folder / f"{test}.zarr.zip", rows)
        stores[test] = [store]
        manifests[test] = corpus.folder / f"{test}.parquet"
        manifests[test].write_bytes(corpus.manifest.read_bytes())
    outs, curves = [], []
    for head in heads:
        for test in manifests:
            tail = (*head.parts[-3:-1], head.stem, f"{test}.parquet")
            outs.append(corpus.folder.joinpath("scores", *tail))
            curves.append(corpus.folder.joinpath("curves", *tail))
    for path in (*outs, *curves):
        path.parent.mkdir(parents=True, exist_ok=True)
    score_corpora(stores, manifests, heads, outs[::-1], curves)
    for out, curve in zip(outs, curves, strict=True):
        head = LinearProbe.load(heads[outs.index(out) // 2])
        with StoreSet(stores[out.stem]) as features:
            for clip_id, score in read_scores(out).select("clip_id", "score").rows():
                assert score == head.score(features.rows(clip_id))
        table = pl.read_parquet(curve)
        assert np.logaddexp.reduce(table["curve"][0].to_list()) == pytest.approx(
            read_scores(out)["score"][0], abs=1e-5
        )
