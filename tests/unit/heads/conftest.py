"""A small corpus with features that a probe can learn."""

import numpy as np
import pytest
from toy_features import DIM, Corpus, write_features, write_manifest

from typed_specs import head_spec


@pytest.fixture
def corpus(tmp_path):
    """40 train, 16 val and 16 test clips in two shards; fakes lean in one direction."""
    rng = np.random.default_rng(3)
    direction = rng.standard_normal(DIM)
    clips, rows = [], {}
    for split, count in (("train", 40), ("val", 16), ("test", 16)):
        for i in range(count):
            name = f"{split}/{i:02d}"
            label = i % 2
            clips.append((name, split, label))
            noise = rng.standard_normal((int(rng.integers(5, 12)), DIM))
            rows[name] = (noise + 0.5 * label * direction).astype(np.float16)
    manifest = write_manifest(tmp_path / "toy.parquet", clips)
    names = sorted(rows)
    halves = (names[::2], names[1::2])
    stores = [
        write_features(
            tmp_path / f"00{i}.zarr.zip", {name: rows[name] for name in half}
        )
        for i, half in enumerate(halves)
    ]
    return Corpus(tmp_path, manifest, stores, rows)


@pytest.fixture
def probe_spec():
    return head_spec(max_epochs=30, patience=5, memory_mb=4000)
