"""What the workflow asks of the spatial explanations."""

import json
from pathlib import Path
from typing import Any

from dfprobe.planning.specs import features_spec, head_spec

Config = dict[str, Any]


def explained_head(config: Config) -> str:
    """Head whose logits are explained: the first linear one."""
    return next(
        name for name, head in config["heads"].items() if head["kind"] == "linear"
    )


def explained(config: Config) -> list[tuple[str, str, str]]:
    """List the encoder, training corpus and test corpus of each file of maps."""
    spatial = config["spatial"]
    if spatial is None:
        return []
    return [
        (encoder, spatial["train"], test)
        for encoder in spatial["encoders"]
        for test in spatial["test"]
    ]


def map_files(config: Config) -> list[str]:
    """Return all files of maps."""
    return [
        f"results/spatial/{encoder}/{train}/{test}.parquet"
        for encoder, train, test in explained(config)
    ]


def checked(config: Config) -> bool:
    """Whether a probe is trained on shuffled labels, and an encoder made at random."""
    return config["spatial"] is not None and config["spatial"]["checks"]


def explain_spec(config: Config, encoder: str) -> str:
    """Spec of the maps of an encoder, as sorted JSON."""
    settings = json.loads(features_spec(config, encoder))
    for name in ("dtype", "precision", "max_failed_share"):  # maps are in float32
        del settings[name]
    spatial = {key: config["spatial"][key] for key in _SETTINGS}
    head = json.loads(head_spec(config, explained_head(config)))
    head["seeds"] = head["seeds"][:1]
    checks = {"head": head} if checked(config) else {}
    return json.dumps(settings | spatial | checks, sort_keys=True)


_SETTINGS = ("frames", "clips", "seed", "checks")


TABLES = (
    "results/explain/spatial.csv",
    "results/explain/spatial_confidence.csv",
    "results/explain/spatial_points.parquet",
    "results/explain/sanity.csv",
)
_FIGURE = "results/figures/spatial"
_KINDS = ("png", "svg", "pdf")


def explained_tests(config: Config) -> list[str]:
    """Test corpora whose frames are explained."""
    return list(config["spatial"]["test"]) if config["spatial"] is not None else []


def explained_corpora(config: Config) -> list[str]:
    """List the corpus of the explained probe, and those that are explained."""
    if config["spatial"] is None:
        return []
    return list(dict.fromkeys([config["spatial"]["train"], *explained_tests(config)]))


def overlay_files(config: Config, kind: str) -> list[str]:
    """Return the figures of overlays, one a test corpus, of a kind such as ``png``."""
    return [f"results/figures/overlays/{t}.{kind}" for t in explained_tests(config)]


def spatial_products(config: Config) -> list[str]:
    """Return all that explanations in space leave; nothing where there are none."""
    if config["spatial"] is None:
        return []
    figures = [f"{_FIGURE}.{kind}" for kind in _KINDS]
    overlays = [path for kind in _KINDS for path in overlay_files(config, kind)]
    return [*map_files(config), *TABLES, *figures, *overlays]


def points_spec(config: Config) -> str:
    """Spec of the tables of explanations, as sorted JSON.

    ``truth`` names the folder of the ground truth of each generated corpus.
    """
    spatial = config["spatial"] or {"train": None, "test": [], "encoders": []}
    truth = {
        name: (Path(config["corpora"][name]["root"]).parent / "truth").as_posix()
        for name in explained_corpora(config)
        if config["corpora"][name]["demo"] is not None
    }
    parts = {"train": spatial["train"], "test": spatial["test"], "truth": truth}
    # A list: sorted keys would lose the order of the encoders.
    return json.dumps(parts | {"encoders": _labels(config)}, sort_keys=True)


def spatial_figures_spec(config: Config) -> str:
    """Spec of the figures of explanations: labels, as sorted JSON."""
    corpora = {
        name: config["corpora"][name]["label"] for name in explained_corpora(config)
    }
    parts = {"corpora": corpora, "encoders": _labels(config)}
    return json.dumps(parts, sort_keys=True)


def _labels(config: Config) -> list[list[str]]:
    """Names and labels of the explained encoders, in their order."""
    names = config["spatial"]["encoders"] if config["spatial"] is not None else []
    return [[name, config["encoders"][name]["label"]] for name in names]
