"""Clips a second of each family: the bare forward pass, and the whole features stage.

Bare: the model alone, on tensors that are ready on its device. Stage: what a features
job does once its model is loaded, from the crop store (whole frames: from the video
file) to the finished feature store. Both run in turn on the same generated clips, with
the same passes and arithmetic. The last column compares the processor time of the two,
which other users of the machine disturb less.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch
from subjects import PUBLISHED, DemoClips, random_spec

from dfprobe.encoders import registry
from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.windows import Part
from dfprobe.features.passes import DTYPES, Launched, Passes, precision_on
from dfprobe.settings import encoder_families
from dfprobe.settings.specs import EncoderSpec
from dfprobe.store.features import FeatureReader


class Cost(NamedTuple):
    """What one side of a round took, in seconds: on the clock, and of processors."""

    wall: float
    cpu: float


@contextmanager
def costs() -> Iterator[list[Cost]]:
    """Append what the block takes."""
    found: list[Cost] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield found
    found.append(Cost(time.perf_counter() - wall, time.process_time() - cpu))


class Bench:
    """One encoder on some clips."""

    def __init__(
        self, spec: EncoderSpec, clips: DemoClips, args: argparse.Namespace, out: Path
    ) -> None:
        encoder = registry.build(spec, args.device)
        assert isinstance(encoder, ModelEncoder)
        self.encoder, self.clips, self._out = encoder, clips, out
        self._threads = args.threads
        self._spec = {
            "encoder": asdict(spec),
            "device": args.device,
            "precision": args.precision,
        }
        self._precision = precision_on(encoder.device, args.precision)
        self._passes = self._recorded()

    def stage(self) -> Cost:
        """Run the features stage, without loading the model."""
        built = patch.object(registry, "build", return_value=self.encoder)
        with tempfile.TemporaryDirectory(dir=self._out) as folder, built:
            store = Path(folder) / "000.zarr.zip"
            with costs() as found:
                self.clips.extract(store, self._threads, **self._spec)
            with FeatureReader(store) as features:
                assert set(features.index["status"]) == {"ok"}
        return found[0]

    def bare(self) -> Cost:
        """Run the same passes through the model, and nothing else."""
        encoder = self.encoder
        dtype, reduced = DTYPES[self._precision], self._precision != "float32"
        autocast = torch.autocast(encoder.device.type, dtype, enabled=reduced)
        with torch.inference_mode(), autocast, costs() as found:
            for tensors in self._passes:
                encoder.forward(**tensors)
            if encoder.device.type == "cuda":
                torch.cuda.synchronize()
        return found[0]

    def _recorded(self) -> list[dict[str, torch.Tensor]]:
        """Inputs of all passes of the stage, on the model's device."""
        recorded: list[Sequence[Part]] = []
        launch = Passes.launch

        def record(passes: Passes, parts: Sequence[Part]) -> Launched:
            recorded.append(parts)
            return launch(passes, parts)

        with patch.object(Passes, "launch", record):
            self.stage()
        return [
            {
                name: torch.cat([part.tensors[name] for part in parts]).to(
                    self.encoder.device
                )
                for name in parts[0].tensors
            }
            for parts in recorded
        ]


def measured(bench: Bench, rounds: int) -> str:
    """Cells of one encoder: clips, clips a second of both sides, and their ratios."""
    pairs = [(bench.bare(), bench.stage()) for _ in range(rounds)]
    bare, stage = (
        statistics.median(cost.wall for cost in side)
        for side in zip(*pairs, strict=True)
    )
    wall = statistics.median(alone.wall / whole.wall for alone, whole in pairs)
    cpu = statistics.median(alone.cpu / whole.cpu for alone, whole in pairs)
    count = bench.clips.count
    speeds = f"{count / bare:.2f} | {count / stage:.2f}"
    return f"{count} | {speeds} | {wall:.0%} | {cpu:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=list(PUBLISHED))
    parser.add_argument("--size", choices=["published", "small"], default="published")
    parser.add_argument("--device", default="cpu", help="as features.device")
    parser.add_argument("--precision", default="auto", help="as features.precision")
    parser.add_argument("--threads", type=int, default=1, help="clips made at a time")
    parser.add_argument("--sources", type=int, default=2, help="of 2 clips each")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = DemoClips.make(folder, {"train": 0, "val": 0, "test": args.sources})
        print("| encoder | clips | bare clips/s | stage clips/s | stage / bare | CPU |")
        print("| :-- | --: | --: | --: | --: | --: |")
        for family in args.families:
            for stream in encoder_families.streams(family):
                spec = random_spec(family, stream, args.size)
                bench = Bench(spec, clips, args, folder)
                cells = measured(bench, args.rounds)
                print(f"| {family} {stream} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
