"""Random numbers that depend on names, never on the order of calls."""

import hashlib

import numpy as np


def generator(*names: object) -> np.random.Generator:
    """Random generator for one purpose, e.g. ``generator(7, "favc", "train", 3)``.

    The names are anything whose ``str`` is stable.
    """
    text = "/".join(str(name) for name in names)
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
