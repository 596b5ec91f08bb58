"""What the encoders of a configuration need, and whether it is there."""

from collections.abc import Iterator
from pathlib import Path

from dfprobe.doctor.findings import Finding
from dfprobe.encoders import registry
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.memory import pass_bytes, weights_bytes
from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.windows import Limits
from dfprobe.errors import DfprobeError
from dfprobe.features.passes import batch_rows_on, precision_on
from dfprobe.planning import specs
from dfprobe.settings.config import Config
from dfprobe.settings.encoders import FeatureFiles
from dfprobe.settings.file_streams import folder_of
from dfprobe.settings.stage_specs.features import FeaturesSpec
from dfprobe.weights.records import fault, found, missing, record_name, records

HEADERS = (
    *("encoder", "weights", "device", "arithmetic", "rows/s", "dim", "weights GB"),
    "largest pass GB",
)
_NOT_KNOWN = "-"


def check_encoders(config: Config) -> Iterator[Finding]:
    """Build each encoder as the features stage does; one finding each.

    Weights that are missing are one problem for all the rows that wait for them.
    """
    computed = specs.computed_encoders(config)
    told: set[str] = set()
    for name, entry in config.encoders.items():
        if isinstance(entry, FeatureFiles):
            yield _from_files(config, name, entry.root)
            continue
        if _is_described(entry.weights) or found(entry.weights):
            yield _built(specs.features_spec(config, name))
            continue
        rows = [n for n, other in computed.items() if other.weights == entry.weights]
        problem = "" if entry.weights in told else missing(entry.weights, rows)
        told.add(entry.weights)
        yield Finding(_row(name, "missing"), problem, ok=False)


def _from_files(config: Config, name: str, root: str) -> Finding:
    """Look for the folders of feature files of the corpora that are used."""
    folders = {folder_of(root, corpus) for corpus in specs.used_corpora(config)}
    absent = sorted(folder for folder in folders if not Path(folder).is_dir())
    if not absent:
        return Finding(_row(name, "files"))
    problem = f"encoder {name}: no folder with feature files: {', '.join(absent)}."
    return Finding(_row(name, "missing"), problem, ok=False)


def _built(settings: FeaturesSpec) -> Finding:
    spec = settings.encoder
    wrong = None
    record = records().get(record_name(spec.weights))
    if record is not None:
        wrong = fault(record, hashed=True)
    try:
        encoder = registry.build(spec, settings.device)
    except DfprobeError as error:
        return Finding(_row(spec.name, "do not load"), str(error), ok=False)
    state = spec.weights if _is_described(spec.weights) else "found"
    cells = _row(spec.name, wrong.state if wrong else state, *_facts(encoder, settings))
    return Finding(cells, wrong.message if wrong else "", ok=wrong is None)


def _facts(encoder: Encoder, settings: FeaturesSpec) -> tuple[str, ...]:
    """Device, arithmetic, rate, length of a row and memory."""
    rows = f"{encoder.rate_hz:g}", str(encoder.dim)
    if not isinstance(encoder, ModelEncoder):
        return "cpu", "float64", *rows, _NOT_KNOWN, _NOT_KNOWN
    device = encoder.device
    limits = Limits(
        batch_rows_on(device, settings.batch_rows),
        settings.window_s,
        settings.overlap_s,
    )
    memory = weights_bytes(encoder), pass_bytes(encoder, limits)
    return (
        str(device),
        precision_on(device, settings.precision),
        *rows,
        *(f"{size / 1e9:.2f}" for size in memory),
    )


def _row(name: str, state: str, *facts: str) -> tuple[str, ...]:
    cells = (name, state, *facts)
    return cells + (_NOT_KNOWN,) * (len(HEADERS) - len(cells))


def _is_described(weights: str) -> bool:
    return weights in ("none", "random")
