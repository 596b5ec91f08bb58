"""What the corpora of a configuration hold, and whether they are there."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from dfprobe import products
from dfprobe.corpora.clip import SPLITS
from dfprobe.corpora.files import MISSING
from dfprobe.corpora.manifest import corpus_table
from dfprobe.doctor.findings import Finding
from dfprobe.errors import DfprobeError
from dfprobe.planning import specs
from dfprobe.settings.config import Config

HEADERS = ("corpus", "layout", "state", *(f"{split} real/fake" for split in SPLITS))
_LISTED = "listed, but not on disk"


def check_corpora(config: Config) -> Iterator[Finding]:
    """List the clips of each corpus that is used, as the manifest stage does."""
    for name in specs.used_corpora(config):
        entry = config.corpora[name]
        front = (name, entry.layout)
        if entry.demo is not None and not Path(products.demo_listing(name)).exists():
            yield Finding((*front, "will be generated", *["-"] * len(SPLITS)))
            continue
        try:
            clips = corpus_table(name, specs.manifest_spec(config, name))
        except DfprobeError as error:
            cells = (*front, "not usable", *["-"] * len(SPLITS))
            yield Finding(cells, str(error), ok=False)
            continue
        yield _counted(front, name, clips, config)


def _counted(
    front: tuple[str, str], name: str, clips: pl.DataFrame, config: Config
) -> Finding:
    """Count the clips; a split that lacks a class is a problem."""
    counts = {
        split: [
            clips.filter(pl.col("split") == split, pl.col("label") == label).height
            for label in (0, 1)
        ]
        for split in SPLITS
    }
    absent = clips.filter(pl.col("content_key") == MISSING).height
    problems = []
    if absent:
        problems.append(
            f"corpus {name}: {absent} of {clips.height} clips are {_LISTED}."
        )
    wanted = ["train", "val"] if name in config.train else []
    wanted += ["test"] if name in config.test else []
    lacking = [split for split in wanted if not all(counts[split])]
    if lacking:
        problems.append(
            f"corpus {name}: {' and '.join(lacking)} must hold real and fake clips."
        )
    numbers = [f"{real}/{fake}" for real, fake in counts.values()]
    state = "found" if not absent else f"{absent} missing"
    ok = not lacking and absent < clips.height
    return Finding((*front, state, *numbers), " ".join(problems), ok)
