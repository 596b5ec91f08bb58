"""Detectors from elsewhere beside our probes: the form of the paper's Table 3.

A detector comes in as a CSV file of scores for each corpus, which becomes a score file
like any other. All detectors are compared on the clips that all of them could score.
"""

import logging
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from dfprobe.clip_ids import clip_id_of
from dfprobe.errors import DataError
from dfprobe.evaluation.corpus_scores import group_facts, join_scores
from dfprobe.evaluation.long_table import NUMBERS, measure
from dfprobe.evaluation.subsets import manipulation_subsets
from dfprobe.status import Status
from dfprobe.store.csv_files import (
    LINE,
    bad_value,
    decimals,
    few,
    per_cent,
    read_csv,
    write_csv,
)
from dfprobe.store.parquet import read_parquet
from dfprobe.store.scores import ScoreKey, score_files, write_scores

EXTERNAL = "external"  # stands for the head in the path of a score file

log = logging.getLogger("dfprobe")


def import_external(csv: Path, manifest: Path, out: Path) -> None:
    """Turn a detector's scores of one corpus into a score file.

    Parameters
    ----------
    csv : Path
        Columns ``clip_id``, or ``path`` (relative to the corpus root, with suffix), and
        ``score`` (larger = more fake); others are ignored. An empty score stands for a
        clip that the detector could not score.
    manifest : Path
        Manifest of the corpus; its clips of split ``test`` are kept.
    out : Path
        Parquet, one row a test clip, see `dfprobe.store.scores`. A clip without a
        score has status ``missing``, one with NaN or infinity ``non_finite``.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, names a clip twice, holds text for a
        score, or has no clip of the corpus.
    """
    columns = ["clip_id", "split", "label", "manipulation"]
    clips = read_parquet(manifest, columns=columns).filter(pl.col("split") == "test")
    found = _read_external(csv)
    _report_unknown(csv, manifest, found, clips)
    joined = clips.join(found, on="clip_id", how="left", maintain_order="left")
    finite = pl.col("score").is_finite()
    status = (
        pl.when(finite)
        .then(pl.lit(Status.OK.value))
        .when(pl.col("score").is_null())
        .then(pl.lit(Status.MISSING.value))
        .otherwise(pl.lit(Status.NON_FINITE.value))
    )
    joined = joined.with_columns(status=status, score=pl.when(finite).then("score"))
    counts = sorted(joined["status"].value_counts().iter_rows())
    log.info(
        "%s: test clips of %s: %s",
        csv,
        manifest.stem,
        ", ".join(f"{count} {name}" for name, count in counts),
    )
    write_scores(joined, out)


def _read_external(csv: Path) -> pl.DataFrame:
    """Read ``clip_id, score`` (null where the cell is empty, else any float)."""
    table = read_csv(csv, ["score"])
    name = next((name for name in ("clip_id", "path") if name in table.columns), None)
    if name is None:
        raise DataError(
            f"{csv}, line 1: expected a column clip_id or path beside score; came "
            f"{', '.join(table.columns[1:])}. Name the column of the clips so."
        )
    clip_ids = table[name].str.strip_chars()
    if name == "path":
        plain = (clip_id_of(posixpath.normpath(path)) for path in clip_ids)
        clip_ids = pl.Series(plain, dtype=pl.String)
    _check_once(csv, clip_ids, table[LINE])
    cells = table.select(LINE, "score").iter_rows()
    scores = [_score(csv, line, cell.strip()) for line, cell in cells]
    return pl.DataFrame(
        {"clip_id": clip_ids, "score": pl.Series(scores, dtype=pl.Float64)}
    )


def _check_once(csv: Path, clip_ids: pl.Series, lines: pl.Series) -> None:
    twice = clip_ids.is_duplicated()
    if twice.any():
        name = clip_ids.filter(twice)[0]
        places = few(str(line) for line in lines.filter(clip_ids == name))
        raise DataError(
            f"{csv}: expected each clip once, but clip {name} stands on lines {places} "
            f"({clip_ids.filter(twice).n_unique()} such clips in all). Keep one score "
            "of each."
        )


def _score(csv: Path, line: int, cell: str) -> float | None:
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        raise bad_value(csv, line, "score", "a number or nothing", cell) from None


def _report_unknown(
    csv: Path, manifest: Path, found: pl.DataFrame, clips: pl.DataFrame
) -> None:
    """Warn of clips of the file that are no test clips; refuse if all are so."""
    unknown = found.join(clips, on="clip_id", how="anti")["clip_id"]
    if len(unknown) == found.height:
        ours, theirs = few(clips["clip_id"], 1), few(unknown, 1)
        raise DataError(
            f"{csv}: expected scores of the test clips of {manifest.stem}, came none "
            f"of a clip that is one. The corpus has {ours or 'none'}; the file has "
            f"{theirs or 'none'}. A clip is named by its path relative to the corpus "
            "root: without suffix in a column clip_id, with it in a column path."
        )
    if len(unknown):
        log.warning(
            "%s: %d of %d clips are not among the test clips of %s and are left out: "
            "%s",
            csv,
            len(unknown),
            found.height,
            manifest.stem,
            few(unknown),
        )


