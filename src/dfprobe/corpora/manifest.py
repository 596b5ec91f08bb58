"""The manifest of a corpus: one row per clip, whatever the layout on disk.

A corpus entry of the configuration names its layout, whose module finds the clips (see
``base``). What holds for all corpora happens here: published lists, the choice of
fakes, unique ids, content keys, shards.
"""

import json
import logging
from collections import Counter
from operator import attrgetter
from pathlib import Path
from typing import Any

import polars as pl

from dfprobe.clip_ids import check_plain, clip_id_of, shard_of
from dfprobe.corpora.clip import SPLITS, Clicks, Clip, Segments, load_layout
from dfprobe.corpora.files import MISSING, content_keys
from dfprobe.corpora.split_lists import apply_split_lists, read_split_lists
from dfprobe.errors import ConfigError, DataError
from dfprobe.settings.corpus_layouts import complete_options, tells
from dfprobe.settings.stage_specs.corpora import ManifestSpec
from dfprobe.store.csv_files import few, report_few
from dfprobe.store.parquet import write_parquet

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

SEGMENTS = pl.List(pl.List(pl.Float64))
CLICKS = pl.List(pl.Struct({"frame": pl.Int64, "x": pl.Float64, "y": pl.Float64}))
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "clip_id": pl.String,
    "path": pl.String,
    "split": pl.String,
    "label": pl.Int8,
    "manipulation": pl.String,
    "audio_fake": pl.Boolean,
    "video_fake": pl.Boolean,
    "audio_fake_segments": SEGMENTS,
    "video_fake_segments": SEGMENTS,
    "clicks": CLICKS,
    "speaker": pl.String,
    "source": pl.String,
    "content_key": pl.String,
    "shard": pl.String,
}
NULLABLE = ("label", "audio_fake", "video_fake", "speaker", "source")

_BLOCK = 50_000  # clips in a part of the table

log = logging.getLogger("dfprobe")


def make_manifest(name: str, spec: ManifestSpec, out: Path) -> None:
    """Write `corpus_table` as Parquet, and log the number of clips."""
    frame = corpus_table(name, spec)
    _log_counts(name, frame)
    write_parquet(frame, out)


def corpus_table(name: str, spec: ManifestSpec) -> pl.DataFrame:
    """Describe a corpus as a table.

    Parameters
    ----------
    name : str
        Name of the corpus in the configuration.
    spec : ManifestSpec
        Its entry there; the layout's options that are not given take its defaults.

    Returns
    -------
    pl.DataFrame
        Columns as in ``SCHEMA``, sorted by ``clip_id``. A clip that metadata or lists
        name but that is not on disk has content key ``"missing"``.

    Raises
    ------
    ConfigError
        If the layout or an option is unknown, or the layout takes no published lists.
    DataError
        If the corpus is absent, malformed or empty, or a path leaves it.
    """
    options = complete_options(spec.layout, spec.options)
    layout = load_layout(spec.layout)
    root = _existing_root(name, spec)
    clips = layout.scan(root, options)
    _check_files(name, clips, root)
    if spec.splits is not None:
        clips = _listed_clips(name, spec, Path(spec.splits), clips)
        _check_files(name, clips, root)
    if spec.fakes == "both":
        clips = _without_single_stream_fakes(name, clips)
    if not clips:
        raise DataError(
            f"Corpus {name!r} (layout {spec.layout}): expected clips in {root}, got "
            "none that are kept. Check root, splits and options."
        )
    frame = _frame(name, clips, root, spec, options["links"])
    _check(name, spec, frame)
    _check_told(name, spec.layout, frame)
    return frame


def _existing_root(name: str, spec: ManifestSpec) -> Path:
    root = Path(spec.root)
    if not root.is_dir():
        raise DataError(
            f"Corpus {name!r} (layout {spec.layout}): expected the folder {root}, "
            f"got {'a file' if root.exists() else 'nothing of that name'}. Put the "
            f"corpus there, or set corpora.{name}.root to the folder that holds it."
        )
    return root


def _listed_clips(
    name: str, spec: ManifestSpec, splits: Path, clips: list[Clip]
) -> list[Clip]:
    """Clips that the published lists name, also those that the layout did not find."""
    layout = load_layout(spec.layout)
    if not hasattr(layout, "listed"):
        raise ConfigError(
            f"corpora.{name}.splits: must be null, since layout {spec.layout} has "
            f"splits of its own, but it is {spec.splits!r}."
        )
    rows = read_split_lists(splits, layout)
    listed = apply_split_lists(clips, rows, layout.listed)
    found = {clip.file for clip in clips}
    new = [clip.file for clip in listed if clip.file not in found]
    left_out = len(clips) - (len(listed) - len(new))
    log.info("corpus %s: left out %d clips in no published list", name, left_out)
    about = "corpus %s: %d listed clips are not described by the corpus: %s"
    report_few(logging.WARNING, about, name, new)
    return listed


def _without_single_stream_fakes(name: str, clips: list[Clip]) -> list[Clip]:
    """Leave out the fakes of which one stream is known to be real."""
    kept = [
        clip
        for clip in clips
        if clip.label != 1 or False not in (clip.audio_fake, clip.video_fake)
    ]
    had_fakes, has_fakes = (any(clip.label == 1 for clip in c) for c in (clips, kept))
    if had_fakes and not has_fakes:
        raise ConfigError(
            f"corpora.{name}.fakes: expected 'any', since no fake of this corpus has "
            "both streams manipulated, got 'both'."
        )
    left_out = len(clips) - len(kept)
    log.info("corpus %s: left out %d fakes in one stream only", name, left_out)
    return kept


