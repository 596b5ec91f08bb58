"""What the paper's run costs: files, storage and time, by encoder.

Counts of clips are the published ones (`published_sizes`). Three rates are measured
here: the bytes of a frame in the crop store and of a row of scores, from a finished run
(``--results``, the default run will do); the frames a second of the face detector as
``config/paper.yaml`` sets it, on one core; and the rate of a large matrix product. The
arithmetic of an encoder is counted from its published size: matrix products and
convolutions, no norms and the like. Hours at another rate: ``--tflops``, what the
device sustains.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from published_sizes import PAPER

from dfprobe.media.faces import dlib_finder

FPS = 25
FRAME = (224, 224)  # of FakeAVCeleb and AV-Deepfake1M
HEADS, TRAINS = 3, 2


class Encoder(NamedTuple):
    """A row of Table 2.

    Parameters
    ----------
    dim : int
        Values of a row.
    rate_hz : float
        Rows a second.
    gflop_s : float
        Operations (10^9, two a multiply-add) a second of a clip.
    """

    dim: int
    rate_hz: float
    gflop_s: float


def transformer(
    layers: int, width: int, inner: int, tokens: float, context: float
) -> float:
    """GFLOP of ``tokens`` tokens that see ``context`` tokens each."""
    token = 8 * width**2 + 4 * width * inner + 4 * width * context
    return layers * token * tokens / 1e9


# Multiply-adds of a frame of 88x88 through the 3D stem (5x7x7 to 44x44x64) and the
# ResNet-18 trunk (22x22x64, 11x11x128, 6x6x256, 3x3x512): twice 0.04 and 0.28 G.
_LIPS = FPS * 2 * (44 * 44 * 64 * 5 * 7 * 7 / 1e9 + 0.28)
# Auto-AVSR and BRAVEn hear through a one-dimensional ResNet-18, small beside the rest.
_SOUND = 2.0
_CLIP_S = 9.0  # of the context of encoders that see whole clips
_LARGE = transformer(24, 1024, 4096, FPS, FPS * _CLIP_S)
# A conformer layer has two inner layers and a convolution, 2 x 3 w^2 and its kernel.
_CONFORMER = transformer(12, 768, 2 * 3072 + 1536, FPS, FPS * _CLIP_S)
_XLSR = transformer(48, 1920, 7680, 50, 50 * _CLIP_S) + 32.0  # and its convolutions

ENCODERS = {
    "avhubert_a_random": Encoder(1024, 25, _LARGE),
    "avhubert_v_random": Encoder(1024, 25, _LARGE + _LIPS),
    "wav2vec2": Encoder(3840, 25, _XLSR),
    "auto_avsr_asr": Encoder(768, 25, _CONFORMER + _SOUND),
    "avhubert_a": Encoder(1024, 25, _LARGE),
    "braven_a": Encoder(1024, 25, _LARGE + _SOUND),
    "clip": Encoder(768, 25, transformer(24, 1024, 4096, FPS * 257, 257)),
    "fsfm": Encoder(768, 25, transformer(12, 768, 3072, FPS * 197, 197)),
    "videomae": Encoder(1024, 12.5, transformer(24, 1024, 4096, FPS / 16 * 1568, 1568)),
    "auto_avsr_vsr": Encoder(768, 25, _CONFORMER + _LIPS),
    "avhubert_v": Encoder(1024, 25, _LARGE + _LIPS),
    "braven_v": Encoder(1024, 25, _LARGE + _LIPS),
    "auto_avsr_av": Encoder(768, 25, 2 * _CONFORMER + _LIPS + _SOUND),
    "avhubert_av": Encoder(1024, 25, _LARGE + _LIPS),
}


def crop_bytes(results: Path) -> float:
    """Bytes of a frame in the crop store, sound included."""
    stores = sorted(results.glob("crops/*/[0-9]*.h5"))
    frames = [
        pl.read_parquet(s.with_suffix(".parquet"))["frames"].sum() for s in stores
    ]
    return float(sum(store.stat().st_size for store in stores) / sum(frames))


def score_bytes(results: Path) -> tuple[float, float]:
    """Bytes of a clip in a score file, and of a row of a curve: the largest files."""
    score = max(results.glob("scores/*/*/*/*.parquet"), key=lambda p: p.stat().st_size)
    curve = max(results.glob("curves/*/*/*/*.parquet"), key=lambda p: p.stat().st_size)
    rows = pl.read_parquet(curve)["curve"].list.len().sum()
    clips = pl.read_parquet(score).height
    return score.stat().st_size / clips, curve.stat().st_size / rows


def detector_rate(frames: int = 20) -> float:
    """Frames a second of CPU time: the detector on every frame, doubled once."""
    detect = dlib_finder(upsample=1).detect
    image = np.random.default_rng(43).integers(0, 256, FRAME, np.uint8)
    detect(image)
    start = time.process_time()
    for _ in range(frames):
        detect(image)
    return frames / (time.process_time() - start)


def product_rate(size: int = 2048) -> float:
    """GFLOP a second of CPU time of a float32 matrix product."""
    a = np.ones((size, size), np.float32)
    a @ a
    start = time.process_time()
    a @ a
    return 2 * size**3 / 1e9 / (time.process_time() - start)


def main() -> None:
    """Parse the command line, measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--tflops", type=float, default=100.0, help="of the device")
    arguments = parser.parse_args()
    _print_corpora()
    _print_encoders(arguments.tflops)
    _print_rest(arguments.results)


