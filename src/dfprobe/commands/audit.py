"""``dfprobe audit``: a folder of videos in, a page and tables out."""

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from dfprobe.audit.facts_table import update_facts
from dfprobe.audit.files import extra_files
from dfprobe.audit.findings import Finding
from dfprobe.audit.tables import Tables, audit_tables
from dfprobe.clip_ids import clip_id_of
from dfprobe.corpora.clip import load_layout
from dfprobe.corpora.manifest import corpus_table
from dfprobe.corpora.split_lists import apply_split_lists, read_split_lists
from dfprobe.errors import ConfigError
from dfprobe.report.pages.audit import write_audit
from dfprobe.settings.corpus_layouts import complete_options
from dfprobe.settings.stage_specs.corpora import ManifestSpec
from dfprobe.store.parquet import read_parquet

_LISTED = ("split", "label", "manipulation", "speaker", "source")


def audit(folder: Path | None, layout: str, splits: Path | None, out: Path) -> None:
    """Audit a corpus without the workflow; print what was found.

    Without a ``folder``, the root of the corpus, the published lists below ``splits``
    are audited alone. ``out`` gets ``index.html``, the tables, and the facts that were
    read: another run reads only the files that changed since.

    Raises
    ------
    ConfigError, DataError
        If there is nothing to audit, or the corpus is not what its layout says.
    """
    if folder is not None:
        title, tables = folder.resolve().name, _of_folder(folder, layout, splits, out)
    elif splits is not None:
        title, tables = f"the lists {splits}", _of_lists(layout, splits)
    else:
        raise ConfigError(
            "dfprobe audit: expected a FOLDER of videos, or --splits with a folder of "
            "lists; got neither."
        )
    page = out / "index.html"
    _print(write_audit(title, tables, page, out), page)


def _of_folder(folder: Path, layout: str, splits: Path | None, out: Path) -> Tables:
    spec = ManifestSpec(
        layout=layout,
        root=str(folder),
        splits=None if splits is None else str(splits),
        fakes="any",
        shards=1,
        content_key="stat",
        options={},
    )
    name = folder.resolve().name
    clips = corpus_table(name, spec)
    facts = out / "facts.parquet"
    update_facts(f"audit {name}", clips, facts)
    extra = extra_files(clips, folder, complete_options(layout, {})["links"])
    return audit_tables(clips, layout, read_parquet(facts), extra)


def _of_lists(layout: str, splits: Path) -> Tables:
    complete_options(layout, {})  # refuses an unknown layout
    module = load_layout(layout)
    if not hasattr(module, "listed"):
        raise ConfigError(
            f"dfprobe audit: no lists are published for the layout {layout}; name the "
            "FOLDER of the corpus."
        )
    clips = apply_split_lists([], read_split_lists(splits, module), module.listed)
    columns = {name: [getattr(clip, name) for clip in clips] for name in _LISTED}
    ids = {"clip_id": [clip_id_of(clip.file) for clip in clips]}
    kinds = dict.fromkeys(("clip_id", *_LISTED), pl.String) | {"label": pl.Int8}
    return audit_tables(pl.DataFrame(ids | columns, schema=kinds), layout)


def _print(found: Sequence[Finding], page: Path) -> None:
    lines = [f"{'!' if item.warns else ' '} {item.text}" for item in found]
    sys.stdout.write("\n".join([*lines, "", f"page: {page}"]) + "\n")
