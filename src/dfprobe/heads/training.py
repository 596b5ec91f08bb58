"""Training of heads on the features of one corpus, whatever their kind.

Source of the protocol: arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing``; see the
modules of the kinds.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

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
from dfprobe.heads.files.head_file import provenance_of
from dfprobe.heads.files.history import Stopping, write_history
from dfprobe.heads.files.tensor_file import Facts
from dfprobe.heads.fit.loop import Fit, ProgressFile, Trainer, fit
from dfprobe.heads.kinds.contract import Head, Kind, check_streams, kind_module
from dfprobe.products import manifest_corpus
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.store.parquet import read_parquet
from dfprobe.store.scores import write_scores

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

log = logging.getLogger("dfprobe")

_COLUMNS = ["clip_id", "split", "label", "manipulation"]


def train_heads(
    streams: Sequence[Sequence[Path]],
    manifest: Path,
    spec: HeadSpec,
    heads: Sequence[Path],
    history: Path,
    val_scores: Sequence[Path] = (),
) -> None:
    """Train one head per seed; of several learning rates the best one is kept.

    Parameters
    ----------
    streams : sequence of sequence of Path
        Feature stores of the corpus, one per shard, for each encoder that the head
        reads.
    manifest : Path
        Manifest of the corpus; splits ``train`` and ``val`` are used.
    spec : HeadSpec
        Kind of head, and how it is trained.
    heads : sequence of Path
        Head file to write for each seed; of linear probes on the layers of an encoder,
        for each layer of each seed.
    history : Path
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
    kind = kind_module(spec.kind)
    clips = read_parquet(manifest, columns=_COLUMNS)
    with ExitStack() as stack:
        stores = [stack.enter_context(StoreSet(paths)) for paths in streams]
        names = [store.attributes["encoder"]["name"] for store in stores]
        check_streams(spec.kind, names)
        chosen = [
            _usable(clips, split, stores, kind, manifest_corpus(manifest))
            for split in ("train", "val")
        ]
        budget = buffer_budget(spec.memory_mb) // len(stores)
        sources = [Stream(store, ClipFeed(store, budget)) for store in stores]
        train, val = (Split(part, sources) for part in chosen)
        key = _key(spec, stores, chosen)
        side = heads[0].with_name(f".{heads[0].name}.progress")
        fits = list(_fits(kind, train, val, spec, side, key))
        metadata = _metadata(spec, stores, chosen, manifest_corpus(manifest))
        saved = []
        for group, head in zip(_by_seed_and_layer(fits), heads, strict=True):
            saved.append(_save(kind, group, metadata, head))
        if val_scores:
            _score_val(saved, clips, stores, kind.MIN_ROWS, val_scores)
    write_history({_name(fit.candidate): fit.history for fit in fits}, history)
    for file in side.parent.glob(f"{side.name}*"):
        file.unlink()


def _usable(
    clips: pl.DataFrame, split: str, stores: list[StoreSet], kind: Kind, corpus: str
) -> LabelledClips:
    chosen = labelled_clips(clips, split, stores, kind.MIN_ROWS, kind.REAL_ONLY)
    _check_split(chosen, corpus, kind.REAL_ONLY)
    return chosen


def _fits(
    kind: Kind, train: Split, val: Split, spec: HeadSpec, side: Path, key: str
) -> Iterator[Fit]:
    """Train all candidates; a trainer may take several in one pass over the data."""
    candidates = [Candidate(*one) for one in product(spec.seeds, spec.learning_rates)]
    stopping = Stopping(spec.max_epochs, spec.patience)
    module: Any = import_module(f"dfprobe.heads.fit.{kind.TRAINER}")
    trainers: Iterator[Trainer] = module.trainers(kind, train, val, spec, candidates)
    for number, trainer in enumerate(trainers):
        file = ProgressFile(side.with_name(f"{side.name}{number}"), key)
        rates = dict.fromkeys(_rate(candidate) for candidate in trainer.candidates)
        yield from fit(trainer, stopping, file, f"{spec.kind} {', '.join(rates)}")


def _by_seed_and_layer(fits: list[Fit]) -> list[list[Fit]]:
    """Fits that differ in the learning rate alone, together, in their order."""
    groups: dict[tuple[int, int | None], list[Fit]] = {}
    for one in fits:
        key = (one.candidate.seed, one.candidate.layer)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _save(kind: Kind, fits: list[Fit], metadata: Facts, path: Path) -> Head:
    """Write the head of the lowest validation loss."""
    best = min(fits, key=lambda one: one.best.val_loss)
    entries = {
        **metadata,
        "seed": best.candidate.seed,
        "learning_rate": best.candidate.learning_rate,
        "best_epoch": best.best.epoch,
        "val_loss": best.best.val_loss,
        "epochs": len(best.history),
        "stopped": best.stopped,
        **_columns(best.candidate, metadata),
    }
    head = kind.HEAD.from_tensors(best.tensors, entries)
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
    for clip in clip_rows(val, stores):
        for head, column in zip(heads, scores, strict=True):
            column.append(None if clip is None else head.score(*clip.rows))
    for column, out in zip(scores, outs, strict=True):
        write_scores(with_scores(val, column), out)


def _metadata(
    spec: HeadSpec,
    stores: list[StoreSet],
    chosen: list[LabelledClips],
    corpus: str,
) -> Facts:
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


def _columns(candidate: Candidate, metadata: Facts) -> Facts:
    """Part of a row that the probe of one layer reads."""
    if candidate.layer is None:
        return {}
    width = metadata["dims"][0] // metadata["spec"]["layers"]
    start = candidate.layer * width
    return {"columns": [start, start + width]}


def _name(candidate: Candidate) -> str:
    return _rate(candidate) + (f" layer {candidate.layer}" if candidate.layer else "")


def _rate(candidate: Candidate) -> str:
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
