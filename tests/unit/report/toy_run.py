"""The files of a finished run, made up: what the report site is made from."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dfprobe.audit.findings import Finding, write_findings
from dfprobe.report.explorer.clips import make_clips
from dfprobe.report.site.make import Sources, make_site
from dfprobe.settings.complete import complete_config
from dfprobe.settings.stage_specs.report import ClipsSpec, SiteSpec
from dfprobe.settings.stage_specs.tables import EncoderRow, HeadName
from dfprobe.store.scores import write_scores

LABELS = {
    "lfcc": ("LFCC", "audio"),
    "avhubert_a": ("AV-HuBERT (A)", "audio"),
    "clip": ("CLIP <b>", "visual"),
    "avhubert_av": ("AV-HuBERT (AV)", "audio-visual"),
}
CORPORA = {"one": "FAVC-like", "two": "AV1M-like"}
CONFIG = complete_config(
    {
        "corpora": {name: {"layout": "folder", "root": name} for name in CORPORA},
        "encoders": {"lfcc": {"family": "lfcc"}},
        "train": ["one"],
        "test": ["one", "two"],
    }
)
SPEC = SiteSpec(
    heads=tuple(
        HeadName(name=name, entry=name, seed=43, encoders=tuple(LABELS))
        for name in ("linear", "converged")
    ),
    encoders=tuple(
        EncoderRow(
            name=name, label=label, modality=modality, weights="x", untrimmed=None
        )
        for name, (label, modality) in LABELS.items()
    ),
    corpora=CORPORA,
    train=("one",),
    test=("one", "two"),
    demo=False,
    config=CONFIG,
)
EMPTY = ("DeLong 95%", None, None, None, None, "unknown")


def manifest(path: Path, clips: list[dict[str, Any]]) -> None:
    """Write a manifest; what a clip does not say is unknown."""
    pairs = pl.List(pl.List(pl.Float64))
    schema = {
        "clip_id": pl.String,
        "path": pl.String,
        "split": pl.String,
        "label": pl.Int8,
        "manipulation": pl.String,
        "audio_fake": pl.Boolean,
        "video_fake": pl.Boolean,
        "audio_fake_segments": pairs,
        "video_fake_segments": pairs,
    }
    rows = [{"path": "not there.mp4", "split": "test", **clip} for clip in clips]
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=schema).write_parquet(path)


def probe_files(
    results: Path, encoder: str, test: str, seed: int, rows: int = 60
) -> tuple[Path, Path]:
    """Write scores and curves of a probe that is trained on ``one``."""
    clips = pl.read_parquet(results / f"manifests/{test}.parquet").filter(split="test")
    random = np.random.default_rng(seed)
    names = f"linear/{encoder}/one/{test}.parquet"
    scores, curves = results / "scores" / names, results / "curves" / names
    shift = clips["label"].fill_null(0).to_numpy() * 2.0 - 1.0
    drawn = random.normal(shift, 1.5).round(4)
    table = clips.select("clip_id", "label", "manipulation")
    table = table.with_columns(score=pl.Series(drawn), status=pl.lit("ok"))
    write_scores(table, scores)
    values = [np.cumsum(random.normal(0, 0.2, rows)) + score for score in drawn]
    curves.parent.mkdir(parents=True, exist_ok=True)
    table.select("clip_id").with_columns(
        curve=pl.Series([v.tolist() for v in values], dtype=pl.List(pl.Float32)),
        rate_hz=pl.lit(25.0),
        first_row_s=pl.lit(0.0),
    ).write_parquet(curves)
    return scores, curves


def clip_files(results: Path, test: str, clips: int, frames: int) -> Path:
    """Make the explorer's files of a corpus; return their index."""
    pairs = [probe_files(results, e, test, n) for n, e in enumerate(LABELS)]
    out = results / f"report/clips/{test}/index.js"
    make_clips(
        results / f"manifests/{test}.parquet",
        [scores for scores, _ in pairs],
        [curves for _, curves in pairs],
        ClipsSpec(clips=clips, frames=frames),
        out,
    )
    return out


def base_tables(results: Path) -> list[Path]:
    """Write the tables that every run has."""
    random = np.random.default_rng(0)
    long, wide = [], []
    for name, (label, modality) in LABELS.items():
        areas = {test: round(float(random.uniform(0.35, 0.99)), 3) for test in CORPORA}
        cells = {f"one->{t}": f"{100 * area:.1f}" for t, area in areas.items()}
        row = {"encoder": name, "label": label, "modality": modality}
        wide.append(row | cells | {"mean_ood": cells["one->two"]})
        long += [
            {
                **{"encoder": name, "head": head, "train": "one", "test": test},
                **{"subset": "common", "real": "20", "fake": "21"},
                **{"auc": area, "auc_low": area - 0.1, "auc_high": min(area + 0.1, 1)},
            }
            for head in ("linear", "converged")
            for test, area in areas.items()
        ]
    compared = {
        **{"table": "Table 2", "row": "LFCC", "train": "FAVC-like"},
        **{"test": "AV1M-like", "paper": "71.3", "state": "compared"},
    }
    detectors = [{"name": "lfcc", "label": "LFCC", "trained_on": "one", "two": "61.0"}]
    seeds = [{"entry": "linear", "encoder": "lfcc", "seeds": "2", "auc_sd": "0.01"}]
    tables = {
        "xdata_matrix": wide,
        "xdata_matrix_converged": wide[:2],
        "xdata_long": long,
        "paper_comparison": [compared],
        "detectors": detectors,
        "seeds": seeds,
    }
    return [written(results, name, rows) for name, rows in tables.items()]


