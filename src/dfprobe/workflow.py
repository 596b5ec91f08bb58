"""What the rules need to know at planning time; imports nothing heavy.

Every function here is called while Snakemake reads the Snakefile or plans, also on each
cluster job, so the module must stay quick to import: no torch, no polars.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dfprobe.code import canonical_source, import_closure
from dfprobe.corpora.demo.listing import changes_since
from dfprobe.encoders import registry
from dfprobe.errors import ConfigError
from dfprobe.features.file_streams import MODALITIES, folder_of
from dfprobe.weights.records import found, missing

CODE_FOLDER = Path("results/code")

Config = dict[str, Any]


def stage_code(*modules: str) -> list[str]:
    """Files that stand for the code of a stage, to be listed as a rule's inputs.

    Each holds one module of the import closure of ``modules`` without comments,
    docstrings and layout, and is rewritten only when that changes: Snakemake compares
    contents, so an edited comment makes nothing stale and an edited statement names its
    module in the reason.

    Returns
    -------
    list of str
        Paths below ``results/code``, relative to the working directory.
    """
    return [str(_stamp(module)) for module in import_closure(modules)]


def _stamp(module: str) -> Path:
    path = CODE_FOLDER.joinpath(*module.split(".")).with_suffix(".py")
    source = canonical_source(module)
    if not path.exists() or path.read_text(encoding="utf-8") != source:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.draft")  # jobs may plan side by side
        draft.write_text(source, encoding="utf-8")
        draft.replace(path)
    return path


def shards(config: Config, corpus: str) -> list[str]:
    """Names of a corpus's shards: ``000``, ``001``, ..."""
    return [f"{shard:03d}" for shard in range(config["corpora"][corpus]["shards"])]


def used_corpora(config: Config) -> list[str]:
    """Corpora that are trained or tested on, in the order of the config."""
    used = {*config["train"], *config["test"]}
    return [name for name in config["corpora"] if name in used]


def demo_spec(config: Config, corpus: str) -> str:
    """Spec of the demo generator, as sorted JSON."""
    entry = config["corpora"][corpus]
    return _spec({name: entry[name] for name in ("layout", "root", "demo")})


def manifest_spec(config: Config, corpus: str) -> str:
    """Spec of the manifest stage, as sorted JSON."""
    names = ("layout", "root", "splits", "fakes", "shards", "content_key", "options")
    entry = config["corpora"][corpus]
    return _spec({name: entry[name] for name in names})


def crops_spec(config: Config) -> str:
    """Spec of the crops stage, as sorted JSON."""
    return _spec(config["crops"] | {"max_failed_share": config["max_failed_share"]})


def features_spec(config: Config, encoder: str) -> str:
    """Spec of the features stage, as sorted JSON."""
    entry = dict(config["encoders"][encoder], name=encoder)
    limit = {"max_failed_share": config["max_failed_share"]}
    if from_files(config, encoder):
        kept = ("name", "source", "stream", "root", "rate_hz", "first_row_s")
        entry = {name: entry[name] for name in kept}
        dtype = {"dtype": config["features"]["dtype"]}
        return _spec({"encoder": entry} | dtype | limit)
    # The label changes tables, not numbers; the others belong to feature files.
    for name in ("label", "source", "root", "rate_hz", "first_row_s"):
        entry.pop(name, None)
    trim = entry.pop("trim", None)
    trimming = {} if trim is None else {"trim": trim}
    return _spec({"encoder": entry} | config["features"] | trimming | limit)


def from_files(config: Config, encoder: str) -> bool:
    """Whether an encoder's rows are in feature files instead of being computed."""
    return config["encoders"][encoder]["family"] is None


def files_state(config: Config, encoder: str, corpus: str) -> str:
    """Digest of an encoder's feature files of a corpus, so that a new one is noticed.

    Returns
    -------
    str
        A digest; "not watched" where the corpus is not.
    """
    if not config["corpora"][corpus]["watch"]:
        return "not watched"
    folder = folder_of(config["encoders"][encoder]["root"], corpus)
    return _digest("\n".join(sorted(_states(Path(folder)))))


def features_gpus(config: Config, encoder: str) -> int:
    """GPUs that a features job of an encoder asks for: 1, or 0 where it uses none."""
    entry = config["encoders"][encoder]
    return int(entry["weights"] != "none" and _on_gpu(config["features"]["device"]))


