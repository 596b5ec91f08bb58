"""The features stage gives face boxes to the encoders that ask for them."""

import numpy as np
import polars as pl
import pytest

from dfprobe.features.extract import extract_features
from dfprobe.media.crops import make_crops
from dfprobe.settings.stage_specs.features import CropsSpec, FeaturesSpec
from dfprobe.store.crops import CropReader
from dfprobe.store.features import FeatureReader
from typed_specs import typed
from unit.features.settings import SETTINGS
from unit.media.media_files import face_frame, numbered_frame, write_clip

FRAMES = 6
CLIPS = {
    "face": [face_frame()] * FRAMES,
    "none": [numbered_frame(200)] * FRAMES,
}


class Shard:
    """A shard with one clip with a face and one without."""

    def __init__(self, folder):
        for name, frames in CLIPS.items():
            write_clip(folder / f"{name}.mp4", frames)
        rows = [
            {"clip_id": n, "path": f"{folder / n}.mp4", "content_key": n, "shard": "0"}
            for n in CLIPS
        ]
        self.manifest = folder / "manifest.parquet"
        pl.DataFrame(rows).write_parquet(self.manifest)
        self.h5, self.index = folder / "0.h5", folder / "0.parquet"
        self.out = folder / "0.zarr.zip"
        self.crop(detect_every=5)

    def crop(self, **changes):
        spec = {"detect_every": 5, "upsample": 0, "max_failed_share": 1.0} | changes
        make_crops(self.manifest, "0", typed(CropsSpec, spec), self.h5, self.index)

    def extract(self, family):
        encoder = {"name": "x", "family": family, "stream": "video"}
        spec = SETTINGS | {"dtype": "float32", "encoder": encoder}
        extract_features(
            self.manifest, self.h5, self.index, "0", typed(FeaturesSpec, spec), self.out
        )
        return FeatureReader(self.out)


@pytest.fixture
def shard(tmp_path):
    return Shard(tmp_path)


def test_a_clip_without_a_face_is_still_encoded(shard):
    with CropReader(shard.h5, shard.index) as crops:
        assert np.isfinite(crops.boxes("face")).all()
        assert np.isnan(crops.boxes("none")).all()
    with shard.extract("fsfm") as features:
        assert features.index["status"].to_list() == ["ok", "ok"]
        assert features.index["rows"].to_list() == [FRAMES, FRAMES]


def test_rows_from_boxes_follow_the_settings_of_the_crops(shard):
    with shard.extract("fsfm") as features:
        before = features.index["crops_key"]
    shard.crop(detect_every=2)
    with shard.extract("fsfm") as features:
        after = features.index["crops_key"]
    assert "" not in before
    assert (before != after).all()
