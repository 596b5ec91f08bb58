"""The tables of spatial explanations: how near, how often inside, how sure."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from dfprobe.evaluation.statistics.bootstrap import mean_interval
from dfprobe.explain.spatial.measures.confidence import (
    CONFIDENCE_NUMBERS,
    CONFIDENCE_SCHEMA,
    confidence_table,
)
from dfprobe.explain.spatial.measures.heat import (
    explained_frames,
    frame_sizes,
    read_maps,
)
from dfprobe.explain.spatial.measures.points import (
    BASELINES,
    KEYS,
    POINT_SCHEMA,
    SHARES,
    TRAINING_POINT,
    measure,
)
from dfprobe.explain.spatial.measures.truth import (
    CLICKS,
    REGION,
    Faces,
    click_targets,
    median_click,
    median_region,
    region_targets,
)
from dfprobe.products import MapsKey, manifest_corpus, shard_corpus
from dfprobe.settings.stage_specs.explanations import PointsSpec
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.status import Status
from dfprobe.store.csv_files import decimals, write_csv
from dfprobe.store.parquet import read_parquet, write_parquet

_NUMBERS = ("mae", "mae_low", "mae_high", "hit_rate", "hit_low", "hit_high", *SHARES)
_TABLE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("encoder", "label", *KEYS[1:]), pl.String),
    **dict.fromkeys(("targets", "frames", "clips", "failed"), pl.Int64),
    **dict.fromkeys(_NUMBERS, pl.Float64),
}

log = logging.getLogger("dfprobe")


class Tables(NamedTuple):
    """What is written: Parquet, then CSV."""

    points: Path
    spatial: Path
    confidence: Path


def make_points(
    maps: Sequence[Path],
    manifests: Sequence[Path],
    crops: Sequence[Path],
    spec: PointsSpec,
    out: Tables,
) -> None:
    """Write the tables of spatial explanations.

    Parameters
    ----------
    maps : sequence of Path
        ``.../{encoder}/{train}/{test}.parquet``, columns as in `MAP_SCHEMA`: one row an
        explained frame and map.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the training and the test corpora.
    crops : sequence of Path
        ``.../{corpus}/{shard}.h5`` of the test corpora, their indexes beside them.
    spec : PointsSpec
        Its encoders are in the order of the tables.
    out : Tables
        ``points``: a row per map and target, columns as in `POINT_SCHEMA`; ``spatial``:
        a row per map, then the baselines (see `BASELINES`); ``confidence``: see
        `dfprobe.explain.spatial.measures.confidence`.
    """
    named = labels(spec.encoders)
    by_test: dict[str, dict[str, pl.DataFrame]] = {test: {} for test in spec.test}
    for path in maps:
        key = MapsKey.of(path)
        by_test[key.test][key.encoder] = read_maps(path)
    corpora = {manifest_corpus(path): read_parquet(path) for path in manifests}
    points = pl.concat(
        [
            _points_of(
                test,
                {encoder: by_test[test][encoder] for encoder in named},
                corpora,
                [path for path in crops if shard_corpus(path) == test],
                spec,
            )
            for test in spec.test
        ]
    )
    write_parquet(points, out.points)
    table = spatial_table(points, BASELINES | named)
    write_csv(table.with_columns(decimals(_NUMBERS, "{:.6f}")), out.spatial)
    confidence = confidence_table(points, named, TRAINING_POINT)
    numbers = decimals(CONFIDENCE_NUMBERS, "{:.6f}")
    write_csv(confidence.with_columns(numbers), out.confidence)


def read_table(path: Path) -> pl.DataFrame:
    """Read a table that `make_points` wrote, with its types."""
    return pl.read_csv(path, schema_overrides=_TABLE_SCHEMA | CONFIDENCE_SCHEMA)


def spatial_table(points: pl.DataFrame, named: Mapping[str, str]) -> pl.DataFrame:
    """Summarise points: a row per map and a row per baseline, in their order.

    Parameters
    ----------
    points : pl.DataFrame
        Columns as in `POINT_SCHEMA`.
    named : mapping of str to str
        Labels of the encoders and baselines.
    """
    rows = []
    for key, group in points.group_by(KEYS, maintain_order=True):
        failed = group.filter(pl.col("status") != Status.OK)
        rows.append(
            dict(zip(KEYS, key, strict=True))
            | {
                "targets": group.height,
                "frames": group.n_unique(["clip_id", "frame"]),
                "clips": group["clip_id"].n_unique(),
                "failed": failed.n_unique(["clip_id", "frame"]),
                **_mean(group, "error", ("mae", "mae_low", "mae_high")),
                **_mean(group, "hit", ("hit_rate", "hit_low", "hit_high")),
                **{name: group[name].mean() for name in SHARES},
            }
        )
    label = pl.col("encoder").replace_strict(named, return_dtype=pl.String)
    return pl.DataFrame(rows, schema=_TABLE_SCHEMA).with_columns(label=label)


def _points_of(
    test: str,
    maps: Mapping[str, pl.DataFrame],
    corpora: Mapping[str, pl.DataFrame],
    crops: Sequence[Path],
    spec: PointsSpec,
) -> pl.DataFrame:
    """Points of one test corpus, encoders in their order."""
    faces = Faces(crops)
    frames, sizes = explained_frames(maps), frame_sizes(maps)
    train, trained = spec.train, corpora[spec.train]
    if test in spec.truth:
        truth = REGION
        targets = region_targets(Path(spec.truth[test]), frames, sizes)
        folder = spec.truth.get(train)
        training_point = median_region(trained, Path(folder)) if folder else None
    else:
        truth = CLICKS
        targets = click_targets(corpora[test], frames, sizes, faces.source_fps)
        training_point = median_click(trained)
    if not targets:
        log.warning(
            "corpus %s has neither clicks nor a generator's ground truth: its maps "
            "are drawn, not measured",
            test,
        )
    elif training_point is None:
        log.warning(
            "corpus %s has no %s in its training fakes, so tests on %s have no row for "
            "their median",
            *(train, truth, test),
        )
    rows = list(measure(maps, targets, faces, training_point))
    faces.close()
    names = {"train": train, "test": test, "truth": truth}
    points = pl.DataFrame([row | names for row in rows], schema=POINT_SCHEMA)
    order = {name: place for place, name in enumerate([*maps, *BASELINES])}
    place = pl.col("encoder").replace_strict(order, return_dtype=pl.Int64)
    return points.sort(place, "method", "part", "target", maintain_order=True)


def _mean(
    group: pl.DataFrame, column: str, names: tuple[str, str, str]
) -> dict[str, float | None]:
    """Mean of a column with its 95% interval for other clips."""
    known = group.drop_nulls(column)
    values = known[column].to_numpy()
    interval = mean_interval(values, known["clip_id"].to_numpy())
    low, high = interval if interval is not None else (None, None)
    mean = float(values.mean()) if len(values) else None
    return dict(zip(names, (mean, low, high), strict=True))