def features_threads(config: Config) -> int:
    """Cores of a features job; beside a GPU several prepare clips for it."""
    return 4 if _on_gpu(config["features"]["device"]) else 1


def require_weights(config: Config, encoders: Iterable[str]) -> None:
    """Refuse to start jobs whose checkpoint files are not there, in one message.

    Hub ids are left to the jobs, which download them where there is a network.

    Parameters
    ----------
    config : dict
        The complete configuration.
    encoders : iterable of str
        Encoders whose features are to be computed.

    Raises
    ------
    ConfigError
        With each missing file, where it is published, where to put it, and the rows
        that wait for it.
    """
    waiting: dict[str, list[str]] = {}
    for name in sorted(set(encoders)):
        entry = config["encoders"][name]
        weights = entry["weights"]
        if registry.names_a_file(entry["family"], weights) and not found(weights):
            waiting.setdefault(weights, []).append(name)
    if waiting:
        messages = [missing(weights, rows) for weights, rows in waiting.items()]
        raise ConfigError("\n\n".join(["weights are missing:", *messages]))


def _on_gpu(device: str) -> bool:
    """Whether a device is a GPU, here; asking torch would take seconds."""
    if device != "auto":
        return device != "cpu"
    return any(Path("/dev").glob("nvidia[0-9]*"))


def probe_spec(config: Config) -> str:
    """Spec of the linear probe, as sorted JSON."""
    return _spec(config["probe"])


def matrix_spec(config: Config) -> str:
    """Spec of the aggregate stages: rows and columns of the tables, as sorted JSON."""
    encoders = [
        {
            "name": name,
            "label": entry["label"],
            "modality": _modality(entry),
            "weights": entry["weights"],
            **_untrimmed(config, name),
        }
        for name, entry in config["encoders"].items()
    ]
    return _spec(
        {
            "head": "linear",
            "encoders": encoders,
            "corpora": _corpus_labels(config),
            "train": config["train"],
            "test": config["test"],
        }
    )


def figure_spec(config: Config) -> str:
    """Spec of the picture of the matrix: labels of its columns, as sorted JSON."""
    return _spec({"corpora": _corpus_labels(config)})


def _corpus_labels(config: Config) -> dict[str, str]:
    return {name: config["corpora"][name]["label"] for name in used_corpora(config)}


def _untrimmed(config: Config, name: str) -> dict[str, str]:
    """Row of the same encoder on whole clips, for one that has its clips trimmed."""
    entry = config["encoders"][name]
    if entry.get("trim") is None:
        return {}
    whole = entry | {"trim": None, "label": None}
    for other, candidate in config["encoders"].items():
        if candidate | {"label": None} == whole:
            return {"untrimmed": other}
    return {}


def _modality(entry: dict[str, Any]) -> str:
    if entry["family"] is None:
        return MODALITIES[entry["stream"]]
    return registry.modality(entry["family"], entry["stream"])


def audit_spec(config: Config, corpus: str) -> str:
    """Spec of the audit of a corpus, as sorted JSON."""
    entry = config["corpora"][corpus]
    names = ("label", "layout", "root", "options")
    return _spec({name: entry[name] for name in names})


def corpus_state(config: Config, corpus: str) -> str:
    """Digest of the files of a corpus, so that a file that came or went is noticed.

    A generated corpus is compared with the generator's own list, and gives a constant
    as long as nobody touched it (also before it was generated).

    Returns
    -------
    str
        A digest, or "not watched".
    """
    entry = config["corpora"][corpus]
    if not entry["watch"]:
        return "not watched"
    if entry["demo"] is not None:
        listing = Path(demo_listing(corpus))
        return _digest(changes_since(listing, listing.with_suffix("")))
    folders = [entry["root"], *([entry["splits"]] if entry["splits"] else [])]
    lines = [line for folder in folders for line in _states(Path(folder))]
    return _digest("\n".join(sorted(lines)))


def demo_listing(corpus: str) -> str:
    """File that lists a generated corpus; beside it lies the folder of its files."""
    return f"results/demo/{corpus}.tsv"


def _states(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            state = path.lstat()
            yield f"{path.as_posix()}\t{state.st_size}\t{state.st_mtime_ns}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _spec(parts: Config) -> str:
    return json.dumps(parts, sort_keys=True)