def _seconds() -> float:
    return sum(corpus.clips * corpus.mean_s for corpus in PAPER.values())


def _shards() -> int:
    return sum(corpus.shards for corpus in PAPER.values())


def _print_corpora() -> None:
    print("| corpus | clips | hours | frames (million) | shards | clips a shard |")
    print("| :-- | --: | --: | --: | --: | --: |")
    for name, corpus in PAPER.items():
        seconds = corpus.clips * corpus.mean_s
        print(
            f"| {name} | {corpus.clips:,} | {seconds / 3600:.0f} "
            f"| {seconds * FPS / 1e6:.2f} | {corpus.shards} "
            f"| {corpus.clips / corpus.shards:.0f} |"
        )
    print(
        f"| all | {sum(c.clips for c in PAPER.values()):,} | {_seconds() / 3600:.0f} "
        f"| {_seconds() * FPS / 1e6:.2f} | {_shards()} | |\n"
    )


def _print_encoders(tflops: float) -> None:
    cpu = product_rate()
    print(
        f"Hours at {tflops:.0f} TFLOP/s sustained, and core-hours at {cpu:.0f} GFLOP/s "
        "(a matrix product here, one core).\n"
    )
    print(
        "| encoder | files | GB | GFLOP a second of clip | hours, device "
        "| core-hours, CPU |"
    )
    print("| :-- | --: | --: | --: | --: | --: |")
    total = np.zeros(3)
    for name, encoder in ENCODERS.items():
        work = _seconds() * encoder.gflop_s  # GFLOP
        costs = np.array(
            [
                _seconds() * encoder.rate_hz * encoder.dim * 2 / 1e9,
                work / 1e3 / tflops / 3600,
                work / cpu / 3600,
            ]
        )
        total += costs
        print(_encoder_row(name, _shards(), costs, f"{encoder.gflop_s:,.0f}"))
    print(_encoder_row("all", _shards() * len(ENCODERS), total, "") + "\n")


def _encoder_row(name: str, files: int, costs: np.ndarray, work: str) -> str:
    size, device, cores = costs
    return f"| {name} | {files:,} | {size:.0f} | {work} | {device:.1f} | {cores:,.0f} |"


def _print_rest(results: Path) -> None:
    frames = _seconds() * FPS
    bytes_a_frame, (clip, row) = crop_bytes(results), score_bytes(results)
    rate = detector_rate()
    files = len(ENCODERS) * HEADS * TRAINS * len(PAPER)
    tested = sum(c.test for c in PAPER.values()) * len(ENCODERS) * HEADS * TRAINS
    seconds = sum(c.test * c.mean_s for c in PAPER.values())
    rows = HEADS * TRAINS * seconds * sum(e.rate_hz for e in ENCODERS.values())
    print("| stage | files | GB | rate, measured | core-hours |")
    print("| :-- | --: | --: | :-- | --: |")
    print(
        f"| crops | {2 * _shards()} | {frames * bytes_a_frame / 1e9:.0f} "
        f"| {bytes_a_frame / 1e3:.1f} kB a frame; detector {rate:.0f} frames/s a core "
        f"| {frames / rate / 3600:.0f} |"
    )
    print(
        f"| scores | {files} | {tested * clip / 1e9:.2f} | {clip:.0f} bytes a clip | |"
    )
    print(f"| curves | {files} | {rows * row / 1e9:.1f} | {row:.1f} bytes a row | |")


if __name__ == "__main__":
    main()
