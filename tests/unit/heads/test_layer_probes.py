import numpy as np
import polars as pl
import pytest
from toy_features import DIM, PROVENANCE, write_features

from dfprobe.cli import main
from dfprobe.errors import DataError
from dfprobe.evaluation.tables.layers import read_layers
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.layer_probes import probe_layers
from dfprobe.settings.stage_specs.heads import LayersSpec, LayersTableSpec

CORPORA = {"encoder": "toy", "train": ("toy",), "test": ("toy",)}


@pytest.fixture
def spec(probe_spec):
    head = probe_spec.model_copy(update={"max_epochs": 10})
    return LayersSpec(**CORPORA, head=head)


def probe(corpus, spec, layers, monkeypatch):
    monkeypatch.setitem(PROVENANCE, "layers", layers)
    store = write_features(corpus.folder / "layers.zarr.zip", corpus.rows)
    manifest = pl.read_parquet(corpus.manifest)
    known = manifest.with_columns(speaker=pl.lit("a"), source=pl.col("clip_id"))
    known.write_parquet(corpus.manifest)
    folder, out = corpus.folder / "layers", corpus.folder / "layers.csv"
    probe_layers({"toy": [store]}, {"toy": corpus.manifest}, spec, folder)
    table_spec = LayersTableSpec(**CORPORA).to_json()
    arguments = ["layers", folder, "--manifests", corpus.manifest, "--out", out]
    assert main([*map(str, arguments), "--spec", table_spec]) == 0
    return folder, read_layers(out)


def test_each_layer_has_its_probe_and_the_mix_finds_the_one_that_tells(
    corpus, spec, monkeypatch
):
    half = DIM // 2
    rng = np.random.default_rng(0)
    for rows in corpus.rows.values():  # the second layer is noise
        rows[:, half:] = rng.standard_normal((len(rows), half))
    folder, table = probe(corpus, spec, 2, monkeypatch)
    assert table["layer"].to_list() == ["0", "1", "mix"]
    areas = dict(table.select("layer", "auc").iter_rows())
    assert areas["0"] > 0.9
    assert areas["1"] < 0.8
    assert areas["mix"] > 0.9
    weights = table["mix_weight"].to_list()
    assert weights[0] > weights[1]
    second = LinearProbe.load(folder / "heads/layer-01/toy/toy.safetensors")
    rows = corpus.rows["test/00"]
    alone = LinearProbe(second.params, {})
    assert second.score(rows) == alone.score(np.ascontiguousarray(rows[:, half:]))
    assert second.dims == (DIM,)


def test_features_of_one_layer_are_refused(corpus, spec, monkeypatch):
    with pytest.raises(DataError, match="`layer: all`"):
        probe(corpus, spec, 1, monkeypatch)
