"""Trained probes by file or by encoder, each with what it needs to read a video."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dfprobe import products
from dfprobe.encoders import registry
from dfprobe.encoders.contract import Encoder
from dfprobe.errors import DataError, near_match
from dfprobe.features.extract import passes_of
from dfprobe.features.inputs import needs_faces
from dfprobe.features.keys import encoder_key
from dfprobe.features.passes import Passes
from dfprobe.heads.files.head_file import PROVENANCE
from dfprobe.heads.kinds.contract import Head, load_head
from dfprobe.media.crops import crops_key
from dfprobe.products import HeadKey
from dfprobe.settings.head_kinds import kinds
from dfprobe.settings.specs import EncoderSpec
from dfprobe.settings.stage_specs.features import MadeCrops, RowSettings

HEADS_FOLDER = Path(products.heads_folder("linear"))
_DEVICE = "auto"

log = logging.getLogger("dfprobe")


@dataclass(frozen=True)
class NamedProbe:
    """A probe, and the words for it in tables."""

    path: Path
    probe: Head  # trained on clip labels, on the rows of one encoder
    encoder: str  # whose rows it reads
    train: str  # corpus on which it was trained


@dataclass(frozen=True)
class Reader:
    """An encoder with the probes that read its rows."""

    encoder: Encoder
    passes: Passes | None  # how its model runs
    dtype: str  # type to which the rows are rounded, as in a feature store
    # what is cut from the start of a clip, see `dfprobe.features.trimming`
    trim: str | None
    # settings of the crops; None where the encoder needs no face
    crops: MadeCrops | None
    probes: list[NamedProbe]


def find_heads(names: Sequence[str], folder: Path = HEADS_FOLDER) -> list[Path]:
    """Head files that are named by their path or by their encoder, each once.

    An encoder stands for all heads that the workflow trained on it, in the encoder's
    folder of ``folder``. A DataError tells of a name that is neither.
    """
    found: dict[Path, None] = {}
    for name in names:
        files = sorted((folder / name).glob("*.safetensors"))
        if Path(name).is_file():
            files = [Path(name)]
        if not files:
            known = {
                HeadKey.of(path).encoder for path in folder.glob("*/*.safetensors")
            }
            raise DataError(
                f"--head {name}: there is no such file, and no encoder of that name "
                f"in {folder}{near_match(name, known)} Give a head file, or train "
                "heads with the workflow."
            )
        found.update(dict.fromkeys(files))
    return list(found)


def load_readers(paths: Sequence[Path]) -> list[Reader]:
    """Load probes and build their encoders, each encoder once.

    Parameters
    ----------
    paths : sequence of Path
        Head files.

    Raises
    ------
    DataError
        If a file is not a probe, does not say how to read a video, or was trained on
        features of another encoder than the one that is built.
    EncoderError
        If an encoder cannot be built, e.g. because its weights are not there.
    """
    groups: dict[str, list[NamedProbe]] = {}
    owners: dict[tuple[str, str], Path] = {}
    for path in paths:
        named = _load(path)
        other = owners.setdefault((named.encoder, named.train), path)
        if other is not path:
            raise DataError(
                f"{other} and {path} are both probes on {named.encoder}, trained on "
                f"{named.train}, so that a table could not tell them apart. Score with "
                "one after the other."
            )
        made_from = {name: named.probe.metadata[name] for name in PROVENANCE}
        made_from["encoder"] = {**made_from["encoder"], "name": None}
        groups.setdefault(json.dumps(made_from, sort_keys=True), []).append(named)
    return [_reader(probes) for probes in groups.values()]


def _load(path: Path) -> NamedProbe:
    probe = load_head(path)
    if probe.metadata["kind"] not in kinds():
        raise DataError(
            f"{path} holds a {probe.metadata['kind']} head, not one of clip labels; "
            f"`dfprobe score` takes {' and '.join(kinds())} heads. Score "
            "with it in the workflow (`anomaly`)."
        )
    missing = [name for name in PROVENANCE if name not in probe.metadata]
    if missing:
        raise DataError(
            f"{path} does not say which rows it reads (it lacks {', '.join(missing)}): "
            "it comes from an older dfprobe. Run the workflow again, from the features "
            "stage on: nothing is encoded again."
        )
    encoder = probe.metadata["encoder"]
    if "source" in encoder:
        raise DataError(
            f"{path} was trained on feature files from outside (encoder "
            f"{encoder['name']}, {encoder['root']}), which dfprobe cannot make of a "
            "video. Score such features with the workflow."
        )
    return NamedProbe(path, probe, encoder["name"], probe.metadata["train_corpus"])


def _reader(probes: list[NamedProbe]) -> Reader:
    metadata = probes[0].probe.metadata
    settings = RowSettings.model_validate(metadata["settings"])
    spec = EncoderSpec(**metadata["encoder"])
    encoder = registry.build(spec, _DEVICE)
    for named in probes:
        _check(named, encoder)
    same = encoder_key(spec, encoder, settings) == metadata["encoder_key"]
    crops = None
    if needs_faces(encoder):
        crops = MadeCrops.model_validate(metadata["crops"])
        same = same and crops_key(crops) == crops.crops_key
    if not same:
        log.warning(
            "%s: the features that its probe was trained on were made by other code or "
            "in other arithmetic than here; scores may differ a little from those of "
            "that run",
            spec.name,
        )
    passes = passes_of(encoder, settings, None)
    return Reader(encoder, passes, settings.dtype, settings.trim, crops, probes)


def _check(named: NamedProbe, encoder: Encoder) -> None:
    trained_on = named.probe.dims[0], named.probe.metadata["weights_hash"]
    if trained_on != (encoder.dim, encoder.weights_hash):
        raise DataError(
            f"{named.path} was trained on rows of {trained_on[0]} from {named.encoder} "
            f"with weights {trained_on[1]}, but here that encoder gives rows of "
            f"{encoder.dim} with weights {encoder.weights_hash}. Put the weights there "
            "with which the probe was trained."
        )
