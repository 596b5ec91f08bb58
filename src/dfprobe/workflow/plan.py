"""What the rules need to know at planning time; imports nothing heavy.

Every function here is called while Snakemake reads the Snakefile or plans, also on each
cluster job, so the module must stay quick to import: no torch, no polars.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dfprobe.code import canonical_source, import_closure
from dfprobe.corpora.demo.listing import changes_since
from dfprobe.encoders import registry
from dfprobe.errors import ConfigError
from dfprobe.features.file_streams import MODALITIES, folder_of
from dfprobe.heads.settings import SETTINGS
from dfprobe.weights.records import found, missing

CODE_FOLDER = Path("results/code")

Config = dict[str, Any]

_outdated: set[str] | None = None  # filled instead of rewriting stamps, `keep_stamps`


@contextmanager
def keep_stamps() -> Iterator[set[str]]:
    """Change no code stamp that is there; give the paths of those out of date.

    For whoever plans only to look: the jobs of a run that is going on note the stamps
    as they are when they end. A stamp that is not there yet is written.
    """
    global _outdated
    _outdated = set()
    try:
        yield _outdated
    finally:
        _outdated = None


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


def stage_code_list(*modules: str) -> str:
    """One file that stands for the code of a stage of thousands of jobs.

    It lists each module of the import closure with its digest. Snakemake spends a third
    of the planning of a large run on the inputs of `stage_code`; the price of one input
    is that the reason names the stage, not the module that was edited.

    Returns
    -------
    str
        Path below ``results/code``, named after ``modules``.
    """
    sources = {name: canonical_source(name) for name in import_closure(modules)}
    lines = [f"{name} {_digest(source)}\n" for name, source in sources.items()]
    path = CODE_FOLDER / f"{'+'.join(modules)}.txt"
    return str(_written(path, "".join(lines)))


def stage_data(name: str) -> str:
    """File that stands for a data file of the package, see `stage_code`.

    Parameters
    ----------
    name : str
        Path below the package, e.g. ``evaluation/paper_tables.csv``.
    """
    content = (Path(__file__).parents[1] / name).read_text(encoding="utf-8")
    return str(_written(CODE_FOLDER / "dfprobe" / name, content))


def _stamp(module: str) -> Path:
    path = CODE_FOLDER.joinpath(*module.split(".")).with_suffix(".py")
    return _written(path, canonical_source(module))


def _written(path: Path, source: str) -> Path:
    """Write a file unless it holds this already."""
    present = path.exists()
    if present and path.read_text(encoding="utf-8") == source:
        return path
    if present and _outdated is not None:
        _outdated.add(str(path))
    else:
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
    if config["anomaly"] is not None:
        used.add(config["anomaly"]["corpus"])
    return [name for name in config["corpora"] if name in used]


def labelled_corpora(config: Config) -> list[str]:
    """Corpora that heads on clip labels are trained or tested on."""
    return [n for n in config["corpora"] if n in {*config["train"], *config["test"]}]


def encoded_on(config: Config, corpus: str) -> list[str]:
    """Return the encoders whose features of a corpus are needed, in their order."""
    if corpus in {*config["train"], *config["test"]}:
        return list(config["encoders"])
    streams = {name for row in anomaly_rows(config) for name in row.split("+")}
    return [name for name in config["encoders"] if name in streams]


def heads_of(config: Config, entry: str) -> list[str]:
    """Heads of an entry of ``heads``, one a seed: its name, then ``name-s44``, ..."""
    _, *others = config["heads"][entry]["seeds"]
    return [entry, *(f"{entry}-s{seed}" for seed in others)]


def anomaly_rows(config: Config) -> list[str]:
    """Names in paths of the rows of the anomaly table: ``a``, or ``a+b`` for a pair."""
    rows = config["anomaly"]["rows"] if config["anomaly"] is not None else []
    return ["+".join(row["streams"]) for row in rows]


def anomaly_corpora(config: Config) -> list[str]:
    """Corpus that heads learn from whose training sees real clips alone, if any."""
    return [config["anomaly"]["corpus"]] if config["anomaly"] is not None else []


def anomaly_pairs(config: Config) -> list[str]:
    """Rows of the anomaly table that are pairs: those that a sync head can read."""
    return [row for row in anomaly_rows(config) if "+" in row]


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


def training_gpus(config: Config, kind: str) -> int:
    """GPUs that a training job asks for; linear probes use one only where told to."""
    device = config["training"]["device"]
    return int(_on_gpu(device) and (kind, device) != ("linear", "auto"))


def features_threads(config: Config) -> int:
    """Cores of a features job; beside a GPU several prepare clips for it."""
    return 4 if _on_gpu(config["features"]["device"]) else 1


def features_memory_mb(config: Config, encoder: str) -> int:
    """Memory of a features job of an encoder, in MB.

    The largest published checkpoint has 8.65 GB and is read whole; without one, jobs
    have been measured at 0.6 GB and less.
    """
    return 2000 if config["encoders"][encoder]["weights"] == "none" else 16000


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


def head_spec(config: Config, entry: str) -> str:
    """Spec of the training of an entry of ``heads``, as sorted JSON."""
    settings = dict(config["heads"][entry])
    for name in ("setting", "encoders"):  # resolved, and of no meaning to one job
        del settings[name]
    return _spec(settings | config["training"])


def layered(config: Config) -> list[str]:
    """Return the encoders whose hidden layers are probed one by one."""
    return [name for name, e in config["encoders"].items() if e["layer"] == "all"]


def layers_spec(config: Config, encoder: str) -> str:
    """Spec of the probes of an encoder's layers, as sorted JSON."""
    head = {
        **{"seeds": [43], "class_weights": "none", "options": {}},
        **SETTINGS["paper"],
        **config["training"],
    }
    parts = {"encoder": encoder, "train": config["train"], "test": config["test"]}
    return _spec(parts | {"head": head})


