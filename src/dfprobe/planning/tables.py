"""Specs of the tables over all encoders and of their figures: rows, columns, labels."""

import json
from typing import Any

from dfprobe.planning import anomaly, specs

Config = dict[str, Any]


def matrix_spec(config: Config) -> str:
    """Spec of the aggregate stages: rows and columns of the tables, as sorted JSON."""
    encoders = [
        {
            "name": name,
            "label": entry["label"],
            "modality": specs.modality(entry),
            "weights": entry["weights"],
            **_untrimmed(config, name),
        }
        for name, entry in config["encoders"].items()
    ]
    return json.dumps(
        {
            "heads": _head_names(config),
            "encoders": encoders,
            "corpora": specs.corpus_labels(config),
            "train": config["train"],
            "test": config["test"],
        },
        sort_keys=True,
    )


def _head_names(config: Config) -> list[dict[str, Any]]:
    """Heads of the tables, the one of the matrix first."""
    return [
        {"name": name, "entry": entry, "seed": seed, "encoders": head["encoders"]}
        for entry, head in config["heads"].items()
        for name, seed in zip(specs.heads_of(config, entry), head["seeds"], strict=True)
    ]


def detectors_spec(config: Config) -> str:
    """Spec of the table of detectors: our heads and those from outside."""
    return json.dumps(
        {
            "head": specs.main_head(config),
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
        },
        sort_keys=True,
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
        for name in specs.used_corpora(config)
    }
    encoders = [
        {"name": name, "label": entry["label"], "weights": entry["weights"]}
        for name, entry in config["encoders"].items()
    ]
    rows = config["anomaly"]["rows"] if config["anomaly"] is not None else []
    return json.dumps(
        {
            "head": specs.main_head(config),
            "encoders": encoders,
            "corpora": corpora,
            "rows": [
                {"name": name, "streams": row["streams"]}
                for name, row in zip(anomaly.rows(config), rows, strict=True)
            ],
        },
        sort_keys=True,
    )


def figure_spec(config: Config) -> str:
    """Spec of the picture of the matrix: labels of its columns, as sorted JSON."""
    return json.dumps({"corpora": specs.corpus_labels(config)}, sort_keys=True)


def curves_spec(config: Config) -> str:
    """Spec of the figure of training curves: labels, and when training ends."""
    learning = config["anomaly"] or {"rows": []}
    kinds = ("next_token", "sync") if config["anomaly"] is not None else ()
    entries = config["heads"] | {kind: learning[kind] for kind in kinds}
    rows = zip(anomaly.rows(config), learning["rows"], strict=True)
    encoders = {name: entry["label"] for name, entry in config["encoders"].items()}
    labels = encoders | {name: row["label"] for name, row in rows if "+" in name}
    heads = {
        name: {key: entry[key] for key in ("max_epochs", "patience")}
        for name, entry in entries.items()
    }
    trained = {*config["train"], *anomaly.corpora(config)}
    corpora = {n: c for n, c in specs.corpus_labels(config).items() if n in trained}
    parts = {"rows": labels, "corpora": corpora, "heads": heads}
    return json.dumps(parts)  # not sorted: their order is that of the figure


def layers_figure_spec(config: Config, encoder: str) -> str:
    """Spec of the picture of an encoder's layers: labels, as sorted JSON."""
    label = config["encoders"][encoder]["label"]
    return json.dumps(
        {"corpora": specs.corpus_labels(config), "label": label}, sort_keys=True
    )


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
