"""The whole workflow on a few clips, good and bad ones."""

import csv
import shutil
from pathlib import Path

import polars as pl
import yaml

from dfprobe.store.features import FeatureReader
from running import snakemake
from small_run import ODD_NAME

BAD = {"empty": "unreadable", "text": "unreadable", "cut": "unreadable"}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_matrix_has_a_row_an_encoder_and_a_column_a_pair(finished_project):
    rows = table(finished_project / "results/xdata_matrix.csv")
    assert [row["encoder"] for row in rows] == ["example", "lfcc"]
    pairs = ["clean->clean", "clean->odd", "mean_ood"]
    assert list(rows[0]) == ["encoder", "label", "modality", *pairs]
    for row in rows:
        assert all(0 <= float(row[pair]) <= 100 for pair in pairs)


def test_the_tidy_table_has_intervals_around_the_areas(finished_project):
    rows = table(finished_project / "results/xdata_long.csv")
    common = [row for row in rows if row["subset"] == "common"]
    assert len(common) == 10  # linear with two seeds, the Transformer on one
    # `clean` is tested on one clip a class, which gives no interval.
    for row in (row for row in common if row["test"] == "odd"):
        low, area, high = (float(row[n]) for n in ("auc_low", "auc", "auc_high"))
        assert low <= area <= high
        assert 0 < float(row["coverage"]) <= 1


def test_every_head_and_table_is_there(finished_project):
    results = finished_project / "results"
    assert len(table(results / "xdata_matrix_linear-s44.csv")) == 2
    [order] = table(results / "xdata_matrix_order.csv")
    assert order["encoder"] == "example"
    seeds = table(results / "seeds.csv")
    assert {row["seeds"] for row in seeds if row["entry"] == "linear"} == {"2"}
    [row] = table(results / "anomaly.csv")
    assert row["row"] == "example+lfcc"
    columns = [f"odd {task}" for task in ("Sup", "NTP", "NTP mean", "Sync")]
    assert all(0 <= float(row[column]) <= 100 for column in columns)
    detectors = table(results / "detectors.csv")
    assert [row["name"] for row in detectors] == ["example", "lfcc", "judge"]
    paper = table(results / "paper_comparison.csv")
    assert len(paper) == 371
    assert not any(row["state"] == "compared" for row in paper)
    assert (results / "figures/training_curves.png").stat().st_size > 10_000


def test_no_clip_disappears_at_any_stage(finished_project):
    results = finished_project / "results"
    for corpus, shards in (("clean", 2), ("odd", 1)):
        listed = pl.read_parquet(results / f"manifests/{corpus}.parquet")
        ids = sorted(listed["clip_id"])
        names = [f"{shard:03d}" for shard in range(shards)]
        crops = [
            pl.read_parquet(results / f"crops/{corpus}/{name}.parquet")
            for name in names
        ]
        assert sorted(pl.concat(crops)["clip_id"]) == ids
        facts = [results / f"facts/{corpus}/{name}.parquet" for name in names]
        assert sorted(i for f in facts for i in pl.read_parquet(f)["clip_id"]) == ids
        for encoder in ("lfcc", "example"):
            folder = results / f"features/{encoder}/{corpus}"
            stores = [FeatureReader(folder / f"{name}.zarr.zip") for name in names]
            assert sorted(i for s in stores for i in s.index["clip_id"]) == ids
            path = results / f"scores/linear/{encoder}/clean/{corpus}.parquet"
            test = sorted(listed.filter(pl.col("split") == "test")["clip_id"])
            assert sorted(pl.read_parquet(path)["clip_id"]) == test


def statuses(path: Path) -> dict[str, str]:
    return dict(pl.read_parquet(path).select("clip_id", "status").iter_rows())