def layers_figure_spec(config: Config, encoder: str) -> str:
    """Spec of the picture of an encoder's layers: labels, as sorted JSON."""
    label = config["encoders"][encoder]["label"]
    return _spec({"corpora": _corpus_labels(config), "label": label})


def anomaly_head_spec(config: Config, kind: str) -> str:
    """Spec of the training of a next-token or sync head, as sorted JSON."""
    options = dict(config["anomaly"][kind])
    settings = {
        "kind": kind,
        "seeds": [options.pop("seed")],
        "learning_rates": [options.pop("learning_rate")],
        **{name: options.pop(name) for name in ("max_epochs", "patience")},
    }
    return _spec({**settings, "options": options, **config["training"]})


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
            "heads": _head_names(config),
            "encoders": encoders,
            "corpora": _corpus_labels(config),
            "train": config["train"],
            "test": config["test"],
        }
    )


def _head_names(config: Config) -> list[dict[str, Any]]:
    """Heads of the tables, the one of the matrix first."""
    return [
        {"name": name, "entry": entry, "seed": seed, "encoders": head["encoders"]}
        for entry, head in config["heads"].items()
        for name, seed in zip(heads_of(config, entry), head["seeds"], strict=True)
    ]


def anomaly_spec(config: Config) -> str:
    """Spec of the table of heads trained on real clips, as sorted JSON."""
    anomaly = config["anomaly"]
    rows = [
        {
            "name": name,
            "label": row["label"],
            "modality": _joint_modality(
                [config["encoders"][n] for n in row["streams"]]
            ),
            "streams": row["streams"],
        }
        for name, row in zip(anomaly_rows(config), anomaly["rows"], strict=True)
    ]
    return _spec(
        {
            "head": main_head(config),
            "real": anomaly["corpus"],
            "test": anomaly["test"],
            "supervised": supervised(config),
            "rows": rows,
        }
    )


def supervised(config: Config) -> dict[str, list[str]]:
    """Return, for each test corpus, the other corpora that heads learn from."""
    return {
        test: [train for train in config["train"] if train != test]
        for test in config["anomaly"]["test"]
    }


def main_head(config: Config) -> str:
    """Head of the matrix."""
    return next(iter(config["heads"]))


def detectors_spec(config: Config) -> str:
    """Spec of the table of detectors: our heads and those from outside."""
    return _spec(
        {
            "head": main_head(config),
            "train": detectors_train(config),
            "test": config["test"],
            "encoders": [
                {"name": name, "label": entry["label"]}
                for name, entry in config["encoders"].items()
            ],
            "external": [
                {
                    "name": name,
                    "label": entry["label"] or name,
                    "trained_on": entry["trained_on"],
                    "test": [
                        test for test in config["test"] if test in entry["scores"]
                    ],
                }
                for name, entry in config["external"].items()
            ],
        }
    )


def detectors_train(config: Config) -> str:
    """Corpus that our heads in the table of detectors learned from: the last one."""
    return str(config["train"][-1])


def paper_spec(config: Config) -> str:
    """Spec of the comparison with the paper's tables, as sorted JSON."""
    corpora = {
        name: {
            "label": config["corpora"][name]["label"],
            "demo": config["corpora"][name]["demo"] is not None,
        }
        for name in used_corpora(config)
    }
    encoders = [
        {"name": name, "label": entry["label"], "weights": entry["weights"]}
        for name, entry in config["encoders"].items()
    ]
    rows = config["anomaly"]["rows"] if config["anomaly"] is not None else []
    return _spec(
        {
            "head": main_head(config),
            "encoders": encoders,
            "corpora": corpora,
            "rows": [
                {"name": name, "streams": row["streams"]}
                for name, row in zip(anomaly_rows(config), rows, strict=True)
            ],
        }
    )


def figure_spec(config: Config) -> str:
    """Spec of the picture of the matrix: labels of its columns, as sorted JSON."""
    return _spec({"corpora": _corpus_labels(config)})


def curves_spec(config: Config) -> str:
    """Spec of the figure of training curves: labels, and when training ends."""
    anomaly = config["anomaly"] or {"rows": []}
    kinds = ("next_token", "sync") if config["anomaly"] is not None else ()
    entries = config["heads"] | {kind: anomaly[kind] for kind in kinds}
    rows = zip(anomaly_rows(config), anomaly["rows"], strict=True)
    encoders = {name: entry["label"] for name, entry in config["encoders"].items()}
    labels = encoders | {name: row["label"] for name, row in rows if "+" in name}
    heads = {
        name: {key: entry[key] for key in ("max_epochs", "patience")}
        for name, entry in entries.items()
    }
    trained = {*config["train"], *anomaly_corpora(config)}
    corpora = {n: c for n, c in _corpus_labels(config).items() if n in trained}
    parts = {"rows": labels, "corpora": corpora, "heads": heads}
    return json.dumps(parts)  # not sorted: their order is that of the figure


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


def _joint_modality(entries: list[dict[str, Any]]) -> str:
    kinds = {_modality(entry) for entry in entries}
    return kinds.pop() if len(kinds) == 1 else "audio-visual"


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
