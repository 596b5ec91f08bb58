"""What half precision changes: the rows of each encoder, and the AUC of its probe.

Each encoder runs over one generated corpus in float32 and in both half precisions; a
linear probe is trained and tested on each. A row's error is its largest difference to
the float32 row, in parts of the largest value of all rows.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from subjects import PUBLISHED, DemoClips, random_spec

from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.heads.scoring import Scored, score_clips
from dfprobe.heads.training import train_heads
from dfprobe.settings import encoder_families
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.store.features import FeatureReader
from dfprobe.store.scores import read_scores

LIMITS = {
    "float16": 0.01,
    "bfloat16": 0.08,
}  # as in the contract test
PROBE = HeadSpec(
    kind="linear",
    seeds=(43,),
    learning_rates=(1e-3,),
    max_epochs=100,
    patience=10,
    schedule="none",
    class_weights="none",
    options={},
    memory_mb=4000,
    device="cpu",
)


class Run(NamedTuple):
    """Rows of all clips, one after another, and the AUC of the probe in per cent."""

    rows: np.ndarray
    auc: float


def run(clips: DemoClips, spec: dict[str, Any], folder: Path) -> Run:
    """Extract, train and test with one arithmetic."""
    folder.mkdir(parents=True)
    store, head = folder / "000.zarr.zip", folder / "head.safetensors"
    scores = folder / "scores.parquet"
    clips.extract(store, threads=1, **spec)
    train_heads([[store]], clips.manifest, PROBE, [head], folder / "curve.csv")
    score_clips([[store]], clips.manifest, [Scored(head, scores)])
    table = read_scores(scores)
    with FeatureReader(store) as features:
        ids = features.index["clip_id"]
        rows = np.concatenate([features.clip(clip_id) for clip_id in ids])
    area = auc(table["label"].to_numpy(), table["score"].to_numpy())
    return Run(rows.astype(np.float64), 100 * area)


def errors(rows: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Error of each row."""
    return np.abs(rows - exact).max(axis=1) / np.abs(exact).max()


def compared(clips: DemoClips, spec: dict[str, Any], folder: Path) -> Iterator[str]:
    """Cells of one encoder: its AUC in float32, then a line for each arithmetic."""
    exact = run(clips, spec | {"precision": "float32"}, folder / "float32")
    for precision, limit in LIMITS.items():
        half = run(clips, spec | {"precision": precision}, folder / precision)
        off = errors(half.rows, exact.rows)
        beyond = " (!)" if off.max() > limit else ""
        change = half.auc - exact.auc
        yield (
            f"{exact.auc:.1f} | {precision} | {np.median(off):.1e} "
            f"| {off.max():.1e}{beyond} | {change:+.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=list(PUBLISHED))
    parser.add_argument("--size", choices=["published", "small"], default="small")
    parser.add_argument("--device", default="auto", help="as features.device")
    parser.add_argument("--sources", type=int, default=24, help="to train and to test")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = {"train": args.sources, "val": 8, "test": args.sources}
        clips = DemoClips.make(folder, sources)
        print("| encoder | AUC float32 | arithmetic | median error | largest | AUC |")
        print("| :-- | --: | :-- | --: | --: | --: |")
        for family in args.families:
            for stream in encoder_families.streams(family):
                spec = {
                    "encoder": asdict(random_spec(family, stream, args.size)),
                    "device": args.device,
                    "dtype": "float32",
                }
                for cells in compared(clips, spec, folder / family / stream):
                    print(f"| {family} {stream} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
