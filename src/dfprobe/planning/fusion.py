"""What the rules of fusion need to know at planning time."""

import json
from typing import Any

from dfprobe.planning import specs

Config = dict[str, Any]

TABLES = [
    f"results/fusion/{name}.csv" for name in ("correlation", "sets", "improvement")
]


def products(config: Config) -> list[str]:
    """Tables and figure of fusion, and the tables for papers."""
    figures = [f"results/figures/fusion.{kind}" for kind in ("png", "svg", "pdf")]
    return [*TABLES, *figures, *tex_tables(config)]


def val_scores(config: Config) -> list[str]:
    """Scores of the validation clips by the head of the matrix."""
    return [
        f"results/heads/{specs.main_head(config)}/{encoder}/{train}.val.parquet"
        for encoder in config["encoders"]
        for train in config["train"]
    ]


def fusion_spec(config: Config) -> str:
    """Spec of the tables of fusion, as sorted JSON; no label is in it."""
    return _spec(
        {
            "head": specs.main_head(config),
            "encoders": list(config["encoders"]),
            "train": config["train"],
            "test": config["test"],
            "sets": config["fusion"]["sets"],
        }
    )


def figure_spec(config: Config) -> str:
    """Spec of the figure: which corpora it is about, and labels.

    Without a choice in the config it is, as in the paper, the training corpus named
    last, tested on the first other corpus, if there is one.
    """
    train, test = _figure(config)
    corpora = {n: config["corpora"][n]["label"] for n in (train, test)}
    encoders = {n: entry["label"] for n, entry in config["encoders"].items()}
    parts = {"train": train, "test": test, "corpora": corpora, "encoders": encoders}
    return json.dumps(parts)  # not sorted: the order of encoders is that of the figure


def tex_tables(config: Config) -> list[str]:
    """Tables for papers: of the matrix, of fusion, of the heads on real clips."""
    names = ["matrix", "fusion", *(["anomaly"] if config["anomaly"] else [])]
    return [f"results/tables/{name}.tex" for name in names]


def _figure(config: Config) -> tuple[str, str]:
    chosen = config["fusion"]["figure"]
    if chosen is not None:
        return chosen["train"], chosen["test"]
    train = config["train"][-1]
    others = [name for name in config["test"] if name != train]
    return train, (others or config["test"])[0]


def _spec(parts: Config) -> str:
    return json.dumps(parts, sort_keys=True)
