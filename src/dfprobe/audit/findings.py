"""What the audit found, in sentences for pages and for the terminal."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from dfprobe.audit.classes import FAKE, REAL
from dfprobe.audit.files import PROBLEMS
from dfprobe.audit.splits import KEY_OF_NAME
from dfprobe.audit.tables import FileTables, Tables
from dfprobe.audit.values import MARGIN, VALUE_OF_NAME, WHOLE
from dfprobe.corpora.clip import SPLITS
from dfprobe.errors import DataError
from dfprobe.store.csv_files import write_csv
from dfprobe.store.files import Row

_SCHEMA = {"text": pl.String, "warns": pl.Boolean}
_AREAS = ("auc", "auc_low", "auc_high")
LOPSIDED = 0.8  # share of one class above which a split is called so


class Finding(NamedTuple):
    """One sentence, in plain text."""

    text: str
    warns: bool  # numbers of this corpus must be read with care


def findings(tables: Tables) -> list[Finding]:
    """Say what was found: shortcuts, files, overlap, balance."""
    found: list[Finding] = []
    if tables.files is not None:
        found += _shortcuts(tables.files)
        found += _problems(tables.files)
        found += _duplicates(tables.files)
    return [*found, *_overlaps(tables), *_balances(tables)]


def write_findings(found: Sequence[Finding], path: Path) -> None:
    """Write findings as CSV: ``text, warns``."""
    write_csv(pl.DataFrame(found, schema=_SCHEMA, orient="row"), path)


def read_findings(path: Path) -> list[Finding]:
    """Read what `write_findings` wrote.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    try:
        table = pl.read_csv(path, schema=_SCHEMA)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"The findings {path} cannot be read ({error}). Delete the file and run "
            "the workflow again."
        ) from error
    return [Finding(*row) for row in table.iter_rows()]


def per_cent(share: float) -> str:
    """Share in per cent, one decimal."""
    return f"{100 * share:.1f}"


def _shortcuts(files: FileTables) -> Iterator[Finding]:
    table = files.shortcuts
    if table.is_empty():
        yield Finding(
            "Shortcuts cannot be measured: that needs clips that are labelled real and "
            "clips that are labelled fake.",
            warns=False,
        )
        return
    flagged = table.filter("shortcut").sort("auc", descending=True)
    whole = flagged.filter(pl.col("subset") == WHOLE)
    for row in whole.iter_rows(named=True):
        yield Finding(f"{_reaches(row)} It is a shortcut.", warns=True)
    others = flagged.join(whole, on="value", how="anti")
    for row in others.unique("value", keep="first", maintain_order=True).iter_rows(
        named=True
    ):
        text = f"{_reaches(row)} It is a shortcut there."
        yield Finding(f"Only in the subset {row['subset']}: {text}", warns=True)
    other = "other " if flagged.height else ""
    yield Finding(
        f"No {other}value alone is a detector: no lower end of an interval lies above "
        f"{100 * (0.5 + MARGIN):.0f}.",
        warns=False,
    )


def _reaches(row: Row) -> str:
    value = VALUE_OF_NAME[str(row["value"])]
    area, low, high = (per_cent(row[name]) for name in _AREAS)
    return (
        f"The {value.label} alone reaches an AUC of {area} (95% interval {low} to "
        f"{high}; {row['direction']})."
    )


def _problems(files: FileTables) -> Iterator[Finding]:
    labels = files.clips["label"]
    totals = {REAL: (labels == 0).sum(), FAKE: (labels == 1).sum()}
    kinds = files.problems.filter(pl.col("problem") != "duplicate")
    for problem in kinds["problem"].unique(maintain_order=True):
        members = kinds.filter(pl.col("problem") == problem)
        sentence = PROBLEMS.get(problem, problem)
        if problem == "extra":
            yield Finding(f"{_files(members.height)} {sentence}.", warns=False)
            continue
        counts = [
            f"{(members['class'] == name).sum():,} of {total:,} {name}"
            for name, total in totals.items()
            if total
        ]
        among = f" ({', '.join(counts)})" if counts else ""
        yield Finding(f"{_files(members.height)} {sentence}{among}.", warns=True)
    if kinds.filter(pl.col("problem") != "extra").is_empty():
        yield Finding("All listed files exist and can be read.", warns=False)


def _files(count: int) -> str:
    return "1 file:" if count == 1 else f"{count:,} files:"


def _duplicates(files: FileTables) -> Iterator[Finding]:
    table = files.duplicates
    if table.is_empty():
        yield Finding("No two clips have the same bytes.", warns=False)
        return
    yield Finding(
        f"{table.height:,} clips have the same bytes as another clip; "
        f"{table['other_split'].sum():,} of them are in more than one split, "
        f"{table['other_class'].sum():,} in more than one class.",
        warns=True,
    )


def _overlaps(tables: Tables) -> Iterator[Finding]:
    """Say what test and val share with train."""
    sizes = dict(tables.clips["split"].value_counts().iter_rows())
    for split in ("test", "val"):
        table = tables.overlap.filter(
            pl.col("split") == split, pl.col("other") == "train"
        )
        unseen = []
        for row in table.iter_rows(named=True):
            things = KEY_OF_NAME[row["key"]].plural
            if row["keys_shared"]:
                yield Finding(_shares(row, things, sizes[split]), warns=True)
            else:
                unseen.append(f"{row['keys']:,} {things}")
        if unseen:
            text = f"{split}: none of its {' or '.join(unseen)} occur in train."
            yield Finding(text, warns=False)
    if tables.overlap.is_empty() and len(sizes) > 1:
        yield Finding(
            "Whether the splits overlap is unknown: the corpus names neither speakers "
            "nor sources.",
            warns=False,
        )


def _shares(row: Row, things: str, clips: int) -> str:
    text = (
        f"{row['split']}: {row['keys_shared']:,} of {row['keys']:,} {things} occur "
        f"in {row['other']}, which affects {row['clips_shared']:,} of {clips:,} clips "
        f"({row['real_shared']:,} real, {row['fake_shared']:,} fake)"
    )
    unknown = clips - row["clips"]
    return f"{text}; unknown for {_clips(unknown)}." if unknown else f"{text}."


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count:,} clips"


def _balances(tables: Tables) -> Iterator[Finding]:
    for split in SPLITS:
        part = tables.balance.filter(pl.col("split") == split)
        if part.is_empty():
            continue
        counts = {
            name: int(part.filter(pl.col("class") == name)["clips"].sum())
            for name in part["class"].unique(maintain_order=True)
        }
        text = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        labelled = counts.get(REAL, 0) + counts.get(FAKE, 0)
        share = counts.get(FAKE, 0) / labelled if labelled else 0.5
        if labelled:
            text += f" ({per_cent(share)} per cent of the labelled clips are fake)"
        lopsided = max(share, 1 - share) > LOPSIDED
        clips = _clips(sum(counts.values()))
        yield Finding(f"{split}: {clips}, {text}.", warns=lopsided)
