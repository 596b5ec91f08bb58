"""The cross-corpus matrix: Table 2 of the paper, and the same in tidy form.

Every comparison between encoders is made on the clips that all of them could score
(subset ``common``); each encoder's own clips stand beside it (subset ``all``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.evaluation.metrics import INTERVAL, METRICS, auc_interval
from dfprobe.evaluation.scores import ScoreKey, read_scores
from dfprobe.storage import write_whole

LEADING_SILENCE_S = 0.02  # a fake that begins with at least this much is "silent"
REAL = "real"
_NAMES = ("encoder", "label", "modality")
_COUNTS = ("clips", "real", "fake")
_NUMBERS = ("coverage", "auc", "auc_low", "auc_high", "ap", "eer")


@dataclass(frozen=True)
class Subset:
    """Some clips of a test corpus.

    Parameters
    ----------
    name : str
        As in the column ``subset``.
    rule : pl.Expr
        Which labelled clips belong to it.
    common : bool
        Whether only clips that all encoders could score count.
    """

    name: str
    rule: pl.Expr
    common: bool = True


def make_matrix(
    scores: Sequence[Path],
    crop_indexes: Sequence[Path],
    spec: dict[str, Any],
    matrix_csv: Path,
    long_csv: Path,
) -> None:
    """Write the matrix and the tidy table of all metrics.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet``, of one head.
    crop_indexes : sequence of Path
        ``.../{test}/{shard}.parquet`` of the test corpora.
    spec : dict
        ``head``: name of the head; ``encoders``: name -> ``label``, ``modality``;
        ``train`` and ``test``: names of corpora. Their order is that of the tables.
    matrix_csv : Path
        One row an encoder: AUC in per cent of each pair on the common clips, and
        ``mean_ood``, the mean over the pairs of different corpora before rounding.
    long_csv : Path
        One row an encoder, pair and subset. Metrics are empty where a subset has only
        one class.

    Raises
    ------
    DataError
        If a score file is missing, unexpected, or does not hold the clips of its
        corpus.
    """
    paths = _keyed(scores, spec)
    silence = leading_silence(crop_indexes)
    rows = [
        row for test in spec["test"] for row in _corpus_rows(test, paths, silence, spec)
    ]
    order = {name: place for place, name in enumerate(spec["encoders"])}
    rows.sort(key=lambda row: order[row["encoder"]])  # stable: pairs keep their order
    long = pl.DataFrame(rows, infer_schema_length=None)
    _write_csv(_matrix(long, spec), matrix_csv)
    decimals = [
        pl.col(name).map_elements("{:.6f}".format, return_dtype=pl.String)
        for name in _NUMBERS
    ]
    _write_csv(long.with_columns(decimals), long_csv)


def read_matrix(path: Path) -> pl.DataFrame:
    """Read ``xdata_matrix.csv``: names as text, all other columns as Float64."""
    table = pl.read_csv(path, infer_schema=False)
    return table.with_columns(pl.exclude(_NAMES).cast(pl.Float64))


def read_long(path: Path) -> pl.DataFrame:
    """Read ``xdata_long.csv``: counts as Int64, metrics as Float64, names as text."""
    table = pl.read_csv(path, infer_schema=False)
    return table.with_columns(
        pl.col(_COUNTS).cast(pl.Int64), pl.col(_NUMBERS).cast(pl.Float64)
    )


def pairs(spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Train and test corpora in the paper's order: by test, the in-domain one first."""
    return [
        (train, test)
        for test in spec["test"]
        for train in sorted(spec["train"], key=lambda name: name != test)
    ]


def leading_silence(crop_indexes: Sequence[Path]) -> pl.DataFrame:
    """Read how long each clip is silent at its start.

    Returns
    -------
    pl.DataFrame
        ``corpus`` (the folder of the index), ``clip_id``, ``leading_silence_s`` (null
        without audio).
    """
    columns = ["clip_id", "leading_silence_s"]
    schema = {"clip_id": pl.String, "leading_silence_s": pl.Float64}
    tables = [
        pl.read_parquet(path, columns=columns)
        .cast(schema)  # type: ignore[arg-type]
        .select(pl.lit(path.parent.name).alias("corpus"), *columns)
        for path in crop_indexes
    ]
    return pl.concat(tables)


def _keyed(scores: Sequence[Path], spec: dict[str, Any]) -> dict[ScoreKey, Path]:
    """Score files by what they hold: all those of the spec, and no other."""
    paths = {ScoreKey.of(path): path for path in scores}
    expected = {
        ScoreKey(spec["head"], encoder, train, test)
        for encoder in spec["encoders"]
        for train, test in pairs(spec)
    }
    for key in sorted(expected ^ paths.keys()):
        state = "is missing" if key in expected else "is not in the configuration"
        raise DataError(
            f"The score file of head {key.head}, encoder {key.encoder}, trained on "
            f"{key.train} and tested on {key.test} {state}; the matrix needs one for "
            "every encoder and pair of corpora."
        )
    return paths


