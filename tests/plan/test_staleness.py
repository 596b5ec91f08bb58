"""What a change makes stale: the exact jobs, and for clips the number computed."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)

from dfprobe import code
from running import snakemake

PER_ENCODER = Counter(
    extract_features=3, train_linear_probe=1, score_clips=2
)  # 2 + 1 shards, 1 training corpus, 2 test corpora
AGGREGATES = Counter(make_matrix=1, plot_matrix=1, write_summary=1, all=1)
HEADS = Counter(train_linear_probe=1, score_clips=2)


def times(count: int, jobs: Counter) -> Counter:
    return Counter({rule: count * number for rule, number in jobs.items()})


def planned(project: Path) -> Counter:
    """Rules of the jobs that the next run would do, with their numbers."""
    settings = OutputSettings(quiet={Quietness.ALL}, dryrun=True)
    with SnakemakeApi(settings) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            snakefile=project / "Snakefile",
            workdir=project,
        )
        workflow.dag(DAGSettings()).execute_workflow(executor="dryrun")
        dag = workflow._workflow.dag
        jobs = dag.needrun_jobs(exclude_finished=False)
        return Counter(job.rule.name for job in jobs)


def computed(output: str, stage: str) -> int:
    """Clips that the jobs of a stage computed, by their own report."""
    return sum(int(n) for n in re.findall(rf"{stage} .*: (\d+) computed", output))


def edit_config(project: Path, change) -> None:
    path = project / "config.yaml"
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config))


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the package's sources, which planning then looks at."""
    copy = tmp_path / "src"
    shutil.copytree(code._ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "_ROOT", copy)
    clear_caches()
    yield copy
    clear_caches()


def clear_caches() -> None:
    code._text.cache_clear()
    code._imports.cache_clear()


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_nothing_to_do_after_a_run(project):
    assert planned(project) == Counter()


def test_an_added_encoder_runs_its_own_jobs_and_the_aggregates(project):
    added = {"family": "example", "options": {"dim": 16}}
    edit_config(project, lambda c: c["encoders"].update(second=added))
    assert planned(project) == PER_ENCODER + AGGREGATES


def test_a_label_touches_the_tables_only(project):
    edit_config(project, lambda c: c["encoders"]["lfcc"].update(label="LFCC"))
    assert planned(project) == AGGREGATES


def test_a_changed_probe_setting_touches_probes_and_what_follows(project):
    edit_config(project, lambda c: c["probe"].update(learning_rate=0.01))
    assert planned(project) == times(2, HEADS) + AGGREGATES


def test_an_edited_family_touches_that_family_only(project, sources):
    append(sources / "encoders/example.py", "\n_UNUSED = 1\n")
    assert planned(project) == PER_ENCODER + AGGREGATES


def test_a_comment_touches_nothing(project, sources):
    append(sources / "encoders/example.py", "\n# A remark.\n")
    append(sources / "media/crops.py", "\n# A remark.\n")
    assert planned(project) == Counter()


def test_an_edited_crops_stage_touches_all_that_follows(project, sources):
    append(sources / "media/crops.py", "\n_UNUSED = 1\n")
    stale = planned(project)
    assert stale == Counter(make_crops=3) + times(2, PER_ENCODER) + AGGREGATES


def test_a_removed_product_is_made_again(project):
    (project / "results/features/lfcc/odd/000.zarr.zip").unlink()
    expected = Counter(extract_features=1, score_clips=1) + AGGREGATES
    assert planned(project) == expected


def test_an_added_clip_computes_one_clip(project):
    root = project / "videos/clean"
    shutil.copy(root / "0/0.mp4", root / "0/new.mp4")
    append(root / "labels.csv", "0/new.mp4,0,test\n")
    all_of_clean = Counter(
        make_manifest=1,
        make_crops=2,
        extract_features=4,
        train_linear_probe=2,
        score_clips=4,
    )
    assert planned(project) == all_of_clean + AGGREGATES
    run = snakemake(project)
    assert run.returncode == 0, run.stdout
    assert computed(run.stdout, "crops") == 1
    assert computed(run.stdout, "features") == 2  # one for each encoder
    assert planned(project) == Counter()


def test_a_removed_clip_computes_none(project):
    labels = project / "videos/clean/labels.csv"
    (project / "videos/clean/0/1.mp4").unlink()
    labels.write_text(labels.read_text().replace("0/1.mp4,1,train\n", ""))
    run = snakemake(project)
    assert run.returncode == 0, run.stdout
    assert computed(run.stdout, "crops") == 0
    assert computed(run.stdout, "features") == 0
    assert planned(project) == Counter()


def test_a_changed_split_computes_no_clip_again(project):
    labels = project / "videos/clean/labels.csv"
    labels.write_text(labels.read_text().replace("0/0.mp4,0,train", "0/0.mp4,0,test"))
    run = snakemake(project)
    assert run.returncode == 0, run.stdout
    assert computed(run.stdout, "crops") == 0
    assert computed(run.stdout, "features") == 0
    assert planned(project) == Counter()
