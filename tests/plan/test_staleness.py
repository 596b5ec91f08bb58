"""What a change makes stale: the exact jobs, and for clips the number computed."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from dfprobe import code, products, recipes
from plan.planning import planned
from running import snakemake

SHARDS = {"clean": ["000", "001"], "odd": ["000"]}
AGGREGATES = {
    *("make_matrix", "plot_matrix", "write_summary", "make_seeds"),
    *("make_detectors", "compare_with_paper", "make_localisation", "plot_temporal"),
    *("make_fusion", "plot_fusion", "write_tex_tables", "make_report", "all"),
}
CURVES = {"plot_training_curves"}
ROW = "example+lfcc"  # of the anomaly table


def manifest(corpus: str) -> set[str]:
    return {f"make_manifest {corpus}"}


def crops(*corpora: str) -> set[str]:
    return {f"make_crops {c}/{shard}" for c in corpora for shard in SHARDS[c]}


def audit(corpus: str) -> set[str]:
    """Return the facts of the corpus's files, and its page."""
    facts = {f"read_facts {corpus}/{shard}" for shard in SHARDS[corpus]}
    return facts | {f"audit_corpus {corpus}"}


def features(encoder: str, *corpora: str) -> set[str]:
    jobs = crops(*corpora)
    return {j.replace("make_crops ", f"extract_features {encoder}/") for j in jobs}


def explorer(*corpora: str) -> set[str]:
    """Return the jobs that make the report's clips."""
    return {f"make_report_clips {corpus}" for corpus in corpora}


def head(encoder: str) -> set[str]:
    """Return the heads on clip labels and their scores on the test corpora."""
    entries = ["linear", "order"] if encoder == "example" else ["linear"]
    scores = {f"score_{entry} {encoder}" for entry in entries} | explorer(*SHARDS)
    return {f"train_{entry} {encoder}/clean" for entry in entries} | scores | CURVES


def unsupervised() -> set[str]:
    """Return the heads on real clips, their scores, and their table."""
    kinds = ("next_token", "sync")
    scores = {f"score_{k} {ROW}/clean/{test}" for k in kinds for test in SHARDS}
    return {f"train_{k} {ROW}/clean" for k in kinds} | scores | {"make_anomaly"}


def column(encoder: str) -> set[str]:
    """Return all jobs of one encoder."""
    return features(encoder, *SHARDS) | head(encoder)


def after(corpus: str) -> set[str]:
    """Return all jobs that follow from another list of a corpus that is trained on."""
    encoders = ("lfcc", "example")
    jobs = set.union(*(features(e, corpus) | head(e) for e in encoders))
    jobs |= unsupervised()
    return manifest(corpus) | crops(corpus) | audit(corpus) | jobs | AGGREGATES


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
    code.canonical_source.cache_clear()
    code._imports.cache_clear()
    recipes._declared.cache_clear()


def raise_recipe(path: Path) -> None:
    source = path.read_text()
    assert source.count("\nRECIPE = 1") == 1
    path.write_text(source.replace("\nRECIPE = 1", "\nRECIPE = 2"))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_nothing_to_do_after_a_run(project):
    assert planned(project) == set()


def test_an_added_encoder_runs_its_own_jobs_and_the_aggregates(project):
    added = {"family": "example", "options": {"dim": 16}}
    edit_config(project, lambda c: c["encoders"].update(second=added))
    assert planned(project) == column("second") | AGGREGATES


def test_an_added_test_corpus_encodes_and_scores(project):
    def add(config):
        config["corpora"]["more"] = config["corpora"]["odd"]
        config["test"].append("more")

    edit_config(project, add)
    jobs = {"make_manifest more", "make_crops more/000"}
    jobs |= {"read_facts more/000", "audit_corpus more"}
    for encoder in ("lfcc", "example"):
        jobs |= {f"extract_features {encoder}/more/000", f"score_linear {encoder}"}
    jobs |= {"score_order example", *explorer(*SHARDS, "more"), "make_anomaly"}
    assert planned(project) == jobs | AGGREGATES


def test_an_added_training_corpus_trains_heads_and_scores_with_them(project):
    edit_config(project, lambda c: c["train"].append("odd"))
    heads = {("linear", "lfcc"), ("linear", "example"), ("order", "example")}
    trained = {f"train_{entry} {encoder}/odd" for entry, encoder in heads}
    scored = {f"score_{entry} {encoder}" for entry, encoder in heads}
    table = {"make_anomaly"}  # a test corpus has one more probe that did not see it
    shown = explorer(*SHARDS)
    assert planned(project) == trained | scored | shown | table | CURVES | AGGREGATES


def test_a_label_touches_the_tables_only(project):
    edit_config(project, lambda c: c["encoders"]["lfcc"].update(label="LFCC {corpus}"))
    tables = AGGREGATES - {"make_fusion"}  # whose tables have names, no labels
    assert planned(project) == tables | CURVES | {"make_anomaly"}


def test_another_choice_of_corpora_draws_the_figure_of_fusion_only(project):
    chosen = {"train": "clean", "test": "clean"}
    edit_config(project, lambda c: c.update(fusion={"figure": chosen}))
    assert planned(project) == {"plot_fusion", "make_report", "all"}


