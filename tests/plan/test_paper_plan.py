"""The paper's run: it plans, and its corpora give the clips that the paper counts."""

import re
import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml

from dfprobe.corpora.manifest import make_manifest
from dfprobe.evaluation.tables.matrix import pairs
from dfprobe.planning import specs
from dfprobe.settings.complete import complete_config
from plan import published_corpora
from plan.planning import planned
from running import snakemake

ROOT = Path(__file__).parents[2]
CONFIG = "config/paper.yaml"

SHARDS = {"favc": 40, "av1m": 100, "avlips": 25, "dfe": 16}
LABELS = {  # of Table 2, in its order
    "avhubert_a_random": "AV-HuBERT (A) random",
    "avhubert_v_random": "AV-HuBERT (V) random",
    "wav2vec2": "Wav2Vec2",
    "auto_avsr_asr": "Auto-AVSR (ASR)",
    "avhubert_a": "AV-HuBERT (A)",
    "braven_a": "BRAVEn (A)",
    "clip": "CLIP ViT-L/14",
    "fsfm": "FSFM",
    "videomae": "VideoMAE-large",
    "auto_avsr_vsr": "Auto-AVSR (VSR)",
    "avhubert_v": "AV-HuBERT (V)",
    "braven_v": "BRAVEn (V)",
    "auto_avsr_av": "Auto-AVSR (AV)",
    "avhubert_av": "AV-HuBERT (AV)",
}
JOBS = {
    "make_manifest": 4,
    "make_crops": 181,
    "read_facts": 181,
    "audit_corpus": 4,
    "extract_features": 14 * 181,
    **{f"train_{head}": 14 * 2 for head in ("linear", "converged", "transformer")},
    **{f"score_{head}": 14 for head in ("linear", "converged", "transformer")},
    "train_next_token": 9,  # rows of Table 4, five of them pairs
    "score_next_token": 9 * 2,
    "train_sync": 5,
    "score_sync": 5 * 2,
    "plot_training_curves": 1,
    "make_anomaly": 1,
    "make_detectors": 1,
    "make_seeds": 1,
    "compare_with_paper": 1,
    "make_matrix": 1,
    "make_fusion": 1,
    "plot_fusion": 1,
    "write_tex_tables": 1,
    "make_localisation": 1,
    "plot_temporal": 1,
    "plot_panels": 1,  # of AV-Deepfake1M, whose segments are known
    "plot_matrix": 1,
    "make_report_clips": 4,
    "make_report": 1,
    "write_summary": 1,
    "all": 1,
}
CLIPS = {  # reals and fakes of a split
    "favc": {"train": (314, 6_727), "val": (34, 748), "test": (151, 3_357)},
    "av1m": {"train": (11_285, 11_687), "val": (1_262, 1_265), "test": (2_495, 2_638)},
    "avlips": {"test": (3_373, 4_184)},
    "dfe": {"train": (64, 578), "test": (48, 386)},  # whole videos
}


@pytest.fixture(scope="module")
def paper_project(tmp_path_factory):
    """Working directory as a user has it, the corpora without their videos."""
    project = tmp_path_factory.mktemp("paper")
    for name in ("workflow", "profiles", "envs", "config"):
        shutil.copytree(ROOT / name, project / name)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, project)
    data = project / "data"
    lists = data / "ssr-dfd/linear_probing/csv_metadata"
    published_corpora.write_fakeavceleb(data / "FakeAVCeleb_v1.2", lists / "favc")
    published_corpora.write_av_deepfake1m(data / "AV-Deepfake1M", lists / "av1m")
    published_corpora.write_avlips(data / "AVLips", lists / "avlips")
    published_corpora.write_deepfake_eval_2024(data / "Deepfake-Eval-2024")
    yield project
    shutil.rmtree(data)  # AV-Deepfake1M's metadata are 230 MB


@pytest.fixture(scope="module")
def jobs(paper_project):
    return planned(paper_project, CONFIG)


@pytest.fixture(scope="module")
def config():
    entered = yaml.safe_load((ROOT / CONFIG).read_text())
    return complete_config(entered)


def test_the_jobs_by_rule(jobs):
    assert Counter(job.split()[0] for job in jobs) == JOBS
    assert len(jobs) < 5_000


def test_every_encoder_sees_every_shard(jobs):
    features = {job for job in jobs if job.startswith("extract_features ")}
    assert features == {
        f"extract_features {encoder}/{corpus}/{shard:03d}"
        for encoder in LABELS
        for corpus, shards in SHARDS.items()
        for shard in range(shards)
    }


def test_the_command_plans_the_same_jobs(paper_project):
    run = snakemake(paper_project, "-n", "--configfile", CONFIG)
    assert run.returncode == 0, run.stdout
    counts = dict(re.findall(r"^(\w+) +(\d+)$", run.stdout, re.MULTILINE))
    expected = JOBS | {"total": sum(JOBS.values())}
    assert counts == {rule: str(number) for rule, number in expected.items()}


def test_rows_and_columns_are_those_of_table_2(config):
    labels = {name: entry.label for name, entry in config.encoders.items()}
    assert list(labels.items()) == list(LABELS.items())
    trained = {  # columns A to F, H, I
        "favc": ["favc", "av1m"],
        "av1m": ["av1m", "favc"],
        "avlips": ["favc", "av1m"],
        "dfe": ["favc", "av1m"],
    }
    columns = [(train, test) for test in trained for train in trained[test]]
    assert pairs(config.train, config.test) == columns


@pytest.mark.parametrize("corpus", SHARDS)
def test_the_manifest_counts_the_clips_of_the_paper(
    corpus, config, paper_project, tmp_path, monkeypatch
):
    monkeypatch.chdir(paper_project)
    out = tmp_path / "manifest.parquet"
    make_manifest(corpus, specs.manifest_spec(config, corpus), out)
    manifest = pl.read_parquet(out)
    counts = Counter(manifest.select("split", "label").iter_rows())
    assert counts == {
        (split, label): clips
        for split, both in CLIPS[corpus].items()
        for label, clips in enumerate(both)
    }
    sizes = dict(manifest["shard"].value_counts().iter_rows())
    assert sorted(sizes) == specs.shards(config, corpus)
    assert max(sizes.values()) < 500
