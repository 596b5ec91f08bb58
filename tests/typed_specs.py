"""Typed specs of stages, from what a test says of them."""

import json
from typing import Any, TypeVar

from dfprobe.settings.specs import Spec
from dfprobe.settings.stage_specs.heads import HeadSpec

Kind = TypeVar("Kind", bound=Spec)

HEAD: dict[str, Any] = {
    "kind": "linear",
    "seeds": [43],
    "learning_rates": [0.01],
    "max_epochs": 10,
    "patience": 10,
    "schedule": "none",
    "class_weights": "none",
    "options": {},
    "memory_mb": 4000,
    "device": "cpu",
}


def typed(kind: type[Kind], values: dict[str, Any]) -> Kind:
    """Return a spec as a job reads it: lists become tuples."""
    return kind.from_json(json.dumps(values))


def head_spec(**settings: Any) -> HeadSpec:
    """Return the spec of a head that differs from `HEAD` in some settings."""
    return typed(HeadSpec, HEAD | settings)