def _corpus_rows(
    test: str,
    paths: dict[ScoreKey, Path],
    silence: pl.DataFrame,
    spec: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """Rows of the tidy table for one test corpus."""
    silence = silence.filter(pl.col("corpus") == test).drop("corpus")
    trains = [train for train, name in pairs(spec) if name == test]
    tables = {
        (encoder, train): read_scores(
            paths[ScoreKey(spec["head"], encoder, train, test)]
        )
        for encoder in spec["encoders"]
        for train in trains
    }
    tables = _with_common(tables, test)
    subsets = _subsets(next(iter(tables.values())))
    for (encoder, train), table in tables.items():
        table = table.join(silence, on="clip_id", how="left", maintain_order="left")
        for subset in subsets:
            yield {
                "encoder": encoder,
                "modality": spec["encoders"][encoder]["modality"],
                "head": spec["head"],
                "train": train,
                "test": test,
                **_subset_metrics(table, subset),
            }


def _with_common(
    tables: dict[tuple[str, str], pl.DataFrame], test: str
) -> dict[tuple[str, str], pl.DataFrame]:
    """Keep labelled clips; mark those that every table has a score for as common."""
    same = ["clip_id", "label", "manipulation"]
    first = next(iter(tables.values()))
    for (encoder, train), table in tables.items():
        if not table.select(same).equals(first.select(same)):
            raise DataError(
                f"The scores of encoder {encoder}, trained on {train}, are not of the "
                f"same test clips of {test} as the other encoders' scores. Run the "
                "workflow again, so that all are made from one manifest."
            )
    scored = [table["score"].is_not_null().to_numpy() for table in tables.values()]
    common = pl.Series("common", np.logical_and.reduce(scored))
    return {
        key: table.with_columns(common).drop_nulls("label")
        for key, table in tables.items()
    }


def _subsets(labelled: pl.DataFrame) -> list[Subset]:
    """Subsets of a test corpus; fakes are compared with all of its reals."""
    fake = pl.col("label") == 1
    silent = (pl.col("leading_silence_s") >= LEADING_SILENCE_S).fill_null(False)
    names = labelled.filter(fake)["manipulation"].unique().sort()
    return [
        Subset("common", pl.lit(True)),
        Subset("all", pl.lit(True), common=False),
        *(
            Subset(f"manipulation={name}", ~fake | (pl.col("manipulation") == name))
            for name in names
        ),
        Subset("leading_silence", ~fake | silent),
        Subset("no_leading_silence", ~fake | ~silent),
    ]


def _subset_metrics(labelled: pl.DataFrame, subset: Subset) -> dict[str, Any]:
    """Count and measure one table on one subset; null where undefined."""
    members = labelled.filter(subset.rule)
    counted = pl.col("common") if subset.common else pl.col("score").is_not_null()
    scored = members.filter(counted)
    labels, scores = scored["label"].to_numpy(), scored["score"].to_numpy()
    fakes = int((labels == 1).sum())
    both = 0 < fakes < labels.size
    values = {
        name: metric(labels, scores) if both else None
        for name, metric in METRICS.items()
    }
    interval = auc_interval(labels, scores) if both else None
    return {
        "subset": subset.name,
        "clips": labels.size,
        "real": labels.size - fakes,
        "fake": fakes,
        "coverage": labels.size / members.height if members.height else None,
        "auc": values["auc"],
        "auc_low": interval.low if interval else None,
        "auc_high": interval.high if interval else None,
        "interval": INTERVAL,
        "ap": values["ap"],
        "eer": values["eer"],
    }


def _matrix(long: pl.DataFrame, spec: dict[str, Any]) -> pl.DataFrame:
    """One row an encoder, AUC in per cent as text with one decimal."""
    common = long.filter(pl.col("subset") == "common")
    values = {
        (encoder, train, test): value
        for encoder, train, test, value in common.select(
            "encoder", "train", "test", "auc"
        ).iter_rows()
    }
    columns = pairs(spec)
    out_of_domain = [pair for pair in columns if pair[0] != pair[1]]
    rows = []
    for encoder, entry in spec["encoders"].items():
        row = {"encoder": encoder} | {key: entry[key] for key in ("label", "modality")}
        for train, test in columns:
            row[f"{train}->{test}"] = _per_cent([values[encoder, train, test]])
        row["mean_ood"] = _per_cent([values[encoder, *pair] for pair in out_of_domain])
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _per_cent(areas: list[float | None]) -> str | None:
    """Mean in per cent with one decimal; null if there is none or one is undefined."""
    known = [area for area in areas if area is not None]
    if not known or len(known) < len(areas):
        return None
    return f"{100.0 * float(np.mean(known)):.1f}"


def _write_csv(table: pl.DataFrame, path: Path) -> None:
    with write_whole(path) as draft:
        table.write_csv(draft)