class Detector(NamedTuple):
    """One row of the table.

    Parameters
    ----------
    head : str
        Head of its score files; `EXTERNAL` for a detector from elsewhere.
    name, label : str
        For paths and for people.
    trained_on : str
        Corpus, or what else its files are kept under.
    test : list of str
        Corpora that it has scores of.
    """

    head: str
    name: str
    label: str
    trained_on: str
    test: list[str]

    def key(self, test: str) -> ScoreKey:
        """Key of its score file."""
        return ScoreKey(self.head, self.name, self.trained_on, test)


def make_detectors(
    scores: Sequence[Path],
    manifests: Sequence[Path],
    spec: dict[str, Any],
    out_table: Path,
    out_long: Path,
) -> None:
    """Write the table of our probes and of detectors from elsewhere, wide and tidy.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet`` and
        ``.../external/{detector}/{trained_on}/{test}.parquet``.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the test corpora.
    spec : dict
        ``head`` and ``train``: our probes; ``encoders``: list of ``name, label``;
        ``external``: list of ``name, label, trained_on, test`` (corpora of which it has
        scores); ``test``: names of all test corpora.
    out_table : Path
        One row a detector: AUC in per cent on the common clips of each corpus; ``mean``
        over all corpora; ``mean_other`` over those that no detector of the table was
        trained on. Empty where undefined.
    out_long : Path
        One row a detector, corpus and subset, columns as in `long_table.measure`.

    Raises
    ------
    DataError
        If a score file is missing, unexpected, or does not hold the clips of its
        corpus.
    """
    detectors = list(_detectors(spec))
    expected = {one.key(test) for one in detectors for test in one.test}
    needs = "the table of detectors needs one for every detector and test corpus"
    paths = score_files(scores, expected, needs)
    facts = group_facts(manifests)
    long = []
    for test in spec["test"]:
        present = [one for one in detectors if test in one.test]
        long += _long_rows(present, test, paths, facts[test])
    order = [(one.head, one.name, one.trained_on) for one in detectors]
    long.sort(
        key=lambda row: order.index((row["head"], row["name"], row["trained_on"]))
    )
    table = pl.DataFrame(long, infer_schema_length=None)
    write_csv(_wide(table, detectors, spec), out_table)
    write_csv(table.with_columns(decimals(NUMBERS, "{:.6f}")), out_long)


def _detectors(spec: dict[str, Any]) -> Iterator[Detector]:
    for entry in spec["encoders"]:
        ours = (entry["name"], entry["label"], spec["train"])
        yield Detector(spec["head"], *ours, spec["test"])
    for entry in spec["external"]:
        theirs = (entry["name"], entry["label"], entry["trained_on"])
        yield Detector(EXTERNAL, *theirs, entry["test"])


def _long_rows(
    present: list[Detector],
    test: str,
    paths: dict[ScoreKey, Path],
    facts: pl.DataFrame,
) -> list[dict[str, Any]]:
    files = {one.key(test): paths[one.key(test)] for one in present}
    corpus = join_scores(files, test, facts)
    parts = manipulation_subsets(corpus.clips)
    return [
        {
            "head": one.head,
            "name": one.name,
            "label": one.label,
            "trained_on": one.trained_on,
            "test": test,
            **measure(corpus, corpus.scores[one.key(test)], part),
        }
        for one in present
        for part in parts
    ]


def _wide(
    long: pl.DataFrame, detectors: list[Detector], spec: dict[str, Any]
) -> pl.DataFrame:
    """One row a detector, AUC in per cent as text with one decimal."""
    common = long.filter(pl.col("subset") == "common")
    columns = ("head", "name", "trained_on", "test", "auc")
    areas = {ScoreKey(*key): area for *key, area in common.select(columns).iter_rows()}
    trained_on = {one.trained_on for one in detectors}
    rows = []
    for one in detectors:
        own = {test: areas.get(one.key(test)) for test in spec["test"]}
        other = [area for test, area in own.items() if test not in trained_on]
        rows.append(
            {"name": one.name, "label": one.label, "trained_on": one.trained_on}
            | {test: per_cent([area]) for test, area in own.items()}
            | {"mean": per_cent(list(own.values())), "mean_other": per_cent(other)}
        )
    return pl.DataFrame(rows, infer_schema_length=None)
