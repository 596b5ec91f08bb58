"""Small demo corpora, made once a session, and a reader of what was written."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from dfprobe.demo.make import make_demo
from dfprobe.settings.corpora import Demo as DemoSettings
from dfprobe.settings.corpora import Sources


@dataclass(frozen=True)
class Decoded:
    grey: np.ndarray  # (frames, h, w) uint8
    fps: float
    sound: np.ndarray | None  # (samples,) float32 at the file's own rate, first channel
    hz: int
    channels: int


def decode(path: Path) -> Decoded:
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        grey = np.stack([f.to_ndarray(format="gray") for f in file.decode(video)])
        fps = float(video.average_rate)
    with av.open(str(path)) as file:
        if not file.streams.audio:
            return Decoded(grey, fps, None, 0, 0)
        audio = file.streams.audio[0]
        parts = [f.to_ndarray() for f in file.decode(audio)]
        sound = np.concatenate([part[0] for part in parts])
        return Decoded(grey, fps, sound, audio.rate, audio.channels)


@dataclass(frozen=True)
class Demo:
    root: Path
    listing: Path
    spec: DemoSettings

    @property
    def truth(self) -> Path:
        return self.root.parent / "truth"

    @property
    def splits(self) -> Path:
        return self.root.parent / "splits"


def _demo(base: Path, layout: str, name: str, train: int, val: int, test: int) -> Demo:
    spec = DemoSettings(seed=5, sources=Sources(train=train, val=val, test=test))
    demo = Demo(base / layout / name, base / layout / "listing.tsv", spec)
    make_demo(layout, demo.root, spec, demo.listing)
    return demo


@pytest.fixture(scope="session")
def favc(tmp_path_factory):
    base = tmp_path_factory.mktemp("demo")
    return _demo(base, "fakeavceleb", "FakeAVCeleb_v1.2", 1, 0, 2)


@pytest.fixture(scope="session")
def av1m(tmp_path_factory):
    base = tmp_path_factory.mktemp("demo")
    return _demo(base, "av_deepfake1m", "AV-Deepfake1M", 1, 0, 1)


@pytest.fixture(scope="session")
def avlips(tmp_path_factory):
    return _demo(tmp_path_factory.mktemp("demo"), "avlips", "AVLips", 0, 0, 2)


@pytest.fixture(scope="session")
def clip_reader():
    return decode
