"""A corpus with faces and without, run through the stages up to heads and scores."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from dfprobe.features.extract import extract_features
from dfprobe.heads.files.head_file import provenance_of
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.media.crops import make_crops
from dfprobe.settings.stage_specs.features import CropsSpec, FeaturesSpec
from dfprobe.store.features import FeatureReader
from typed_specs import typed
from unit.features.settings import SETTINGS
from unit.media.media_files import bursts, face_frame, numbered_frame, write_clip

FRAMES = 30
CROPS = CropsSpec(detect_every=5, upsample=0, max_failed_share=1.0)
SOUND = bursts(0.2, 0.7, rate=16_000, length_s=FRAMES / 25)
ENCODERS = {
    "lfcc": {"family": "lfcc", "stream": "audio", "weights": "none"},
    "lfcc_trimmed": {"family": "lfcc", "stream": "audio", "weights": "none"},
    "example": {"family": "example", "stream": "video", "weights": "none"},
    "residual": {"family": "residual", "stream": "video", "weights": "none"},
    "lips": {
        "family": "avhubert",
        "stream": "audio_video",
        "weights": "random",
        "options": {"trunk_width": 8},
    },
}


class Pipeline(NamedTuple):
    """What the stages made of the videos."""

    videos: Path
    manifest: Path
    stores: dict[str, Path]
    heads: dict[str, Path]


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory) -> Pipeline:
    folder = tmp_path_factory.mktemp("score")
    videos = folder / "videos"
    (videos / "b").mkdir(parents=True)
    faces = [face_frame(mouth=5 + 5 * (number % 2)) for number in range(FRAMES)]
    plain = [numbered_frame(200)] * FRAMES
    write_clip(videos / "a.mp4", faces, sound=SOUND)
    write_clip(videos / "b/a.mp4", faces[::-1], sound=SOUND[:, ::-1].copy())
    write_clip(videos / "b/no face.mp4", plain, sound=SOUND)
    write_clip(videos / "mute.mp4", faces)
    (videos / "text.mp4").write_text("no video")
    manifest = _manifest(folder / "toy.parquet", videos)
    h5, index = folder / "000.h5", folder / "000.parquet"
    make_crops(manifest, "000", CROPS, h5, index)
    stores, heads = {}, {}
    for seed, (name, encoder) in enumerate(ENCODERS.items()):
        stores[name] = folder / f"{name}.zarr.zip"
        spec = SETTINGS | {"encoder": {"name": name, **encoder}}
        if name == "lfcc_trimmed":
            spec["trim"] = "leading_silence"
        extract_features(
            manifest, h5, index, "000", typed(FeaturesSpec, spec), stores[name]
        )
        heads[name] = folder / f"heads/{name}/toy.safetensors"
        write_head(stores[name], heads[name], seed)
    return Pipeline(videos, manifest, stores, heads)


def _manifest(path: Path, videos: Path) -> Path:
    files = sorted(videos.rglob("*.mp4"))
    rows = [
        {
            "clip_id": file.relative_to(videos).with_suffix("").as_posix(),
            "path": str(file),
            "split": "test",
            "label": 0,
            "manipulation": "real",
            "content_key": "key",
            "shard": "000",
        }
        for file in files
    ]
    pl.DataFrame(rows).sort("clip_id").write_parquet(path)
    return path


def write_head(store: Path, path: Path, seed: int = 0, **changes) -> Path:
    """Write a probe with drawn parameters that belongs to a store's encoder."""
    with FeatureReader(store) as reader:
        params = np.random.default_rng(seed).standard_normal(reader.dim + 1)
        provenance = provenance_of(reader.attributes)
    metadata = provenance | {"train_corpus": "toy"} | changes
    LinearProbe(params.astype(np.float32), metadata).save(path)
    return path
