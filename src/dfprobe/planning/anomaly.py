"""Planning of the heads that learn from real clips alone: rows, pairs, specs."""

import json
from typing import Any

from dfprobe.planning import specs

Config = dict[str, Any]


def rows(config: Config) -> list[str]:
    """Names in paths of the rows of the anomaly table: ``a``, or ``a+b`` for a pair."""
    listed = config["anomaly"]["rows"] if config["anomaly"] is not None else []
    return ["+".join(row["streams"]) for row in listed]


def corpora(config: Config) -> list[str]:
    """Corpus that heads learn from whose training sees real clips alone, if any."""
    return [config["anomaly"]["corpus"]] if config["anomaly"] is not None else []


def pairs(config: Config) -> list[str]:
    """Rows of the anomaly table that are pairs: those that a sync head can read."""
    return [row for row in rows(config) if "+" in row]


def head_spec(config: Config, kind: str) -> str:
    """Spec of the training of a next-token or sync head, as sorted JSON."""
    options = dict(config["anomaly"][kind])
    settings = {
        "kind": kind,
        "seeds": [options.pop("seed")],
        "learning_rates": [options.pop("learning_rate")],
        **{name: options.pop(name) for name in ("max_epochs", "patience")},
    }
    return json.dumps(
        {**settings, "options": options, **config["training"]}, sort_keys=True
    )


def spec(config: Config) -> str:
    """Spec of the table of heads trained on real clips, as sorted JSON."""
    settings = config["anomaly"]
    listed = [
        {
            "name": name,
            "label": row["label"],
            "modality": specs.joint_modality(
                [config["encoders"][n] for n in row["streams"]]
            ),
            "streams": row["streams"],
        }
        for name, row in zip(rows(config), settings["rows"], strict=True)
    ]
    return json.dumps(
        {
            "head": specs.main_head(config),
            "real": settings["corpus"],
            "test": settings["test"],
            "supervised": supervised(config),
            "rows": listed,
        },
        sort_keys=True,
    )


def supervised(config: Config) -> dict[str, list[str]]:
    """Return, for each test corpus, the other corpora that heads learn from."""
    return {
        test: [train for train in config["train"] if train != test]
        for test in config["anomaly"]["test"]
    }