def _frame(
    name: str, clips: list[Clip], root: Path, spec: ManifestSpec, links: str
) -> pl.DataFrame:
    """Table of the clips, sorted by id, made in blocks to bound the memory."""
    clips = sorted(clips, key=lambda clip: clip_id_of(clip.file))
    files = [clip.file for clip in clips]
    keys = content_keys(name, files, root, spec.content_key, links)
    folder, shards = root.as_posix(), spec.shards
    blocks = (slice(at, at + _BLOCK) for at in range(0, len(clips), _BLOCK))
    return pl.concat(
        _block(clips[block], keys[block], folder, shards) for block in blocks
    )


def _block(
    clips: list[Clip], keys: list[str], folder: str, shards: int
) -> pl.DataFrame:
    ids = [clip_id_of(clip.file) for clip in clips]
    columns: dict[str, list[Any]] = {
        "clip_id": ids,
        "path": [f"{folder}/{clip.file}" for clip in clips],
        "content_key": keys,
        "shard": [shard_of(clip_id, shards) for clip_id in ids],
    }
    for field in SCHEMA.keys() - columns.keys():
        columns[field] = list(map(attrgetter(field), clips))
    series = [_series(field, dtype, columns[field]) for field, dtype in SCHEMA.items()]
    return pl.DataFrame(series)


def _series(
    name: str, dtype: pl.DataType | type[pl.DataType], values: list[Any]
) -> pl.Series:
    if dtype not in (SEGMENTS, CLICKS):
        return pl.Series(name, values, dtype=dtype)
    # From nested tuples Polars would build a Series for each clip: five times slower.
    text_of = _clicks_as_json if dtype == CLICKS else _segments_as_json
    texts = [text_of(value) if value else "[]" for value in values]
    return pl.Series(name, texts).str.json_decode(dtype)


def _segments_as_json(segments: Segments) -> str:
    pairs = [f"[{start},{end}]" for start, end in segments]  # json.dumps takes longer
    return f"[{','.join(pairs)}]"


def _clicks_as_json(clicks: Clicks) -> str:
    return json.dumps([{"frame": frame, "x": x, "y": y} for frame, x, y in clicks])


def _check_files(name: str, clips: list[Clip], root: Path) -> None:
    """Refuse paths that are not plain, and ids that two files share."""
    files = [clip.file for clip in clips]
    check_plain(files, root)
    if len(set(map(clip_id_of, files))) == len(files):
        return
    owners: dict[str, str] = {}
    shared = []
    for file in files:
        clip_id = clip_id_of(file)
        if clip_id in owners:
            shared.append(f"{owners[clip_id]} and {file}")
        owners[clip_id] = file
    raise DataError(
        f"Corpus {name!r}: expected each clip id (path without suffix) once, but these "
        f"share one: {few(shared)}. Rename or remove one of the two."
    )


def _check(name: str, spec: ManifestSpec, frame: pl.DataFrame) -> None:
    """Hold the table against the contract; a layout may be a user's own."""
    required = [field for field in SCHEMA if field not in NULLABLE]
    real = pl.col("manipulation") == "real"
    is_real = (pl.col("label") == 0).fill_null(False)
    rules = {
        "a value in every column": pl.all_horizontal(pl.col(required).is_not_null()),
        f"split {', '.join(SPLITS)}": pl.col("split").is_in(SPLITS),
        "label 0, 1 or null": pl.col("label").is_in([0, 1]) | pl.col("label").is_null(),
        "manipulation 'real' for reals only": real.eq_missing(is_real),
    }
    for expected, holds in rules.items():
        bad = frame.filter(~holds)
        if not bad.is_empty():
            raise DataError(
                f"Corpus {name!r} (layout {spec.layout}): expected {expected}, but "
                f"{bad.height} clips are otherwise: {few(bad['clip_id'])}."
            )


def told_clips(frame: pl.DataFrame) -> dict[str, list[str]]:
    """Ids of the clips of which a manifest tells something, by what; see ``TELLS``."""
    segments = pl.col("audio_fake_segments", "video_fake_segments").list.len() > 0
    told = {
        "segments": pl.any_horizontal(segments),
        "clicks": pl.col("clicks").list.len() > 0,
        "speaker": pl.col("speaker").is_not_null(),
        "source": pl.col("source").is_not_null(),
    }
    return {w: frame.filter(rule)["clip_id"].to_list() for w, rule in told.items()}


def _check_told(name: str, layout: str, frame: pl.DataFrame) -> None:
    """Refuse what a layout tells without declaring it: planning would not know."""
    for what, clips in told_clips(frame).items():
        if clips and what not in tells(layout):
            raise ConfigError(
                f"Corpus {name!r}: the layout {layout} tells the {what} of "
                f"{len(clips)} clips ({few(clips)}), but does not declare it. Add "
                f"{what!r} to TELLS in its module."
            )


def _log_counts(name: str, frame: pl.DataFrame) -> None:
    names = {0: "real", 1: "fake", None: "unknown"}
    for split in SPLITS:
        counts = Counter(frame.filter(pl.col("split") == split)["label"])
        parts = [f"{counts[label]} {word}" for label, word in names.items()]
        log.info("corpus %s: %s %d: %s", name, split, counts.total(), ", ".join(parts))
    absent = frame.filter(pl.col("content_key") == MISSING)["clip_id"]
    if len(absent):
        log.warning(
            "corpus %s: %d of %d clips are not on disk and stay as 'missing': %s",
            name,
            len(absent),
            frame.height,
            few(absent),
        )
