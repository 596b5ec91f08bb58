"""What the encoders of a configuration need, and whether it is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dfprobe.doctor.findings import Finding
from dfprobe.encoders import registry
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.memory import pass_bytes, weights_bytes
from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.windows import Limits
from dfprobe.errors import DfprobeError
from dfprobe.features.passes import batch_rows_on, precision_on
from dfprobe.planning import specs
from dfprobe.settings.file_streams import folder_of
from dfprobe.settings.specs import EncoderSpec
from dfprobe.weights.records import fault, found, missing, record_name, records

HEADERS = (
    *("encoder", "weights", "device", "arithmetic", "rows/s", "dim", "weights GB"),
    "largest pass GB",
)
_NOT_KNOWN = "-"


def check_encoders(config: dict[str, Any]) -> Iterator[Finding]:
    """Build each encoder as the features stage does; one finding each.

    Weights that are missing are one problem for all the rows that wait for them.

    Parameters
    ----------
    config : dict
        The complete configuration.
    """
    waiting: dict[str, list[str]] = {}
    computed = [n for n in config["encoders"] if not specs.from_files(config, n)]
    for name in computed:
        entry = config["encoders"][name]
        if not _is_described(entry["weights"]) and not found(entry["weights"]):
            waiting.setdefault(entry["weights"], []).append(name)
    told: set[str] = set()
    for name in config["encoders"]:
        if name not in computed:
            yield _from_files(config, name)
            continue
        spec = json.loads(specs.features_spec(config, name))
        encoder = EncoderSpec(**spec.pop("encoder"))
        if encoder.weights not in waiting:
            yield _built(encoder, spec)
            continue
        rows = waiting[encoder.weights]
        problem = "" if encoder.weights in told else missing(encoder.weights, rows)
        told.add(encoder.weights)
        yield Finding(_row(name, "missing"), problem, ok=False)


def _from_files(config: dict[str, Any], name: str) -> Finding:
    """Look for the folders of feature files of the corpora that are used."""
    root = config["encoders"][name]["root"]
    folders = {folder_of(root, corpus) for corpus in specs.used_corpora(config)}
    absent = sorted(folder for folder in folders if not Path(folder).is_dir())
    if not absent:
        return Finding(_row(name, "files"))
    problem = f"encoder {name}: no folder with feature files: {', '.join(absent)}."
    return Finding(_row(name, "missing"), problem, ok=False)


def _built(spec: EncoderSpec, settings: dict[str, Any]) -> Finding:
    wrong = None
    record = records().get(record_name(spec.weights))
    if record is not None:
        wrong = fault(record, hashed=True)
    try:
        encoder = registry.build(spec, settings["device"])
    except DfprobeError as error:
        return Finding(_row(spec.name, "do not load"), str(error), ok=False)
    state = spec.weights if _is_described(spec.weights) else "found"
    cells = _row(spec.name, wrong.state if wrong else state, *_facts(encoder, settings))
    return Finding(cells, wrong.message if wrong else "", ok=wrong is None)


def _facts(encoder: Encoder, settings: dict[str, Any]) -> tuple[str, ...]:
    """Device, arithmetic, rate, length of a row and memory."""
    rows = f"{encoder.rate_hz:g}", str(encoder.dim)
    if not isinstance(encoder, ModelEncoder):
        return "cpu", "float64", *rows, _NOT_KNOWN, _NOT_KNOWN
    device = encoder.device
    limits = Limits(
        batch_rows_on(device, settings["batch_rows"]),
        settings["window_s"],
        settings["overlap_s"],
    )
    memory = weights_bytes(encoder), pass_bytes(encoder, limits)
    return (
        str(device),
        precision_on(device, settings["precision"]),
        *rows,
        *(f"{size / 1e9:.2f}" for size in memory),
    )


def _row(name: str, state: str, *facts: str) -> tuple[str, ...]:
    cells = (name, state, *facts)
    return cells + (_NOT_KNOWN,) * (len(HEADERS) - len(cells))


def _is_described(weights: str) -> bool:
    return weights in ("none", "random")