def test_a_changed_probe_setting_touches_probes_and_what_follows(project):
    change = {"learning_rates": [0.01]}
    edit_config(project, lambda c: c["heads"]["linear"].update(change))
    orders = {job for job in head("example") if "_order " in job}
    heads = (head("lfcc") | head("example")) - orders
    assert planned(project) == heads | {"make_anomaly"} | AGGREGATES


def test_a_changed_sync_setting_touches_that_head_and_its_table(project):
    edit_config(project, lambda c: c["anomaly"]["sync"].update(tau=3))
    jobs = {job for job in unsupervised() if "next_token" not in job}
    after_table = {"compare_with_paper", "make_localisation", "plot_temporal"}
    after_table |= {"write_tex_tables", "make_report", "all"}
    assert planned(project) == jobs | CURVES | after_table


def test_a_raised_recipe_of_a_family_touches_that_family_only(project, sources):
    raise_recipe(sources / "encoders/families/example.py")
    assert planned(project) == column("example") | unsupervised() | AGGREGATES


def test_a_raised_recipe_of_sound_touches_all_that_follows(project, sources):
    raise_recipe(sources / "media/audio.py")
    columns = column("lfcc") | column("example") | unsupervised()
    assert planned(project) == crops("clean", "odd") | columns | AGGREGATES


def test_a_raised_recipe_of_a_head_kind_touches_its_heads(project, sources):
    raise_recipe(sources / "heads/kinds/sync.py")
    jobs = {job for job in unsupervised() if "next_token" not in job}
    after_table = {"compare_with_paper", "make_localisation", "plot_temporal"}
    after_table |= {"write_tex_tables", "make_report", "all"}
    assert planned(project) == jobs | CURVES | after_table


COSTLY = (
    "make_demo",
    "make_manifest",
    "make_crops",
    "extract_",
    "import_features",
    "read_facts",
)
COSTLY += ("train_", "score_", "probe_layers")


def test_edited_code_reruns_nothing_costly(project, sources):
    for path in sources.rglob("*.py"):
        if path.name != "__init__.py":
            append(path, "\n_UNUSED = 1\n")
    jobs = planned(project)
    assert "make_matrix" in jobs
    assert not {job for job in jobs if job.startswith(COSTLY)}


def test_an_edited_command_touches_nothing(project):
    rules = project / "workflow/rules/features.smk"
    command = "--threads {threads} --spec"
    assert rules.read_text().count(command) == 1
    rules.write_text(rules.read_text().replace(command, f" {command}"))
    assert planned(project) == set()


def test_a_comment_touches_nothing(project, sources):
    append(sources / "report/pages/audit_page.py", "\n# A remark.\n")
    append(sources / "evaluation/tables/matrix.py", "\n# A remark.\n")
    assert planned(project) == set()


def test_an_edited_audit_touches_the_pages_only(project, sources):
    append(sources / "report/pages/audit_page.py", "\n_UNUSED = 1\n")
    pages = {"audit_corpus clean", "audit_corpus odd"}
    assert planned(project) == pages | {"make_report", "all"}


def test_a_raised_recipe_of_facts_touches_the_audits_only(project, sources):
    raise_recipe(sources / "audit/facts.py")
    pages = audit("clean") | audit("odd")
    assert planned(project) == pages | {"make_report", "all"}


def test_a_removed_product_is_made_again(project):
    (project / products.features("lfcc", "odd", "000")).unlink()
    made_again = {"extract_features lfcc/odd/000", "score_linear lfcc"}
    made_again |= {f"score_{k} {ROW}/clean/odd" for k in ("next_token", "sync")}
    made_again |= explorer(*SHARDS) | {"make_anomaly"}
    assert planned(project) == made_again | AGGREGATES


def add_a_clip(root: Path) -> None:
    shutil.copy(root / "0/0.mp4", root / "0/new.mp4")
    append(root / "labels.csv", "0/new.mp4,0,test\n")


def remove_a_clip(root: Path) -> None:
    (root / "0/1.mp4").unlink()
    replace(root / "labels.csv", "0/1.mp4,1,train\n", "")


def move_a_clip_to_the_test(root: Path) -> None:
    replace(root / "labels.csv", "0/0.mp4,0,train", "0/0.mp4,0,test")


CHANGES = [add_a_clip, remove_a_clip, move_a_clip_to_the_test]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_list_computes_added_clips_alone(project, change):
    change(project / "videos/clean")
    assert planned(project) == after("clean")
    encoders = ("lfcc", "example")
    stores = [f"{e}/clean/{shard}" for e in encoders for shard in SHARDS["clean"]]
    run = snakemake(project, *(f"results/features/{s}.zarr.zip" for s in stores))
    assert run.returncode == 0, run.stdout
    added = int(change is add_a_clip)
    assert computed(run.stdout, "crops") == added
    assert computed(run.stdout, "features") == 2 * added  # one for each encoder
    done = manifest("clean") | crops("clean")
    done |= set.union(*(features(encoder, "clean") for encoder in encoders))
    assert planned(project) == after("clean") - done


def test_a_run_after_all_changes_leaves_nothing_to_do(project):
    for change in CHANGES:
        change(project / "videos/clean")
    assert planned(project) == after("clean")
    run = snakemake(project)
    assert run.returncode == 0, run.stdout
    assert computed(run.stdout, "crops") == 1
    assert computed(run.stdout, "audit facts") == 1
    assert computed(run.stdout, "features") == 2
    assert planned(project) == set()
