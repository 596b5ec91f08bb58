"""The layout of AVLips, filled with demo clips: a test set, fake lips, genuine sound.

``0_real/N.mp4`` and ``1_fake/N.mp4`` with gaps in the numbers, and the sound once more
as ``wav/0_real/N.wav``; no metadata and no splits.
"""

from pathlib import Path

from dfprobe.demo.plans.plan import (
    AudioFake,
    ClipPlan,
    SourcePlan,
    VideoFake,
    usual_recording,
)
from dfprobe.demo.plans.seeds import generator
from dfprobe.errors import ConfigError


def _source(seed: int, number: int) -> SourcePlan:
    key = (seed, "avlips", "test", number)
    rng = generator(*key, "plan")
    name = 3 * number + int(rng.integers(0, 3))
    mixed = rng.random() < 0.5
    return SourcePlan(
        seed=key,
        person=(*key, "person"),
        split="test",
        number=number,
        gender="men" if number % 2 == 0 else "women",
        recording=usual_recording(rng),
        audio=AudioFake("other", "clone", "B", 1.0),  # lends its mouth, is not heard
        video=VideoFake(
            region="lips",
            family="B" if rng.random() < 0.6 else "A",
            strength=float(rng.uniform(0.6, 1.0)),
            grid=int(rng.integers(50, 90)),
            lag_s=float(rng.uniform(-0.03, 0.10)),
            flatten=float(rng.uniform(0.0, 0.35)),
            other=float(rng.uniform(0.3, 0.7)) if mixed else 0.0,
        ),
        segments=(),
        clips=(
            ClipPlan(f"0_real/{name}.mp4", wav=f"wav/0_real/{name}.wav"),
            ClipPlan(
                f"1_fake/{name}.mp4", video_fake=True, wav=f"wav/1_fake/{name}.wav"
            ),
        ),
    )


def plan(seed: int, sources: dict[str, int]) -> list[SourcePlan]:
    """Plan the corpus.

    Raises
    ------
    ConfigError
        If train or val sources are asked for: the layout has no splits.
    """
    if sources["train"] or sources["val"]:
        raise ConfigError(
            "Demo corpus avlips: expected 0 train and 0 val sources, since the layout "
            f"has no splits, got {sources['train']} and {sources['val']}. Set both 0."
        )
    return [_source(seed, number) for number in range(sources["test"])]


def lists(root: Path, plans: list[SourcePlan]) -> dict[Path, str]:
    """Text files of the corpus: there are none."""
    return {}
