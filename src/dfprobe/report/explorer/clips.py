"""The clips of a test corpus for the explorer: scores of all, media of some."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dfprobe.errors import ClipError
from dfprobe.media.audio import load_sound
from dfprobe.media.video import VideoInfo, video_info
from dfprobe.products import ScoreKey
from dfprobe.report.explorer.choice import choose, wrongness
from dfprobe.report.explorer.media_files import mean_rows, sound_facts, sprite
from dfprobe.report.explorer.scripts import Json, write_call
from dfprobe.settings.stage_specs.report import ClipsSpec
from dfprobe.store.parquet import read_parquet
from dfprobe.store.scores import read_scores

CHUNK = 500  # clips a file of the list
_LONGEST = 1500  # points of a curve; of more rows, groups are averaged
_MANIFEST = (
    *("clip_id", "path", "label", "manipulation", "audio_fake", "video_fake"),
    *("audio_fake_segments", "video_fake_segments"),
)


def make_clips(
    manifest: Path,
    scores: Sequence[Path],
    curves: Sequence[Path],
    spec: ClipsSpec,
    out: Path,
) -> None:
    """Write the data of a test corpus's clips as script files.

    Parameters
    ----------
    manifest : Path
        That of the corpus.
    scores, curves : sequence of Path
        Of the head of the matrix on this corpus, in the same order.
    out : Path
        ``.../{corpus}/index.js`` (probes, clips that are shown). Its folder is emptied
        and gets ``list-000.js`` and following (all clips with their scores), ``000.js``
        and ``000.jpg`` and following (data and frames of the clips that are shown).

    Raises
    ------
    DataError
        If a score file is damaged.
    """
    keys = [ScoreKey.of(path) for path in scores]
    clips = (
        read_parquet(manifest).filter(split="test").select(_MANIFEST).sort("clip_id")
    )
    table = _with_scores(clips, scores)
    names = [f"score {place}" for place in range(len(keys))]
    values = table.select(pl.col(names).cast(pl.Float64)).to_numpy()
    chosen = choose(table, wrongness(table["label"].to_list(), values), spec.clips)
    files = {clip_id: f"{place:03d}" for place, clip_id in enumerate(chosen)}
    folder, corpus = out.parent, out.parent.name
    shutil.rmtree(folder, ignore_errors=True)
    for place, part in enumerate(table.iter_slices(CHUNK)):
        name = f"list-{place:03d}"
        rows = list(_rows(part, files, len(keys)))
        write_call(folder / f"{name}.js", f"{corpus}/{name}", rows)
    curves_of = _curves(curves, chosen)
    shown = table.filter(pl.col("clip_id").is_in(chosen))
    for clip in shown.iter_rows(named=True):
        name = files[clip["clip_id"]]
        facts = _clip(clip, folder / name, spec.frames)
        facts["curves"] = curves_of[clip["clip_id"]]
        write_call(folder / f"{name}.js", f"{corpus}/{name}", facts)
    index = {
        "probes": [{"encoder": key.encoder, "train": key.train} for key in keys],
        "clips": table.height,
        "chunk": CHUNK,
        "shown": list(_rows(shown, files, len(keys))),
    }
    write_call(out, f"{corpus}/index", index)


def _with_scores(clips: pl.DataFrame, scores: Sequence[Path]) -> pl.DataFrame:
    """Add ``score 0``, ``status 0`` and so on, one pair a score file."""
    for place, path in enumerate(scores):
        found = read_scores(path).select(
            "clip_id",
            pl.col("score").alias(f"score {place}"),
            pl.col("status").alias(f"status {place}"),
        )
        clips = clips.join(found, on="clip_id", how="left", maintain_order="left")
    return clips


def _rows(
    table: pl.DataFrame, files: Mapping[str, str], probes: int
) -> Iterator[list[Any]]:
    """Rows of the list: name, label, manipulation, file or None, scores or why none."""
    for clip in table.iter_rows(named=True):
        scores = [
            clip[f"status {place}"]
            if clip[f"score {place}"] is None
            else round(clip[f"score {place}"], 3)
            for place in range(probes)
        ]
        names = [clip[name] for name in ("clip_id", "label", "manipulation")]
        yield [*names, files.get(clip["clip_id"]), scores]


def _clip(clip: Mapping[str, Any], stem: Path, frames: int) -> Json:
    """Gather the data of a clip and write its frames; name what cannot be decoded."""
    facts: Json = {
        "audio": _segments(clip, "audio"),
        "video": _segments(clip, "video"),
        "frames": None,
        "sound": None,
        "problems": [],
    }
    path, info = Path(clip["path"]), None
    try:
        info = video_info(path)
        facts["frames"] = _frames(path, info, frames, stem.with_suffix(".jpg"))
    except ClipError as error:
        facts["problems"].append(f"video, {error.status}: {error.detail}")
    try:
        facts["sound"] = sound_facts(load_sound(path, info).waveform)
    except ClipError as error:
        facts["problems"].append(f"sound, {error.status}: {error.detail}")
    return facts


def _frames(path: Path, info: VideoInfo, count: int, image: Path) -> Json:
    picture = sprite(path, info, count)
    image.write_bytes(picture.jpeg)
    return picture.facts(image.name)


def _segments(clip: Mapping[str, Any], kind: str) -> list[list[float]] | bool | None:
    """Fake parts in seconds; True where all of it is fake, None where unknown."""
    segments = clip[f"{kind}_fake_segments"]
    if segments:
        return [[round(start, 3), round(end, 3)] for start, end in segments]
    fake: bool | None = clip[f"{kind}_fake"]
    return fake if fake is None or fake else []


def _curves(paths: Sequence[Path], chosen: Sequence[str]) -> dict[str, list[Any]]:
    """Curves of the chosen clips, one a probe; None where there is none."""
    found: dict[str, list[Any]] = {clip_id: [] for clip_id in chosen}
    for path in paths:
        table = read_parquet(path).filter(pl.col("clip_id").is_in(chosen))
        rows = {row["clip_id"]: row for row in table.iter_rows(named=True)}
        for clip_id, curves in found.items():
            row = rows.get(clip_id)
            known = row is not None and row["curve"]
            curves.append(_curve(row) if row is not None and known else None)
    return found


def _curve(row: Mapping[str, Any]) -> Json:
    """Curve in few points: ``first`` is the middle of the first one, in seconds."""
    values = np.array(row["curve"], dtype=np.float64)
    means = mean_rows(values[:, None], _LONGEST)[:, 0]
    step_s = -(-len(values) // _LONGEST) / row["rate_hz"]
    return {
        "step": round(step_s, 6),
        "first": round(row["first_row_s"] + step_s / 2, 6),
        "values": [
            round(value, 2) if np.isfinite(value) else None for value in means.tolist()
        ],
    }
