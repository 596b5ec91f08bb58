"""What the maps of every encoder that can be explained must do."""

import importlib

import numpy as np
import pytest
import torch

from contract.test_encoders import build, make_clip
from dfprobe.encoders import registry
from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.tracing import EXACT
from dfprobe.encoders.windows import Limits
from dfprobe.explain.spatial.maps.heat_maps import maps_of_rows
from dfprobe.explain.spatial.maps.patch_scores import frame_logit
from dfprobe.explain.spatial.maps.places import REGIONS
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.settings import encoder_families
from dfprobe.settings.encoder_families import explained_streams

STREAMS = [
    (family, stream)
    for family, streams in explained_streams().items()
    for stream in streams
]
# Several parts a clip, several rows a part, windows that overlap.
LIMITS = Limits(batch_rows=7, window_s=1.0, overlap_s=0.4)
FRAMES = 40


def probes_for(dim: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return list(3 * rng.standard_normal((2, dim + 1)).astype(np.float32))


def expected_rows(encoder, clip) -> np.ndarray:
    """Rows of a clip as the features stage cuts it, in float32."""
    if not isinstance(encoder, ModelEncoder):
        return encoder.encode(clip)
    with torch.inference_mode():
        parts = [
            encoder.features(**part.tensors).reshape(-1, encoder.dim)[part.keep]
            for part in encoder.parts(clip, LIMITS)
        ]
    return np.concatenate(parts)


@pytest.fixture(scope="module", params=STREAMS, ids="-".join)
def explained(request):
    """An encoder, its family, a clip's rows, and the maps of some of them."""
    family, stream = request.param
    encoder, clip = build(family, stream), make_clip(0, FRAMES)
    tracing = registry.tracing(family)
    rows = expected_rows(encoder, clip)
    asked = sorted({0, 1, len(rows) // 2, len(rows) - 1})
    probes = probes_for(encoder.dim)

    def make():
        return maps_of_rows(
            encoder, tracing, clip, [*asked, len(rows), -1], probes, LIMITS
        )

    return tracing, rows, asked, probes, make(), make


def test_each_row_has_each_map_and_all_are_finite(explained):
    tracing, _, asked, probes, maps, _ = explained
    assert sorted(maps) == asked  # rows that the clip does not have are left out
    for by_probe in maps.values():
        assert len(by_probe) == len(probes)
        for named in by_probe:
            assert list(named) == tracing.maps
            for (method, _), heat in named.items():
                assert heat.values.ndim == 2
                assert np.isfinite(heat.values).all()
                if method != EXACT:
                    assert 0 <= heat.values.min() <= heat.values.max() <= 1


def test_a_map_explains_the_logit_of_its_row(explained):
    _, rows, _, probes, maps, _ = explained
    for row, by_probe in maps.items():
        for probe, named in zip(probes, by_probe, strict=True):
            for heat in named.values():
                assert heat.logit == pytest.approx(
                    frame_logit(rows[row], probe), abs=1e-4
                )


def test_exact_scores_of_all_parts_add_up_to_the_logit(explained):
    tracing, rows, _, probes, maps, _ = explained
    if EXACT not in dict(tracing.maps):
        pytest.skip("this family has no exact scores")
    for row, by_probe in maps.items():
        for probe, named in zip(probes, by_probe, strict=True):
            total = sum(
                heat.values.astype(np.float32).sum()
                for (method, _), heat in named.items()
                if method == EXACT
            )
            head = LinearProbe(probe, {})
            logit = head.curve(np.ascontiguousarray(rows[row : row + 1]))[0]
            assert total == pytest.approx(logit, abs=1e-5)


def test_the_same_maps_come_twice(explained):
    *_, maps, make = explained
    again = make()
    for row, by_probe in maps.items():
        for named, others in zip(by_probe, again[row], strict=True):
            for key, heat in named.items():
                np.testing.assert_array_equal(heat.values, others[key].values)


def test_maps_of_different_probes_differ(explained):
    *_, maps, _ = explained
    differ = [
        not np.array_equal(heat.values, second[key].values)
        for first, second in maps.values()
        for key, heat in first.items()
    ]
    assert any(differ)


def test_every_map_lies_in_a_known_region(explained):
    tracing, *_ = explained
    assert set(tracing.regions.values()) <= REGIONS.keys()


def test_a_family_that_can_trace_its_rows_declares_it():
    """And only streams that there are."""
    explained = explained_streams()
    for family in encoder_families.families():
        module = importlib.import_module(encoder_families.module(family))
        assert hasattr(module, "TRACING") == (family in explained), family
    for family, streams in explained.items():
        assert set(streams) <= set(encoder_families.streams(family))
    assert "lfcc" not in explained
    assert "audio" not in explained["avhubert"]
