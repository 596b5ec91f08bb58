"""Planning of the temporal explanations: tables over all heads, figures, panels."""

import json
from typing import Any

from dfprobe.planning import anomaly, specs, tables

Config = dict[str, Any]

# Layouts whose manifests say when a clip is manipulated.
_WITH_SEGMENTS = {"av_deepfake1m", "av_deepfake1m_pp", "lav_df"}


def localised(config: Config) -> list[str]:
    """Test corpora whose layout gives fake segments, in the order of the config."""
    corpora = config["corpora"]
    return [n for n in config["test"] if corpora[n]["layout"] in _WITH_SEGMENTS]


def curve_files(config: Config) -> list[str]:
    """Curves of all heads on all test corpora."""
    return _files(config, "curves")


def score_files(config: Config) -> list[str]:
    """Scores by the same heads, in the same order."""
    return _files(config, "scores")


def panel_curves(config: Config, test: str) -> list[str]:
    """Curves of the head of the matrix on one corpus, trained on `panel_train`."""
    train = panel_train(config, test)
    return [
        f"results/curves/{specs.main_head(config)}/{encoder}/{train}/{test}.parquet"
        for encoder in config["encoders"]
    ]


def panel_train(config: Config, test: str) -> str:
    """Corpus that the head of the panels learned from: the one tested on, if it can."""
    train: list[str] = config["train"]
    return test if test in train else train[-1]


def tables_spec(config: Config) -> str:
    """Spec of the tables of localisation and of the first moments, as sorted JSON."""
    return _spec(
        {
            "heads": _heads(config),
            "encoders": _encoders(config),
            "test": config["test"],
            "localised": localised(config),
        }
    )


def figures_spec(config: Config) -> str:
    """Spec of both summary figures: what they show, and labels, as sorted JSON."""
    corpora = {n: config["corpora"][n]["label"] for n in specs.used_corpora(config)}
    return _spec({"head": specs.main_head(config), "corpora": corpora})


def panels_spec(config: Config, test: str) -> str:
    """Spec of the panels of one corpus, as sorted JSON."""
    return _spec(
        {
            "head": specs.main_head(config),
            "train": panel_train(config, test),
            "test": test,
            "label": config["corpora"][test]["label"],
            "encoders": {name: _encoders(config)[name] for name in config["encoders"]},
            "clips": config["temporal"]["clips"].get(test, []),
        }
    )


def _files(config: Config, folder: str) -> list[str]:
    return [
        f"results/{folder}/{head['name']}/{encoder}/{train}/{test}.parquet"
        for head in _heads(config)
        for encoder in head["encoders"]
        for train in head["train"]
        for test in head["test"]
    ]


def _heads(config: Config) -> list[dict[str, Any]]:
    """All heads with curves; of those on real clips, only sync takes a log-sum-exp."""
    labelled = [
        {
            "name": name,
            "encoders": head["encoders"],
            "train": config["train"],
            "test": config["test"],
            "log_sum_exp": True,
        }
        for entry, head in config["heads"].items()
        for name in specs.heads_of(config, entry)
    ]
    rows = {
        "next_token": anomaly.rows(config),
        "sync": anomaly.pairs(config),
    }
    unlabelled = [
        {
            "name": name,
            "encoders": rows[name],
            "train": anomaly.corpora(config),
            "test": config["anomaly"]["test"],
            "log_sum_exp": name == "sync",
        }
        for name in rows
        if rows[name]
    ]
    return [*labelled, *unlabelled]


def _encoders(config: Config) -> dict[str, dict[str, Any]]:
    """Say what the tables show of each encoder and row of the anomaly table."""
    rows = json.loads(tables.matrix_spec(config))["encoders"]
    if config["anomaly"] is not None:
        rows += json.loads(anomaly.spec(config))["rows"]
    trimmed = {n for n, e in config["encoders"].items() if e.get("trim") is not None}
    return {
        row["name"]: {
            "label": row["label"],
            "modality": row["modality"],
            "trimmed": not trimmed.isdisjoint(row.get("streams", [row["name"]])),
        }
        for row in reversed(rows)  # an encoder's own entry wins over that of a row
    }


def _spec(parts: Config) -> str:
    return json.dumps(parts, sort_keys=True)