def test_bad_files_get_a_named_status_and_odd_names_work(finished_project):
    results = finished_project / "results"
    crops = statuses(results / "crops/odd/000.parquet")
    assert crops.items() >= BAD.items()
    assert crops["not there"] == "missing"
    assert crops["three frames"] == "no_face"
    assert crops[ODD_NAME] == crops["-dash"] == "ok"

    scores = results / "scores/linear"
    audio = statuses(scores / "lfcc/clean/odd.parquet")
    assert audio[ODD_NAME] == audio["three frames"] == "ok"
    visual = statuses(scores / "example/clean/odd.parquet")
    assert visual[ODD_NAME] == "ok"
    assert visual["three frames"] == "no_face"


def test_the_summary_names_what_failed(finished_project):
    text = (finished_project / "results/summary.md").read_text()
    assert "unreadable" in text
    assert "Leading silence" in text


def test_each_corpus_has_an_audit_that_names_its_bad_files(finished_project):
    audits = finished_project / "results/audit"
    assert "</html>" in (audits / "clean.html").read_text()
    bad = {row["file"]: row["problem"] for row in table(audits / "odd/files.csv")}
    assert bad.items() >= (BAD | {"not there": "missing"}).items()


def test_the_heat_map_is_drawn(finished_project):
    figures = finished_project / "results/figures"
    assert (figures / "xdata_matrix.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (figures / "xdata_matrix.svg").read_text()


def test_a_run_from_scratch_gives_the_same_bytes(project):
    before = {path: path.read_bytes() for path in project.glob("results/*.csv")}
    curves = list(project.glob("results/heads/**/*.csv"))
    before |= {path: path.read_bytes() for path in curves}
    assert len(before) == 16
    shutil.rmtree(project / "results")
    shutil.rmtree(project / ".snakemake")
    run = snakemake(project, *(str(path.relative_to(project)) for path in before))
    assert run.returncode == 0, run.stdout
    assert {path: path.read_bytes() for path in before} == before


def edit_corpus(project: Path, **changes: object) -> None:
    path = project / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["corpora"]["clean"].update(changes)
    path.write_text(yaml.safe_dump(config))


def test_a_missing_corpus_folder_is_named(project):
    edit_corpus(project, root="videos/nowhere")
    run = snakemake(project)
    assert run.returncode == 1
    assert "expected the folder videos/nowhere" in run.stdout
    assert "corpora.clean.root" in run.stdout


def test_a_path_that_leaves_the_corpus_is_refused(project):
    labels = project / "videos/clean/labels.csv"
    labels.write_text(labels.read_text() + "../odd/-dash.mp4,0,test\n")
    run = snakemake(project)
    assert run.returncode == 1
    assert "../odd/-dash.mp4" in run.stdout
    assert "corpus folder" in run.stdout


def test_missing_weights_stop_the_run_before_it_starts_but_not_the_plan(project):
    path = project / "config.yaml"
    config = yaml.safe_load(path.read_text())
    for name, stream in (("lips", "video"), ("sound", "audio")):
        config["encoders"][name] = {
            "family": "avhubert",
            "stream": stream,
            "weights": "avhubert/self_large_vox_433h.pt",
        }
    path.write_text(yaml.safe_dump(config))
    assert snakemake(project, "--dry-run").returncode == 0
    run = snakemake(project)
    assert run.returncode == 1
    assert run.stdout.count("The encoders lips, sound of the config need it") == 1
    assert "Finished job" not in run.stdout


def test_an_unknown_config_key_stops_the_plan_with_a_near_match(project):
    edit_corpus(project, shard=3)
    run = snakemake(project, "--dry-run")
    assert run.returncode == 1
    assert "config.corpora.clean.shard: unknown key" in run.stdout
    assert "Did you mean 'shards'?" in run.stdout


def test_too_many_failures_stop_the_run_and_lose_nothing(project):
    config = project / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("max_failed_share: 0.8", "max_failed_share: 0.3"))
    shutil.rmtree(project / "results/crops/odd")
    features = "results/features/example/odd/000.zarr.zip"
    run = snakemake(project, features)
    assert run.returncode == 1
    assert "empty: unreadable" in run.stdout
    assert "raise max_failed_share" in run.stdout

    config.write_text(text)
    run = snakemake(project, features)
    assert run.returncode == 0, run.stdout
    assert "crops odd/000: 0 computed, 11 resumed, 0 kept" in run.stdout
