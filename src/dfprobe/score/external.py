"""Scores of detectors from elsewhere, read from a CSV into a score file."""

import logging
import posixpath
from pathlib import Path

import polars as pl

from dfprobe.clip_ids import clip_id_of
from dfprobe.errors import DataError
from dfprobe.products import manifest_corpus
from dfprobe.status import Status
from dfprobe.store.csv_files import LINE, bad_value, few, read_csv
from dfprobe.store.parquet import read_parquet
from dfprobe.store.scores import write_scores

log = logging.getLogger("dfprobe")


def import_external(csv: Path, manifest: Path, out: Path) -> None:
    """Turn a detector's scores of one corpus into a score file.

    Parameters
    ----------
    csv : Path
        Columns ``clip_id``, or ``path`` (relative to the corpus root, with suffix), and
        ``score`` (larger = more fake); others are ignored. An empty score means a
        clip that the detector could not score.
    manifest : Path
        Manifest of the corpus; its clips of split ``test`` are kept.
    out : Path
        Parquet, one row per test clip, see `dfprobe.store.scores`. A clip without a
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
    _report_unknown(csv, manifest_corpus(manifest), found, clips)
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
        manifest_corpus(manifest),
        ", ".join(f"{count} {name}" for name, count in counts),
    )
    write_scores(joined, out)


def _read_external(csv: Path) -> pl.DataFrame:
    """Read ``clip_id, score`` (null where the cell is empty, else any float)."""
    table = read_csv(csv, ["score"])
    name = next((name for name in ("clip_id", "path") if name in table.columns), None)
    if name is None:
        raise DataError(
            f"{csv}, line 1: expected a column clip_id or path beside score; got "
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
            f"{csv}: expected each clip once, but clip {name} is on lines {places} "
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
    csv: Path, corpus: str, found: pl.DataFrame, clips: pl.DataFrame
) -> None:
    """Warn of clips of the file that are not test clips; refuse if all are."""
    unknown = found.join(clips, on="clip_id", how="anti")["clip_id"]
    if len(unknown) == found.height:
        ours, theirs = few(clips["clip_id"], 1), few(unknown, 1)
        raise DataError(
            f"{csv}: expected scores of the test clips of {corpus}, got none "
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
            corpus,
            few(unknown),
        )
