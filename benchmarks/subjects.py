"""What the benchmarks run on: generated clips, and encoders with random weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from dfprobe.corpora.manifest import make_manifest
from dfprobe.demo.make import make_demo
from dfprobe.features.extract import extract_features
from dfprobe.media.crops import make_crops
from dfprobe.settings import encoder_families
from dfprobe.settings.corpora import Demo, Sources
from dfprobe.settings.specs import EncoderSpec
from dfprobe.settings.stage_specs.corpora import ManifestSpec
from dfprobe.settings.stage_specs.features import CropsSpec, FeaturesSpec

CROPS = CropsSpec(detect_every=5, upsample=0, max_failed_share=0.0)
FEATURES = {
    "dtype": "float16",
    "window_s": 40,
    "overlap_s": 4,
    "batch_rows": None,
    "max_failed_share": 0.0,
}


_RESNET = {"trunk_width": 64}
_LARGE = {"layers": 24, "width": 1024, "ffn": 4096} | _RESNET
_CONFORMER = {"layers": 12, "width": 768, "heads": 12, "ffn": 3072} | _RESNET
_VIT_LARGE = {"image_size": 224, "hidden_size": 1024, "layers": 24, "heads": 16}
# Options that give the published sizes, the fastest families first.
PUBLISHED: dict[str, dict[str, Any]] = {
    "avhubert": _LARGE,
    "braven": _LARGE | {"heads": 16},
    "auto_avsr": _CONFORMER | {"fusion_width": 8192},
    "wav2vec2": {"hidden_size": 1920, "layers": 48, "heads": 16, "conv_channels": 512},
    "fsfm": {"layers": 12, "width": 768, "heads": 12, "image_size": 224},
    "videomae": _VIT_LARGE | {"patch_size": 16},
    "clip": _VIT_LARGE | {"patch_size": 14},
}


def random_spec(family: str, stream: str, size: str) -> EncoderSpec:
    """Random weights at the published sizes, or at the small ones of the default."""
    options = encoder_families.complete_options(family, {})
    if size == "published":
        options |= PUBLISHED[family]
    return EncoderSpec(family, family, stream, "random", options=options)


@dataclass(frozen=True)
class DemoClips:
    """Manifest and crops of a generated corpus of one shard."""

    manifest: Path
    crops: Path
    index: Path

    @classmethod
    def make(cls, folder: Path, sources: dict[str, int]) -> "DemoClips":
        """Generate a corpus in the layout of FakeAVCeleb; ``sources`` by split."""
        root = folder / "corpus"
        demo = Demo(seed=43, sources=Sources(**sources))
        make_demo("fakeavceleb", root, demo, folder / "demo.txt")
        clips = cls(folder / "manifest.parquet", folder / "0.h5", folder / "0.parquet")
        listed = ManifestSpec(
            layout="fakeavceleb",
            root=str(root),
            splits=str(folder / "splits"),
            fakes="both",
            shards=1,
            content_key="stat",
            options={},
        )
        make_manifest("demo", listed, clips.manifest)
        make_crops(clips.manifest, "000", CROPS, clips.crops, clips.index)
        return clips

    @property
    def count(self) -> int:
        """Number of clips."""
        return pl.read_parquet(self.manifest).height

    def extract(self, out: Path, threads: int, **spec: Any) -> None:
        """Run the features stage with `FEATURES` and more settings."""
        extract_features(
            self.manifest,
            self.crops,
            self.index,
            "000",
            FeaturesSpec(**FEATURES, **spec),
            out,
            threads,
        )
