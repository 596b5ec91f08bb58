"""The stage of spatial explanations: maps of chosen frames of a test corpus."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.tracing import Tracing
from dfprobe.encoders.windows import WHOLE, Limits
from dfprobe.errors import ClipError, DataError
from dfprobe.evaluation.statistics.correlation import rank_correlation
from dfprobe.explain.spatial.maps.controls import random_encoder, shuffled_probe
from dfprobe.explain.spatial.maps.frames import explained_clips, explained_frames
from dfprobe.explain.spatial.maps.heat_maps import Heat, Maps, maps_of_rows
from dfprobe.explain.spatial.maps.places import Region, regions
from dfprobe.explain.spatial.maps.source_frames import SourceFrames
from dfprobe.features.inputs import clip_inputs
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.media.video import frames_at_25fps
from dfprobe.progress import Progress
from dfprobe.rates import VIDEO_FPS, RowClock
from dfprobe.settings.stage_specs.explanations import FramesSpec
from dfprobe.status import Status
from dfprobe.store.crops import CropReader
from dfprobe.store.files import Row
from dfprobe.store.parquet import read_parquet, write_parquet

log = logging.getLogger("dfprobe")

_HEAT = pl.List(pl.Float32)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "clip_id": pl.String,
    "label": pl.Int8,
    "frame": pl.Int64,
    "row": pl.Int64,
    "status": pl.String,
    "method": pl.String,
    "part": pl.String,
    "logit": pl.Float64,
    "clip_score": pl.Float64,
    "rows": pl.Int64,
    "cols": pl.Int64,
    "heat": _HEAT,
    "affine": pl.List(pl.Float64),
    "width": pl.Int64,
    "height": pl.Int64,
    "shuffled_heat": _HEAT,
    "random_heat": _HEAT,
    "shuffled_rank": pl.Float64,
    "random_rank": pl.Float64,
}


@dataclass(frozen=True)
class _Explainer:
    """All that the maps of a clip are made with."""

    encoder: Encoder
    tracing: Tracing  # how the rows of its family are traced back
    # where the map of each part lies, see `dfprobe.explain.spatial.maps.places`
    regions: Mapping[str, Region]
    probe: np.ndarray  # (dim + 1,): weights, then the bias
    # (dim + 1,): probe of shuffled labels; None without checks
    shuffled: np.ndarray | None
    # encoder that knows nothing; None without checks, or without weights
    random: Encoder | None
    limits: Limits
    trim: str | None  # as for `clip_inputs`


def explain_frames(
    manifest: Path,
    crops: Sequence[Path],
    head: Path,
    scores: Path,
    train_manifest: Path,
    train_features: Sequence[Path],
    spec: FramesSpec,
    out: Path,
) -> None:
    """Explain the linear probe's logits of chosen frames by places in the frame.

    The rows are computed again in float32; the head has learned from rows as they are
    stored, perhaps in float16.

    Parameters
    ----------
    manifest : Path
        Of the test corpus.
    crops : sequence of Path
        Its crop stores (HDF5), their indexes (Parquet) beside them.
    head : Path
        Linear probe.
    scores : Path
        Scores of the test corpus by this head.
    train_manifest, train_features : Path, sequence of Path
        What the head was trained on; read for the check with shuffled labels only.
    spec : FramesSpec
        The encoder, how it runs, which frames, and whether the maps are checked.
    out : Path
        Parquet to write, one row per frame and map. ``heat`` goes row by row; ``exact``
        scores of all parts of a frame add up to ``logit``, maps from gradients lie in
        [0, 1]. ``affine`` (row by row) takes (u, v, 1), u and v in [0, 1] across the
        map, to pixels (x, y) of the frame of ``width`` x ``height``. Frames that cannot
        be explained keep their rows, with a status.

    Raises
    ------
    DataError
        If the head was trained on rows of another encoder.
    EncoderError
        If the encoder cannot be built, or its rows cannot be traced back.
    """
    tracing = registry.tracing(spec.encoder.family)
    seed, shuffled, random = spec.seed, None, None
    if spec.head is not None:  # while the encoder takes no memory yet
        other = shuffled_probe(train_features, train_manifest, spec.head, seed)
        shuffled = other.params
    encoder = registry.build(spec.encoder, spec.device)
    probe = LinearProbe.load(head)
    _check_same_encoder(head, probe, encoder)
    if spec.head is not None:
        random = random_encoder(spec.encoder, encoder, seed)
    explainer = _Explainer(
        encoder,
        tracing,
        regions(tracing.regions),
        probe.params,
        shuffled,
        random,
        Limits(spec.batch_rows or WHOLE.batch_rows, spec.window_s, spec.overlap_s),
        spec.trim,
    )
    chosen = explained_clips(read_parquet(manifest), spec.clips, seed)
    known = read_parquet(scores, columns=["clip_id", "score"])
    clips = chosen.join(known, on="clip_id", how="left", maintain_order="left")
    table = _explained(explainer, clips, crops, spec.frames, spec.encoder.name)
    write_parquet(table, out)


def _explained(
    explainer: _Explainer,
    clips: pl.DataFrame,
    crops: Sequence[Path],
    frames: int,
    name: str,
) -> pl.DataFrame:
    """Rows of all clips, in their order."""
    progress = Progress(f"explanations {name}", clips.height)
    rows: list[Row] = []
    with ExitStack() as stack:
        readers = [
            stack.enter_context(CropReader(h5, h5.with_suffix(".parquet")))
            for h5 in crops
        ]
        index = {
            row["clip_id"]: (reader, row)
            for reader in readers
            for row in reader.index.iter_rows(named=True)
        }
        for clip in clips.iter_rows(named=True):
            if clip["clip_id"] not in index:
                raise DataError(
                    f"Clip {clip['clip_id']!r} is in the manifest, but no crops hold "
                    "it. Run the crops stage of its corpus again."
                )
            reader, cropped = index[clip["clip_id"]]
            asked = explained_frames(
                clip, cropped["frames"], cropped["source_fps"], frames
            )
            rows += _of_clip(explainer, clip | cropped, reader, asked)
            progress.step()
    table = pl.DataFrame(rows, schema=SCHEMA)
    failed = table.filter(pl.col("status") != Status.OK)
    for status, count in sorted(failed["status"].value_counts().iter_rows()):
        log.warning("%s: %d maps cannot be made: %s", name, count, status)
    return table


def _of_clip(
    explainer: _Explainer, clip: Row, reader: CropReader, asked: Sequence[int]
) -> list[Row]:
    """Rows of one clip; what is wrong with it becomes their status."""
    source = SourceFrames(clip["clip_id"], reader)
    try:
        if not asked:
            raise ClipError(Status(clip["video_status"]), clip["detail"])
        read = clip_inputs(explainer.encoder, clip, reader, explainer.trim)
        if read.frames is None:
            source.see(next(frames_at_25fps(Path(clip["path"]), 1)))
        inputs = source.watched(read)
        encoder = explainer.encoder
        clock = RowClock(encoder.rate_hz, encoder.first_row_s + read.start_s)
        numbers = {frame: clock.row_at(frame / VIDEO_FPS) for frame in asked}
        real, random = _maps(explainer, inputs, list(numbers.values()))
    except ClipError as error:
        return _failed(explainer.tracing, clip, asked or [None], None, error.status)
    rows: list[Row] = []
    for frame, number in numbers.items():
        if number in real:
            rows += _of_frame(
                explainer, clip, source, frame, number, real[number], random.get(number)
            )
        else:
            rows += _failed(explainer.tracing, clip, [frame], number, Status.TOO_SHORT)
    return rows


def _maps(
    explainer: _Explainer, clip: ClipInputs, rows: Sequence[int]
) -> tuple[dict[int, list[Maps]], dict[int, list[Maps]]]:
    """Make the maps by both probes, and by the random encoder with the real probe."""
    probes = [explainer.probe]
    if explainer.shuffled is not None:
        probes.append(explainer.shuffled)
    tracing, limits = explainer.tracing, explainer.limits
    real = maps_of_rows(explainer.encoder, tracing, clip, rows, probes, limits)
    if explainer.random is None:
        return real, {}
    once = [explainer.probe]
    return real, maps_of_rows(explainer.random, tracing, clip, rows, once, limits)


def _of_frame(
    explainer: _Explainer,
    clip: Row,
    source: SourceFrames,
    frame: int,
    number: int,
    real: list[Maps],
    random: list[Maps] | None,
) -> list[Row]:
    """Rows of one frame, one per map."""
    tracing = explainer.tracing
    width, height = source.size
    rows = []
    for method, part in tracing.maps:
        key = (method, part)
        heat = real[0][key]
        row = _row(clip, frame, number, method, part)
        if not np.isfinite(heat.logit):
            rows.append(row | {"status": Status.NON_FINITE.value})
            continue
        region = explainer.regions[part](explainer.encoder, source, frame)
        row |= {
            "logit": heat.logit,
            "rows": heat.values.shape[0],
            "cols": heat.values.shape[1],
            "heat": heat.values.ravel().tolist(),
            "affine": region.ravel().tolist(),
            "width": width,
            "height": height,
        }
        if len(real) > 1:
            row |= _compared("shuffled", heat, real[1][key])
        if random is not None:
            row |= _compared("random", heat, random[0][key])
        rows.append(row)
    return rows


def _compared(check: str, heat: Heat, other: Heat) -> Row:
    return {
        f"{check}_heat": other.values.ravel().tolist(),
        f"{check}_rank": rank_correlation(heat.values, other.values),
    }


def _failed(
    tracing: Tracing,
    clip: Row,
    frames: Sequence[int | None],
    number: int | None,
    status: Status,
) -> list[Row]:
    """Rows of frames that cannot be explained, one per map that they would have."""
    return [
        _row(clip, frame, number, method, part) | {"status": status.value}
        for frame in frames
        for method, part in tracing.maps
    ]


def _row(
    clip: Row, frame: int | None, number: int | None, method: str, part: str
) -> Row:
    return {
        **dict.fromkeys(SCHEMA),
        "clip_id": clip["clip_id"],
        "label": clip["label"],
        "frame": frame,
        "row": number,
        "status": Status.OK.value,
        "method": method,
        "part": part,
        "clip_score": clip["score"],
    }


def _check_same_encoder(head: Path, probe: LinearProbe, encoder: Encoder) -> None:
    trained_on = (probe.metadata["weights_hash"], probe.dim)
    if trained_on != (encoder.weights_hash, encoder.dim):
        raise DataError(
            f"{head} was trained on rows of {trained_on[1]} of an encoder with the "
            f"weights {trained_on[0]}, but this encoder has rows of {encoder.dim} and "
            f"the weights {encoder.weights_hash}. Train the head again on features of "
            "this encoder."
        )
