"""Tables of clips for the audit, with facts as files would give them."""

import numpy as np
import polars as pl
import pytest

from dfprobe.audit.facts_table import FACTS_SCHEMA

MANIFEST = {
    "clip_id": pl.String,
    "path": pl.String,
    "split": pl.String,
    "label": pl.Int8,
    "manipulation": pl.String,
    "speaker": pl.String,
    "source": pl.String,
}
FACTS = {
    "content_key": "1-1",
    "facts_key": "k",
    "status": "ok",
    "video_status": "ok",
    "audio_status": "ok",
    "detail": "",
    "bytes": 50_000,
    "container": "mov,mp4",
    "video_codec": "h264",
    "width": 224,
    "height": 224,
    "fps": 25.0,
    "frames": 100,
    "duration_s": 4.0,
    "audio_codec": "aac",
    "sample_rate_hz": 16_000,
    "channels": 1,
    "loudness_db": -24.0,
    "leading_silence_s": 0.0,
    "trailing_silence_s": 0.02,
}


@pytest.fixture
def corpus():
    """Build manifest and facts of reals and fakes in turn.

    Keywords are facts or columns of the manifest: one value, or a function of the
    number of the clip and its label.
    """

    def build(clips: int = 200, **changes) -> tuple[pl.DataFrame, pl.DataFrame]:
        rows = []
        for number in range(clips):
            label = number % 2
            row = FACTS | {
                "clip_id": f"clip{number:04d}",
                "path": f"/videos/clip{number:04d}.mp4",
                "split": ("train", "test")[number // 2 % 2],
                "label": label,
                "manipulation": ("real", "swap")[label],
                "speaker": None,
                "source": None,
                "sha256": f"{number:064d}",
            }
            for name, change in changes.items():
                row[name] = change(number, label) if callable(change) else change
            rows.append(row)
        manifest = pl.DataFrame(
            [{name: row[name] for name in MANIFEST} for row in rows], schema=MANIFEST
        )
        facts = pl.DataFrame(
            [{name: row[name] for name in FACTS_SCHEMA} for row in rows],
            schema=FACTS_SCHEMA,
        )
        return manifest, facts

    return build


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(5)
