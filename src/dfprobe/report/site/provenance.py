"""Where the numbers come from: splits, weights, versions, and costs."""

import hashlib
import json
import platform
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from dfprobe.products import manifest_corpus
from dfprobe.report.explorer.scripts import Json
from dfprobe.report.markup import Cell, Column
from dfprobe.report.site.run_tables import UNDEFINED, Grid, Run
from dfprobe.settings.stage_specs.tables import WeightsNote
from dfprobe.store.parquet import read_parquet

# Place of the encoder in the paths of these stages, below the stage.
_BY_ENCODER = {"features": 0, "heads": 1, "scores": 1, "curves": 1}


def provenance_grids(
    run: Run,
    manifests: Sequence[Path],
    stores: Sequence[Path],
    weights_notes: Sequence[WeightsNote],
) -> dict[str, Grid]:
    """Tables of the section: ``splits``, ``weights`` and ``versions``.

    ``stores`` has one feature store per encoder.
    """
    return {
        "splits": _splits(run, manifests),
        "weights": _weights(run, stores, weights_notes),
        "versions": _versions(),
    }


def _splits(run: Run, manifests: Sequence[Path]) -> Grid:
    columns = [Column("Corpus")]
    columns += [Column(title, True) for title in ("Train", "Val", "Test")]
    columns.append(Column("SHA-256 of names, splits and labels"))
    rows = []
    for path in manifests:
        clips = read_parquet(path, columns=["clip_id", "split", "label"]).sort(
            "clip_id"
        )
        counts = dict(clips["split"].value_counts().iter_rows())
        numbers = [counts.get(split, 0) for split in ("train", "val", "test")]
        digest = hashlib.sha256(json.dumps(clips.rows()).encode()).hexdigest()
        cells = [Cell(f"{n:,}", n) for n in numbers]
        rows.append([Cell(run.corpus(manifest_corpus(path))), *cells, Cell(digest)])
    return Grid(columns, rows)


def _weights(
    run: Run, stores: Sequence[Path], weights_notes: Sequence[WeightsNote]
) -> Grid:
    notes = {entry.encoder: entry.note for entry in weights_notes}
    titles = (
        "Encoder",
        "Family",
        "Stream",
        "Weights",
        "Seed",
        "Digest",
        "Rows per second",
        "Differs from the published weights",
    )
    rows = []
    for path in stores:
        with zipfile.ZipFile(path) as store:
            found = json.loads(store.read("zarr.json"))["attributes"]
        encoder = found["encoder"]
        values = [
            encoder.get(key, UNDEFINED)
            for key in ("family", "stream", "weights", "seed")
        ]
        values += [found.get("weights_hash", UNDEFINED), found["rate_hz"]]
        values.append(notes.get(encoder["name"], "not known to"))
        label = run.encoder(encoder["name"])
        rows.append([Cell(label), *(Cell(str(value)) for value in values)])
    return Grid([*map(Column, titles)], rows)


def _versions() -> Grid:
    rows = [[Cell("python"), Cell(platform.python_version())]]
    for requirement in metadata.requires("dfprobe") or ():
        if "extra ==" not in requirement:
            name = re.split(r"[^\w.-]", requirement)[0]
            rows.append([Cell(name), Cell(_version(name))])
    return Grid([Column("Package"), Column("Version")], rows)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not in this environment"


def costs(results: Path) -> list[Json]:
    """Add up time and storage of each stage for each encoder.

    Returns
    -------
    list of dict
        ``stage``, ``encoder`` (empty where it is for all), ``jobs``, ``seconds`` and
        ``cpu_seconds`` (sums), ``memory_mb`` (largest), ``storage_mb`` (sum).
    """
    found: dict[tuple[str, str], dict[str, float]] = {}
    for key, row in _benchmarks(results / "benchmarks"):
        total = found.setdefault(key, _nothing())
        total["jobs"] += 1
        total["seconds"] += row["s"]
        total["cpu_seconds"] += row["cpu_time"]
        total["memory_mb"] = max(total["memory_mb"], row["max_rss"])
    for stage in ("crops", "facts", "manifests", "demo", *_BY_ENCODER):
        # Names with a dot are drafts, or links to files that are counted already.
        for path in sorted((results / stage).rglob("[!.]*")):
            if path.is_file():
                key = _key(path.relative_to(results).parts)
                found.setdefault(key, _nothing())["storage_mb"] += _megabytes(path)
    return [
        {
            "stage": stage,
            "encoder": encoder,
            **{k: round(v, 2) for k, v in total.items()},
        }
        for (stage, encoder), total in sorted(found.items())
    ]


def _nothing() -> dict[str, float]:
    names = ("jobs", "seconds", "cpu_seconds", "memory_mb", "storage_mb")
    return dict.fromkeys(names, 0.0)


def _benchmarks(folder: Path) -> Iterator[tuple[tuple[str, str], Mapping[str, float]]]:
    for path in sorted(folder.rglob("*.tsv")):
        lines = path.read_text().splitlines()
        if len(lines) < 2:  # of a job that is just ending
            continue
        names, values = (line.split("\t") for line in lines[:2])
        row = dict(zip(names, values, strict=True))
        numbers = {n: _cost(row.get(n, "")) for n in ("s", "cpu_time", "max_rss")}
        yield _key(path.relative_to(folder).with_suffix("").parts), numbers


def _megabytes(path: Path) -> float:
    """Size of a file; 0 for one that another job has just replaced or removed."""
    try:
        return path.stat().st_size / 1e6
    except FileNotFoundError:
        return 0.0


def _cost(value: str) -> float:
    """Snakemake writes NA or - for jobs too short to measure."""
    return float(value) if re.fullmatch(r"[\d.]+", value) else 0.0


def _key(parts: tuple[str, ...]) -> tuple[str, str]:
    """Stage and encoder of a path below the results."""
    place = _BY_ENCODER.get(parts[0])
    known = place is not None and len(parts) > place + 2
    return parts[0], parts[place + 1] if known and place is not None else ""
