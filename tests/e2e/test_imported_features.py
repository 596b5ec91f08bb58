"""Features go out as files and come back as an encoder of the workflow."""

from pathlib import Path

import numpy as np
import polars as pl
import yaml

from dfprobe import products
from dfprobe.cli import main
from dfprobe.store.features import FeatureReader
from plan.planning import planned
from running import snakemake

STORES = {"clean": ["000", "001"], "odd": ["000"]}
FILES = {"source": "files", "stream": "audio", "root": "exported/{corpus}"}


def store(project: Path, encoder: str, corpus: str, shard: str) -> Path:
    return project / products.features(encoder, corpus, shard)


def export(project: Path) -> None:
    """Write the features of LFCC as files, and name these as an encoder."""
    for corpus, shards in STORES.items():
        paths = [str(store(project, "lfcc", corpus, shard)) for shard in shards]
        out = str(project / "exported" / corpus)
        assert main(["export-features", *paths, "--out", out]) == 0
    config = yaml.safe_load((project / "config.yaml").read_text())
    config["encoders"]["theirs"] = FILES
    (project / "config.yaml").write_text(yaml.safe_dump(config))


def imports(*corpora: str) -> set[str]:
    return {
        f"import_features theirs/{corpus}/{shard}"
        for corpus in corpora
        for shard in STORES[corpus]
    }


def test_exported_features_come_back_as_an_encoder(project):
    export(project)
    jobs = planned(project)
    assert imports("clean", "odd") <= jobs
    assert not [job for job in jobs if job.startswith(("make_crops", "extract"))]
    run = snakemake(project, products.MATRIX)
    assert run.returncode == 0, run.stdout
    made = {"train_linear theirs/clean", "score_linear theirs", "make_matrix"}
    assert planned(project) == jobs - imports("clean", "odd") - made

    for corpus, shards in STORES.items():
        for shard in shards:
            ours = FeatureReader(store(project, "lfcc", corpus, shard))
            theirs = FeatureReader(store(project, "theirs", corpus, shard))
            assert theirs.index["clip_id"].equals(ours.index["clip_id"])
            for clip_id in ours.index["clip_id"]:
                np.testing.assert_array_equal(theirs.clip(clip_id), ours.clip(clip_id))
        scores = [
            pl.read_parquet(
                project / products.scores("linear", encoder, "clean", corpus)
            )
            for encoder in ("lfcc", "theirs")
        ]
        assert scores[0]["score"].equals(scores[1]["score"])
    assert "theirs" in pl.read_csv(project / products.MATRIX)["encoder"]

    file = project / "exported/odd/-dash.npz"
    file.write_bytes(b"no array")
    jobs = planned(project)
    assert imports("odd") <= jobs
    assert not imports("clean") & jobs
    run = snakemake(project, products.MATRIX)
    assert run.returncode == 0, run.stdout
    assert "features theirs odd/000: 1 computed" in run.stdout
