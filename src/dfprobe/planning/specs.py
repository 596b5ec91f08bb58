"""What the rules need to know of the config: names, and the specs of single jobs.

Every function of this package is called while Snakemake reads the Snakefile or plans,
also on each cluster job, so it must stay quick to import: no torch, no polars.
"""

import json
from dataclasses import asdict
from typing import Any

from dfprobe.settings import encoder_families
from dfprobe.settings.file_streams import MODALITIES
from dfprobe.settings.head_kinds import PRESETS

Config = dict[str, Any]


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
    rows = config["anomaly"]["rows"] if config["anomaly"] is not None else []
    streams = {name for row in rows for name in row["streams"]}
    return [name for name in config["encoders"] if name in streams]


def layered(config: Config) -> list[str]:
    """Return the encoders whose hidden layers are probed one by one."""
    return [name for name, e in config["encoders"].items() if e["layer"] == "all"]


def from_files(config: Config, encoder: str) -> bool:
    """Whether an encoder's rows are in feature files instead of being computed."""
    return config["encoders"][encoder]["family"] is None


def heads_of(config: Config, entry: str) -> list[str]:
    """Heads of an entry of ``heads``, one a seed: its name, then ``name-s44``, ..."""
    _, *others = config["heads"][entry]["seeds"]
    return [entry, *(f"{entry}-s{seed}" for seed in others)]


def main_head(config: Config) -> str:
    """Head of the matrix."""
    return next(iter(config["heads"]))


def demo_spec(config: Config, corpus: str) -> str:
    """Spec of the demo generator, as sorted JSON."""
    entry = config["corpora"][corpus]
    return json.dumps(
        {name: entry[name] for name in ("layout", "root", "demo")}, sort_keys=True
    )


def manifest_spec(config: Config, corpus: str) -> str:
    """Spec of the manifest stage, as sorted JSON."""
    names = ("layout", "root", "splits", "fakes", "shards", "content_key", "options")
    entry = config["corpora"][corpus]
    return json.dumps({name: entry[name] for name in names}, sort_keys=True)


def audit_spec(config: Config, corpus: str) -> str:
    """Spec of the audit of a corpus, as sorted JSON."""
    entry = config["corpora"][corpus]
    names = ("label", "layout", "root", "options")
    return json.dumps({name: entry[name] for name in names}, sort_keys=True)


def crops_spec(config: Config) -> str:
    """Spec of the crops stage, as sorted JSON."""
    return json.dumps(
        config["crops"] | {"max_failed_share": config["max_failed_share"]},
        sort_keys=True,
    )


def features_spec(config: Config, encoder: str) -> str:
    """Spec of the features stage, as sorted JSON."""
    entry = dict(config["encoders"][encoder], name=encoder)
    limit = {"max_failed_share": config["max_failed_share"]}
    if from_files(config, encoder):
        kept = ("name", "source", "stream", "root", "rate_hz", "first_row_s")
        entry = {name: entry[name] for name in kept}
        dtype = {"dtype": config["features"]["dtype"]}
        return json.dumps({"encoder": entry} | dtype | limit, sort_keys=True)
    # The label changes tables, not numbers; the others belong to feature files.
    for name in ("label", "source", "root", "rate_hz", "first_row_s"):
        entry.pop(name, None)
    trim = entry.pop("trim", None)
    trimming = {} if trim is None else {"trim": trim}
    return json.dumps(
        {"encoder": entry} | config["features"] | trimming | limit, sort_keys=True
    )


def head_spec(config: Config, entry: str) -> str:
    """Spec of the training of an entry of ``heads``, as sorted JSON."""
    settings = dict(config["heads"][entry])
    for name in ("setting", "encoders"):  # resolved, and of no meaning to one job
        del settings[name]
    return json.dumps(settings | config["training"], sort_keys=True)


def layers_spec(config: Config, encoder: str) -> str:
    """Spec of the probes of an encoder's layers, as sorted JSON."""
    head = {
        **{"seeds": [43], "class_weights": "none", "options": {}},
        **asdict(PRESETS["paper"]),
        **config["training"],
    }
    parts = {"encoder": encoder, "train": config["train"], "test": config["test"]}
    return json.dumps(parts | {"head": head}, sort_keys=True)


def corpus_labels(config: Config) -> dict[str, str]:
    """Labels of the corpora that are used, by their names."""
    return {name: config["corpora"][name]["label"] for name in used_corpora(config)}


def modality(entry: dict[str, Any]) -> str:
    """Modality of an encoder, by its entry of the config: ``audio``, ``video``, ..."""
    if entry["family"] is None:
        return MODALITIES[entry["stream"]]
    return encoder_families.modality(entry["family"], entry["stream"])


def joint_modality(entries: list[dict[str, Any]]) -> str:
    """Modality of encoders that are read together."""
    kinds = {modality(entry) for entry in entries}
    return kinds.pop() if len(kinds) == 1 else "audio-visual"
