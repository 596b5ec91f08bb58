"""Settings of the supervised heads: what a name stands for; imports nothing heavy."""

from typing import Any

# The paper's, and one that trains until the validation loss really stops falling.
SETTINGS: dict[str, dict[str, Any]] = {
    "paper": {
        "learning_rates": [0.001],
        "max_epochs": 100,
        "patience": 10,
        "schedule": "none",
    },
    "converged": {
        "learning_rates": [0.01, 0.1],
        "max_epochs": 1000,
        "patience": 10,
        "schedule": "plateau",
    },
}

# Names that stand for other heads in paths.
RESERVED = ("next_token", "next_token_mean", "sync", "external", "layers", "layer_mix")

# JSON Schema of `options`, by kind.
OPTIONS: dict[str, dict[str, Any]] = {
    "linear": {},
    "transformer": {
        "width": {"type": "integer", "minimum": 2, "default": 256},
        "layers": {"type": "integer", "minimum": 1, "default": 2},
        "heads": {"type": "integer", "minimum": 1, "default": 4},
        "feed_forward": {"type": "integer", "minimum": 1, "default": 512},
        "dropout": {"type": "number", "minimum": 0, "maximum": 0.9, "default": 0.1},
    },
}


def with_setting(entry: dict[str, Any]) -> dict[str, Any]:
    """Fill in what an entry of `heads` leaves to its setting."""
    given = {name: value for name, value in entry.items() if value is not None}
    preset = SETTINGS[entry["setting"]]
    if entry["kind"] == "transformer":  # diverges at the probe's larger rate
        preset = preset | {"learning_rates": SETTINGS["paper"]["learning_rates"]}
    return entry | preset | given
