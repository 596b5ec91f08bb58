"""What the groups of a configuration must agree on: names of each other above all."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from dfprobe.errors import unknown_name
from dfprobe.settings.config import Config
from dfprobe.settings.encoder_families import explained_streams
from dfprobe.settings.encoders import ComputedEncoder
from dfprobe.settings.head_kinds import RESERVED, streams

Problems: TypeAlias = Iterator[str]


def problems(config: Config) -> Problems:
    """One sentence for each place where a configuration contradicts itself."""
    checks: tuple[Callable[[Config], Problems], ...] = (
        *(_corpora, _windows, _heads, _first_head),
        *(_anomaly, _spatial, _temporal, _external, _fusion),
    )
    for check in checks:
        yield from check(config)


def _corpora(config: Config) -> Problems:
    yield from _unknown(config.train, config.corpora, "config.train.{}")
    yield from _unknown(config.test, config.corpora, "config.test.{}")


def _windows(config: Config) -> Problems:
    window_s, overlap_s = config.features.window_s, config.features.overlap_s
    if overlap_s >= window_s:
        yield (
            f"config.features.overlap_s: must be less than window_s ({window_s:g}), "
            f"but it is {overlap_s:g}."
        )


def _heads(config: Config) -> Problems:
    for name, head in config.heads.items():
        where = f"config.heads.{name}"
        yield from _unknown(head.encoders, config.encoders, f"{where}.encoders.{{}}")
        if 1 not in streams(head.kind):
            yield (
                f"{where}.kind: entries of `heads` read the features of one encoder, "
                f"but a head of kind {head.kind} reads those of "
                f"{' or '.join(map(str, streams(head.kind)))}."
            )
        if name in RESERVED:
            yield (
                f"{where}: this name stands for other heads in paths; take another one "
                f"than {', '.join(RESERVED)}."
            )


def _first_head(config: Config) -> Problems:
    name, head = next(iter(config.heads.items()))
    if head.encoders and set(head.encoders) != set(config.encoders):
        yield (
            f"config.heads.{name}.encoders: the first head gives the matrix, so it is "
            "trained on all encoders; leave the key out."
        )


def _anomaly(config: Config) -> Problems:
    anomaly = config.anomaly
    if anomaly is None:
        return
    yield from _unknown([anomaly.corpus], config.corpora, "config.anomaly.corpus")
    yield from _unknown(anomaly.test, config.test, "config.anomaly.test.{}")
    for place, row in enumerate(anomaly.rows):
        where = f"config.anomaly.rows.{place}.streams"
        yield from _unknown(row.streams, config.encoders, f"{where}.{{}}")
        if len(row.streams) > 1 and config.encoders.keys() >= set(row.streams):
            yield from _pair(config, row.streams, where)


def _pair(config: Config, names: tuple[str, ...], where: str) -> Problems:
    """Say why the features of two encoders cannot be read together, if so."""
    modalities = tuple(config.encoders[name].modality for name in names)
    if modalities != ("visual", "audio"):
        found = " and ".join(
            f"{name!r} is {modality}"
            for name, modality in zip(names, modalities, strict=True)
        )
        yield (
            f"{where}: a pair must be a visual encoder, then an audio one, but {found}."
        )
    trims = [getattr(config.encoders[name], "trim", None) for name in names]
    if trims[0] != trims[1]:
        cut, whole = names if trims[1] is None else names[::-1]
        yield (
            f"{where}: both encoders of a pair must read the same part of a clip, but "
            f"{cut!r} has `trim: {trims[0] or trims[1]}` and {whole!r} reads whole "
            "clips."
        )


def _spatial(config: Config) -> Problems:
    spatial = config.spatial
    if spatial is None:
        return
    if spatial.train:
        yield from _unknown([spatial.train], config.train, "config.spatial.train")
    yield from _unknown(spatial.test, config.test, "config.spatial.test.{}")
    where = "config.spatial.encoders.{}"
    yield from _unknown(spatial.encoders, config.encoders, where)
    for place, name in enumerate(spatial.encoders):
        if name in config.encoders:
            yield from _not_explained(config, name, where.format(place))


def _not_explained(config: Config, name: str, where: str) -> Problems:
    """Say why the rows of an encoder cannot be explained in space, if so."""
    encoder = config.encoders[name]
    family = encoder.family if isinstance(encoder, ComputedEncoder) else None
    explained = explained_streams()
    if encoder.stream not in explained.get(family or "", ()):
        streams = (f"{name} ({' or '.join(explained[name])})" for name in explained)
        yield (
            f"{where}: the rows of {name!r} (family {family}, stream {encoder.stream}) "
            "cannot be traced back to places in the frame; this can be done for "
            f"{', '.join(streams)}."
        )
    linear = [head for head in config.heads.values() if head.kind == "linear"]
    if not linear or name not in (linear[0].encoders or config.encoders):
        yield (
            f"{where}: maps explain the first head of kind linear, and {name!r} has "
            "none; add it to that head's encoders."
        )


def _temporal(config: Config) -> Problems:
    for corpus, clips in config.temporal.clips.items():
        where = f"config.temporal.clips.{corpus}"
        yield from _unknown([corpus], config.test, where)
        encoders = [clip.encoder for clip in clips]
        yield from _unknown(encoders, config.encoders, f"{where}.{{}}.encoder")


def _external(config: Config) -> Problems:
    for name, detector in config.external.items():
        where = f"config.external.{name}.scores"
        yield from _unknown(detector.scores, config.test, where)


def _fusion(config: Config) -> Problems:
    for place, names in enumerate(config.fusion.sets):
        yield from _unknown(names, config.encoders, f"config.fusion.sets.{place}")
    figure = config.fusion.figure
    if figure is not None:
        yield from _unknown([figure.train], config.train, "config.fusion.figure.train")
        yield from _unknown([figure.test], config.test, "config.fusion.figure.test")


def _unknown(names: Iterable[str], known: Iterable[str], where: str) -> Problems:
    """Name each entry that is not known; its number takes the place of ``{}``."""
    known = list(known)
    for place, name in enumerate(names):
        if name not in known:
            path = where.replace("{}", str(place))
            yield unknown_name(f"{path}: unknown name", name, known)
