"""The audit stage: page and tables of one corpus."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from dfprobe.audit.figures import write_figures
from dfprobe.audit.page import audit_page
from dfprobe.audit.tables import Tables, audit_tables, write_tables
from dfprobe.corpora.files import video_files
from dfprobe.errors import DataError
from dfprobe.parquet import read_parquet
from dfprobe.settings.corpus_layouts import complete_options
from dfprobe.storage import write_whole

log = logging.getLogger("dfprobe")


def audit_corpus(
    manifest: Path, facts: Sequence[Path], spec: dict[str, Any], out: Path
) -> None:
    """Write the page of a corpus and, in a folder of its name, tables and figures.

    Parameters
    ----------
    manifest : Path
        Manifest (Parquet).
    facts : sequence of Path
        Facts of all shards, see `dfprobe.audit.facts_table`.
    spec : dict
        ``label`` (title), ``layout``, ``root`` (in which files are looked for that the
        manifest does not name), ``options`` of the layout.
    out : Path
        ``results/audit/{corpus}.html``.

    Raises
    ------
    DataError
        If the facts cannot be read, or are not of the clips of the manifest.
    """
    clips = read_parquet(manifest)
    links = complete_options(spec["layout"], spec["options"])["links"]
    extra = extra_files(clips, Path(spec["root"]), links)
    tables = audit_tables(clips, spec["layout"], _read_facts(facts), extra)
    write_audit(spec["label"], tables, out, out.with_suffix(""))


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


def write_audit(title: str, tables: Tables, page: Path, folder: Path) -> None:
    """Write the page and, into a folder, the tables and figures.

    Parameters
    ----------
    title : str
        Name of the corpus for people.
    tables : Tables
        What was found.
    page : Path
        HTML file to write.
    folder : Path
        Gets the CSV files and, where files were read, the folder ``figures``.
    """
    write_tables(tables, folder)
    if tables.files is not None:
        write_figures(tables.files, folder / "figures")
    with write_whole(page) as draft:
        draft.write_text(audit_page(title, tables), encoding="utf-8")


def _read_facts(paths: Sequence[Path]) -> pl.DataFrame:
    try:
        return pl.concat([read_parquet(path) for path in paths])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"The facts {', '.join(map(str, paths))} cannot be read ({error}). Delete "
            "what is damaged and run the workflow again."
        ) from error
