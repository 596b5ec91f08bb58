"""Training of heads on the features of one corpus, whatever their kind.

Source of the protocol: arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing``; see the
modules of the kinds.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from dfprobe import __version__, recipes
from dfprobe.errors import DataError
from dfprobe.heads.data.clip_scores import clip_rows, with_scores
from dfprobe.heads.data.clips import (
    LabelledClips,
    StoreSet,
    labelled_clips,
    with_status,
)
from dfprobe.heads.data.feed import ClipFeed, buffer_budget
from dfprobe.heads.data.splits import Candidate, Split, Stream
from dfprobe.heads.files.curves import Fit, Stopping, write_curves
from dfprobe.heads.files.head_file import provenance_of
from dfprobe.heads.fit.loop import ProgressFile, fit
from dfprobe.heads.kinds.contract import Head, Kind, head_class, kind_module
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.store.parquet import read_parquet
from dfprobe.store.scores import write_scores

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

log = logging.getLogger("dfprobe")

_COLUMNS = ["clip_id", "split", "label", "manipulation"]


class _Trained(NamedTuple):
    candidate: Candidate
    layer: int
    fit: Fit


def train_heads(
    streams: Sequence[Sequence[Path]],
    manifest: Path,
    spec: HeadSpec,
    heads: Sequence[Path],
    curve: Path,
    val_scores: Sequence[Path] = (),
) -> None:
    """Train one head a seed; of several learning rates the best one is kept.

    Parameters
    ----------
    streams : sequence of sequence of Path
        Feature stores of the corpus, one a shard, for each encoder that the head reads.
    manifest : Path
        Manifest of the corpus; splits ``train`` and ``val`` are used.
    spec : HeadSpec
        With ``layers``, a linear probe is trained on each layer of a row.
    heads : sequence of Path
        Head file to write for each seed; with ``layers``, for each layer of each seed.
    curve : Path
        CSV to write: the losses of every epoch of every candidate.
    val_scores : sequence of Path
        Parquet to write for each head, or none: its scores of all validation clips, see
        `dfprobe.store.scores`.

    Raises
    ------
    ConfigError
        If a setting is out of range.
    DataError
        If a split lacks a class that it needs, or a clip's features are not finite.
    """
    module = kind_module(spec.kind)
    clips = read_parquet(manifest, columns=_COLUMNS)
    with ExitStack() as stack:
        stores = [stack.enter_context(StoreSet(paths)) for paths in streams]
        chosen = [
            _usable(clips, split, stores, module, manifest.stem)
            for split in ("train", "val")
        ]
        budget = buffer_budget(spec.memory_mb) // len(stores)
        sources = [Stream(store, ClipFeed(store, budget)) for store in stores]
        train, val = (Split(part, sources) for part in chosen)
        key = _key(spec, stores, chosen)
        side = heads[0].with_name(f".{heads[0].name}.progress")
        trained = list(_train(module, train, val, spec, side, key))
        metadata = _metadata(spec, stores, chosen, manifest.stem)
        wanted = product(spec.seeds, range(_layers(module, spec)))
        saved = []
        for key_of_head, head in zip(wanted, heads, strict=True):
            same = [t for t in trained if (t.candidate.seed, t.layer) == key_of_head]
            saved.append(_save(same, metadata, head))
        if val_scores:
            _score_val(saved, clips, stores, module.MIN_ROWS, val_scores)
    write_curves({_name(one): one.fit.curve for one in trained}, curve)
    for file in side.parent.glob(f"{side.name}*"):
        file.unlink()


def _usable(
    clips: pl.DataFrame, split: str, stores: list[StoreSet], kind: Kind, corpus: str
) -> LabelledClips:
    chosen = labelled_clips(clips, split, stores, kind.MIN_ROWS, kind.REAL_ONLY)
    _check_split(chosen, corpus, kind.REAL_ONLY)
    return chosen


def _train(
    kind: Kind, train: Split, val: Split, spec: HeadSpec, side: Path, key: str
) -> Iterator[_Trained]:
    """Train all candidates: in one pass over the data where the kind can."""
    candidates = [
        Candidate(seed, rate) for seed in spec.seeds for rate in spec.learning_rates
    ]
    stopping = Stopping(spec.max_epochs, spec.patience)
    groups = [candidates] if kind.ONE_PASS else [[one] for one in candidates]
    for number, group in enumerate(groups):
        learner = kind.learner(train, val, spec, group, spec.device)
        file = ProgressFile(side.with_name(f"{side.name}{number}"), key)
        task = f"{spec.kind} {', '.join(map(_label, group))}"
        members = product(group, range(_layers(kind, spec)))
        fits = fit(learner, stopping, file, task)
        for (candidate, layer), fitted in zip(members, fits, strict=True):
            yield _Trained(candidate, layer, fitted)


def _save(trained: list[_Trained], metadata: dict[str, Any], path: Path) -> Head:
    """Write the head of the lowest validation loss."""
    best = min(trained, key=lambda t: t.fit.best.val_loss)
    entries = {
        **metadata,
        "seed": best.candidate.seed,
        "learning_rate": best.candidate.learning_rate,
        "best_epoch": best.fit.best.epoch,
        "val_loss": best.fit.best.val_loss,
        "epochs": len(best.fit.curve),
        "stopped": best.fit.stopped,
        **_columns(best, metadata),
    }
    head = head_class(metadata["kind"]).from_tensors(best.fit.tensors, entries)
    head.save(path)
    return head


def _score_val(
    heads: list[Head],
    clips: pl.DataFrame,
    stores: list[StoreSet],
    min_rows: int,
    outs: Sequence[Path],
) -> None:
    """Write the scores of the validation clips, also of those without a label."""
    val = with_status(clips.filter(pl.col("split") == "val"), stores, min_rows)
    scores: list[list[float | None]] = [[] for _ in heads]
    for rows in clip_rows(val, stores):
        for head, column in zip(heads, scores, strict=True):
            column.append(None if rows is None else head.score(*rows))
    for column, out in zip(scores, outs, strict=True):
        write_scores(with_scores(val, column), out)


def _metadata(
    spec: HeadSpec,
    stores: list[StoreSet],
    chosen: list[LabelledClips],
    corpus: str,
) -> dict[str, Any]:
    rows = [provenance_of(store.attributes) for store in stores]
    return {
        **(rows[0] if len(rows) == 1 else {"streams": rows}),
        "kind": spec.kind,
        "dims": [store.dim for store in stores],
        "train_corpus": corpus,
        "clips_used": {part.split: len(part.clip_ids) for part in chosen},
        "clips_skipped": {part.split: part.skipped for part in chosen},
        "spec": spec.model_dump(mode="json"),
        "version": __version__,
    }


def _key(spec: HeadSpec, stores: list[StoreSet], chosen: list[LabelledClips]) -> str:
    """Digest of all that the numbers depend on."""
    digest = hashlib.sha256(spec.to_json().encode())
    digest.update(json.dumps(recipes.heads(spec.kind)).encode())
    for store in stores:
        digest.update(store.encoder_key.encode())
        digest.update(store.index.write_csv().encode())
    for part in chosen:
        digest.update("\n".join(part.clip_ids).encode())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()


def _layers(kind: Kind, spec: HeadSpec) -> int:
    """Heads that a candidate gives: one a layer, where layers are told apart."""
    return (spec.layers or 1) if kind.ONE_PASS else 1


def _columns(trained: _Trained, metadata: dict[str, Any]) -> dict[str, Any]:
    """Part of a row that the probe of one layer reads."""
    layers = metadata["spec"].get("layers")
    if metadata["kind"] != "linear" or layers is None:
        return {}
    width = metadata["dims"][0] // layers
    start = trained.layer * width
    return {"columns": [start, start + width]}


def _name(trained: _Trained) -> str:
    suffix = f" layer {trained.layer}" if trained.layer else ""
    return _label(trained.candidate) + suffix


def _label(candidate: Candidate) -> str:
    return f"seed {candidate.seed} rate {candidate.learning_rate:g}"


def _check_split(clips: LabelledClips, corpus: str, real_only: bool) -> None:
    counts = {label: int((clips.labels == label).sum()) for label in (0, 1)}
    reasons = ", ".join(f"{count} {reason}" for reason, count in clips.skipped.items())
    if reasons:
        log.warning(f"{corpus}, split {clips.split}: clips skipped: {reasons}.")
    needed = [0] if real_only else [0, 1]
    if not all(counts[label] for label in needed):
        wanted = "real clips" if real_only else "both"
        raise DataError(
            f"Corpus {corpus}, split {clips.split}: {counts[0]} real and {counts[1]} "
            f"fake clips can be used; the head needs {wanted}. Skipped: "
            f"{reasons or 'none'}. Check the corpus' splits and its labels."
        )