def written(results: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = results / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_csv(path)
    return path


def interval(name: str, value: float, reach: float, stem: str = "") -> dict[str, float]:
    stem = stem or name
    return {name: value, f"{stem}_low": value - reach, f"{stem}_high": value + reach}


def fusion_tables(results: Path) -> list[Path]:
    random = np.random.default_rng(1)
    names, pair = list(LABELS), {"train": "one", "test": "two"}
    two = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    correlation = [
        {**pair, "first": a, "second": b, "clips": 41}
        | interval("pearson", round(float(random.uniform(-0.1, 0.9)), 3), 0.1)
        | {"spearman": 0.3, "kendall": 0.2}
        for a, b in two
    ]
    improvement = [
        {**pair, "rule": "mean rank", "row": a, "column": b}
        | {"improvement": round(float(random.uniform(-3, 9)), 2), "low": -4, "high": 10}
        | {"row_auc": 0.7, "fused_auc": 0.75}
        for a in names
        for b in names
        if a != b
    ]
    sets = [
        {**pair, "set": f"{a}+{b}", "size": 2, "rule": "mean rank", "clips": 41}
        | interval("auc", round(float(random.uniform(0.6, 0.95)), 3), 0.05)
        | {"best_single": a, "best_single_auc": 0.7}
        | interval("gain", 0.03, 0.04)
        | {"p_value": 0.1, "p_holm": 0.4, "significant": "no", "note": None}
        for a, b in two
    ]
    made = {"correlation": correlation, "improvement": improvement, "sets": sets}
    return [written(results, f"fusion/{name}", rows) for name, rows in made.items()]


def explain_tables(results: Path) -> list[Path]:
    random = np.random.default_rng(2)
    pair = {"train": "one", "test": "two"}
    localisation = [
        {"head": "linear", "encoder": name, "label": label, "modality": modality}
        | {**pair, "subset": "partial", "clips": 30}
        | interval("auc_clip_mean", float(random.uniform(0.45, 0.8)), 0.05)
        | interval("auc_pooled", 0.6, 0.05)
        | {"ap_pooled": 0.5}
        | interval(
            "classification_auc",
            float(random.uniform(0.5, 0.95)),
            0.05,
            "classification",
        )
        for name, (label, modality) in LABELS.items()
    ]
    leading = [
        {"head": "linear", "encoder": name, "label": label, "modality": modality}
        | {**pair, "class": kind, "clips": 20, "even_share_500ms": 0.2}
        | {"share_500ms": round(float(random.uniform(0.1, 0.9)), 3)}
        | {"leading_silence_share": 0.1, "auc": 0.7, "auc_without_500ms": 0.6}
        for name, (label, modality) in LABELS.items()
        for kind in ("real", "fake", "all")
    ]
    spatial = [
        {"encoder": name, "label": LABELS[name][0], **pair, "method": method}
        | {"part": "fakes", "truth": "ellipse", "frames": 90, "clips": 30, "failed": 0}
        | interval("mae", 20.5, 2)
        | {"share_in_face": 0.5, "area_of_face": 0.3}
        | {"share_in_region": 0.4, "area_of_region": 0.1}
        | interval("hit_rate", float(random.uniform(0.1, 0.9)), 0.08, "hit")
        for name in ("clip", "avhubert_av")
        for method in ("Grad-CAM", "occlusion")
    ]
    sanity = [
        {"encoder": "clip", **pair, "method": "Grad-CAM", "check": "random head"}
        | {"median": 0.1, "p10": -0.2, "p90": 0.4, "unchanged": 0.0}
    ]
    made = {
        **{"localisation": localisation, "leading": leading},
        **{"spatial": spatial, "sanity": sanity},
    }
    return [written(results, f"explain/{name}", rows) for name, rows in made.items()]


def other_sources(results: Path) -> dict[str, Any]:
    """Write audits, the comparison, and one feature store per encoder."""
    audits = [results / f"audit/{corpus}.html" for corpus in CORPORA]
    for path in [*audits, results / "paper_comparison.html"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<html></html>")
    findings = [path.with_suffix("") / "findings.csv" for path in audits]
    warning = Finding("Silence tells <fakes>, often.", warns=True)
    for path in findings:
        write_findings([warning, Finding("All files are whole.", warns=False)], path)
    benchmark = results / "benchmarks/features/lfcc/one/000.tsv"
    benchmark.parent.mkdir(parents=True, exist_ok=True)
    benchmark.write_text("s\th:m:s\tmax_rss\tcpu_time\n3.5\t0:00:03\tNA\t2.5\n")
    return {
        "audits": audits,
        "findings": findings,
        "comparison": results / "paper_comparison.html",
        "manifests": [results / f"manifests/{corpus}.parquet" for corpus in CORPORA],
        "stores": [_store(results, encoder) for encoder in LABELS],
    }


def _store(results: Path, encoder: str) -> Path:
    path = results / f"features/{encoder}/one/000.zarr.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"name": encoder, "family": encoder, "weights": "random", "seed": 0}
    attributes = {"encoder": about, "weights_hash": "4711", "rate_hz": 25.0}
    with zipfile.ZipFile(path, "w") as store:
        store.writestr("zarr.json", json.dumps({"attributes": attributes}))
    return path


def site(results: Path, tables: list[Path], figures: list[Path] | None = None) -> Path:
    """Make the pages; return the folder of the site."""
    sources = Sources(tables=tables, figures=figures or [], **other_sources(results))
    make_site(sources, SPEC, results / "report/index.html")
    return results / "report"
