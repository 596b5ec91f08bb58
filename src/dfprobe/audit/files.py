"""Files that are missing, extra, duplicate, damaged or unreadable."""

import logging
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from dfprobe.audit.classes import CLASSES, class_name
from dfprobe.corpora.files import video_files
from dfprobe.errors import DataError
from dfprobe.status import Status

log = logging.getLogger("dfprobe")

PROBLEMS = {  # name in the tables: sentence
    "missing": "listed, but not on disk",
    "extra": "on disk, but left out of the manifest",
    "unreadable": "neither video nor sound, or no valid timestamps",
    "no_video": "no video stream",
    "no_audio": "no sound",
    "non_finite": "sound with NaN or infinite samples",
    "damaged": "readable with losses",
    "duplicate": "same bytes as another clip",
}
UNLISTED = "not listed"  # class of a file that is not in the manifest

SCHEMA = {
    "file": pl.String,
    "split": pl.String,
    "class": pl.String,
    "problem": pl.String,
    "detail": pl.String,
}


def file_problems(
    clips: pl.DataFrame, same: pl.DataFrame, extra: Iterable[str]
) -> pl.DataFrame:
    """List what is wrong with the files of a corpus.

    Parameters
    ----------
    clips, same
        ``clip_id, split, label`` with the columns of the facts; see `duplicates`.
    extra : iterable of str
        Files that are on disk but not in the manifest.

    Returns
    -------
    pl.DataFrame
        ``file`` (the clip id, or the path of an extra file), ``split`` (null for an
        extra one), ``class``, ``problem`` (a key of `PROBLEMS`), ``detail``; a file
        is listed once for each problem.
    """
    failed = clips.filter(pl.col("status") != Status.OK).select(
        *_who(), pl.col("status").alias("problem"), "detail"
    )
    damaged = clips.filter(
        pl.col("status") == Status.OK, pl.col("detail") != ""
    ).select(*_who(), pl.lit("damaged").alias("problem"), "detail")
    unlisted = pl.DataFrame(
        [(file, None, UNLISTED, "extra", "") for file in sorted(extra)],
        schema=SCHEMA,
        orient="row",
    )
    equal = same.select(
        *_who(),
        pl.lit("duplicate").alias("problem"),
        pl.format("same bytes as {}", "others").alias("detail"),
    )
    table = pl.concat([failed, damaged, equal, unlisted])
    return table.sort(_order(), "file")


def duplicates(clips: pl.DataFrame) -> pl.DataFrame:
    """Clips whose content another clip has too.

    Returns
    -------
    pl.DataFrame
        Columns of ``clips`` and ``others`` (up to three other clips with their splits
        and classes), ``other_split`` and ``other_class`` (whether one of the clips with
        the same content has another split or class).
    """
    known = clips.filter(pl.col("sha256").is_not_null(), pl.col("bytes") > 0)
    group = known.filter(pl.len().over("sha256") > 1).with_columns(
        name=pl.format("{} ({}, {})", "clip_id", "split", class_name())
    )
    names = group.group_by("sha256").agg(
        pl.col("name").sort(),
        (pl.col("split").n_unique() > 1).alias("other_split"),
        (pl.col("label").n_unique() > 1).alias("other_class"),
    )
    joined = group.join(names, on="sha256", suffix="s")
    others = [
        _few([other for other in row["names"] if other != row["name"]])
        for row in joined.select("name", "names").iter_rows(named=True)
    ]
    return joined.drop("name", "names").with_columns(
        pl.Series("others", others, pl.String)
    )


def problems_by_class(problems: pl.DataFrame) -> pl.DataFrame:
    """Count the files of each problem by class.

    Returns
    -------
    pl.DataFrame
        ``problem, real, fake, unknown, not listed``.
    """
    names = [*CLASSES, UNLISTED]
    counts = problems.group_by("problem").agg(
        (pl.col("class") == name).sum().cast(pl.Int64).alias(name) for name in names
    )
    return counts.sort(_order())


def _who() -> list[pl.Expr]:
    return [pl.col("clip_id").alias("file"), pl.col("split"), class_name()]


def _order() -> pl.Expr:
    names = list(dict.fromkeys([*PROBLEMS, *Status]))
    return pl.col("problem").cast(pl.Enum(names)).to_physical()


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def extra_files(clips: pl.DataFrame, root: Path, links: str) -> list[str]:
    """List the video files below the root that the manifest does not name, sorted.

    Parameters
    ----------
    clips : pl.DataFrame
        Manifest: ``path``.
    root : Path
        Root of the corpus. Where it cannot be looked through, nothing is found, with a
        warning: the clips of the manifest are audited all the same.
    links : str
        As for `dfprobe.corpora.files.files_under`.
    """
    listed = set(clips["path"])
    try:
        files = video_files(root, links=links)
    except DataError as error:
        log.warning("%s Files that are not listed are not looked for.", error)
        return []
    return [file for file in files if f"{root.as_posix()}/{file}" not in listed]
