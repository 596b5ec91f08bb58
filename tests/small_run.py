"""The small run that the workflow tests share: its configuration, an odd name."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
ODD_NAME = "we ird; 'näme' \"№1\" $(x) 视频"
SMALL_CONFIG = {
    "corpora": {
        name: {
            "layout": "path_list",
            "root": f"videos/{name}",
            "content_key": "hash",
            "shards": shards,
        }
        for name, shards in (("clean", 2), ("odd", 1))
    },
    "encoders": {
        "lfcc": {"family": "lfcc"},
        "example": {"family": "example"},
    },
    "train": ["clean"],
    "test": ["clean", "odd"],
    "crops": {"detect_every": 5, "upsample": 0},
    "heads": {
        "linear": {"max_epochs": 3, "seeds": [43, 44]},
        "order": {
            "kind": "transformer",
            "max_epochs": 2,
            "encoders": ["example"],
            "options": {"width": 8, "heads": 2, "layers": 1, "feed_forward": 8},
        },
    },
    "anomaly": {
        "corpus": "clean",
        "test": ["clean", "odd"],
        "rows": [{"streams": ["example", "lfcc"]}],
        "next_token": {
            "max_epochs": 2,
            **{"width": 8, "heads": 2, "layers": 1, "feed_forward": 8},
        },
        "sync": {"max_epochs": 2, "hidden": 8, "widths": [8, 8, 8]},
    },
    "external": {"judge": {"scores": {"odd": "judge.csv"}}},
    "max_failed_share": 0.8,
}
