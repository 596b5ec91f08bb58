"""Patterns of wildcards, made from the names in the configuration."""

import re
from collections.abc import Iterable


def one_of(names: Iterable[str]) -> str:
    """Return the pattern that matches any of some names, and nothing without names."""
    return "|".join(sorted(re.escape(name) for name in names)) or r"(?!)"
