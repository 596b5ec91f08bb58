"""Encoders and probes in which only one known patch matters: the maps must find it."""

import numpy as np
import pytest
import torch
from torch import nn

from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.model_encoder import FrameEncoder
from dfprobe.encoders.registry import load_encoder, tracing
from dfprobe.encoders.tracing import (
    EXACT,
    GRADCAM,
    GRADXACT,
    Site,
    Tracing,
    shares_of_means,
    square,
)
from dfprobe.encoders.windows import Limits
from dfprobe.explain.spatial.maps.gradcam import (
    Slope,
    grad_cam,
    grad_x_activation,
    slopes,
)
from dfprobe.explain.spatial.maps.heat_maps import maps_of_rows
from dfprobe.explain.spatial.maps.patch_scores import frame_logit, patch_scores

LIMITS = Limits(batch_rows=4, window_s=None, overlap_s=0)
CELL = (1, 2)  # row and column of the patch that matters
GRID, PATCH, WIDTH = 4, 8, 16


class ToyModel(nn.Module):
    """Patches, a linear map of each, their mean: tokens are linear in the pixels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.tokens = nn.Identity()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        tokens = self.tokens(self.embed(pixels).flatten(2).mT)  # (B, 16, WIDTH)
        return tokens.mean(dim=1)


class ToyEncoder(FrameEncoder):
    inputs = frozenset({"frames"})
    rate_hz = 25.0

    def __init__(self) -> None:
        module = ToyModel().requires_grad_(False).eval()
        super().__init__(module, WIDTH, "toy", None)

    def pixels(self, frames, first, clip):
        return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255

    def forward(self, **tensors):
        return self.module(tensors["pixels"])[:, None]


def toy_shares(encoder, tensors):
    tokens = encoder.module.embed(tensors["pixels"]).flatten(2).mT
    return shares_of_means(tokens, 1)


TOY = Tracing(
    {"frame": "processed_frame"},
    lambda encoder: Site(encoder.module.tokens, lambda out, row: square(out[0])),
    toy_shares,
)


def frames_with_patch(side: int, patch: int, count: int) -> np.ndarray:
    """Grey frames whose patch CELL is bright, (count, side, side, 3), uint8."""
    frames = np.full((count, side, side, 3), 100, np.uint8)
    row, column = (place * patch for place in CELL)
    frames[:, row : row + patch, column : column + patch] = 220
    return frames


def clip_of(frames: np.ndarray) -> ClipInputs:
    boxes = np.full((len(frames), 4), np.nan, np.float32)  # FSFM takes whole frames
    return ClipInputs("planted", frames=lambda size: iter([frames]), boxes=boxes)


def probe_that_sees(with_patch: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Linear probe whose logit grows from the plain row to the one with the patch."""
    unit = [row / np.linalg.norm(row) for row in (with_patch, without)]
    weights = unit[0] - unit[1]
    weights -= weights @ unit[1] * unit[1]  # only the change counts
    return np.append(5 * weights / np.linalg.norm(weights), -0.5).astype(np.float32)


def test_a_toy_encoder_s_maps_find_the_patch_that_matters():
    encoder, side = ToyEncoder(), GRID * PATCH
    frames = frames_with_patch(side, PATCH, 3)
    plain = encoder.encode(clip_of(np.full_like(frames, 100)))[0]
    probe = probe_that_sees(encoder.encode(clip_of(frames))[0], plain)
    maps = maps_of_rows(encoder, TOY, clip_of(frames), [1], [probe], LIMITS)[1][0]
    for method in (EXACT, GRADCAM, GRADXACT):
        values = maps[method, "frame"].values
        assert values.shape == (GRID, GRID)
        assert np.unravel_index(values.argmax(), values.shape) == CELL, method
        others = np.delete(values.ravel(), CELL[0] * GRID + CELL[1])
        assert values.max() > others.max() + 0.05


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("clip", {"image_size": 64, "layers": 1}),
        ("videomae", {"image_size": 64, "layers": 1}),
        ("auto", {}),
        ("fsfm", {"image_size": 64, "layers": 1}),
        ("fsfm", {"image_size": 64, "layers": 1, "pooling": "cls"}),
    ],
)
def test_a_real_architecture_s_maps_find_the_patch_that_matters(family, options):
    stream = "image" if family == "auto" else None
    encoder = load_encoder(family, stream=stream, options=options)
    frames = frames_with_patch(64, 16, 16)
    plain = encoder.encode(clip_of(np.full_like(frames, 100)))[0]
    probe = probe_that_sees(encoder.encode(clip_of(frames))[0], plain)
    maps = maps_of_rows(
        encoder, tracing(family), clip_of(frames), [0], [probe], LIMITS
    )[0][0]
    for (method, _), heat in maps.items():
        values = heat.values
        assert np.unravel_index(values.argmax(), values.shape) == CELL, method


def test_gradients_are_those_of_finite_differences():
    encoder = load_encoder("clip", options={"image_size": 64})
    site = tracing("clip").site(encoder)
    pixels = torch.from_numpy(
        np.random.default_rng(0).standard_normal((1, 3, 64, 64)).astype(np.float32)
    )
    generator = np.random.default_rng(1)
    probe = generator.standard_normal(encoder.dim + 1).astype(np.float32)
    [[slope]] = slopes(encoder, site, {"pixels": pixels}, [0], [probe])
    step = torch.from_numpy(generator.standard_normal(128).astype(np.float32))

    def logit(size: float) -> float:
        def push(module, inputs, output):
            moved = output.clone()
            moved[0, 1 + CELL[0] * 4 + CELL[1]] += size * step  # after the CLS token
            return moved

        handle = site.module.register_forward_hook(push)
        row = encoder.features(pixels=pixels)[0, 0]
        handle.remove()
        return frame_logit(row, probe)

    change = (logit(0.05) - logit(-0.05)) / 0.1
    assert abs(change) > 1e-4
    assert float(slope.gradients[CELL] @ step.numpy()) == pytest.approx(
        change, rel=0.02
    )


def test_a_tubelet_s_map_is_its_own():
    encoder = load_encoder("videomae", options={"image_size": 64, "layers": 1})
    still = np.full((16, 64, 64, 3), 100, np.uint8)
    frames = still.copy()
    frames[6:8] = frames_with_patch(64, 16, 2)  # the fourth tubelet
    changed, plain = (encoder.encode(clip_of(f))[3] for f in (frames, still))
    probe = probe_that_sees(changed, plain)
    before, after = (
        maps_of_rows(
            encoder, tracing("videomae"), clip_of(f), range(8), [probe], LIMITS
        )
        for f in (still, frames)
    )
    change = np.array(
        [
            after[row][0][EXACT, "frame"].values - before[row][0][EXACT, "frame"].values
            for row in range(8)
        ]
    )
    assert np.unravel_index(np.abs(change).argmax(), change.shape) == (3, *CELL)


def test_a_lip_reader_s_map_is_that_of_its_own_frame():
    encoder = load_encoder("braven", stream="video")
    site = tracing("braven").site(encoder)
    maps = torch.arange(5 * 2 * 3 * 3).reshape(5, 2, 3, 3)  # (T, C, h, w)
    cells = site.cells(maps, 3)
    assert cells.shape == (3, 3, 2)
    assert cells[1, 2].equal(maps[3, :, 1, 2])


def test_a_tubelet_s_tokens_are_its_own():
    encoder = load_encoder("videomae", options={"image_size": 64, "layers": 1})
    tokens = torch.arange(8 * 16).reshape(1, 8 * 16, 1)  # t, row, column
    cells = tracing("videomae").site(encoder).cells(tokens, 3)
    assert cells[..., 0].equal(48 + torch.arange(16).reshape(4, 4))


def test_grad_cam_weighs_channels_and_gradient_x_activation_places():
    activations = np.zeros((2, 2, 2), np.float32)
    activations[0, 0] = [1, 0]
    activations[1, 1] = [0, 2]
    gradients = np.zeros((2, 2, 2), np.float32)
    gradients[0, 0] = [4, 0]
    gradients[1, 1] = [0, -1]
    gradients[0, 1] = [0, 3]
    slope = Slope(np.ones(2, np.float32), activations, gradients)
    # Channel weights 1 and 0.5; both lit cells come to 1.
    np.testing.assert_allclose(grad_cam(slope), [[1, 0], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(grad_x_activation(slope), [[1, 0], [0, 0]], atol=1e-6)


def test_a_map_without_anything_positive_is_zero():
    activations = np.ones((2, 2, 1), np.float32)
    slope = Slope(np.ones(2, np.float32), activations, -activations)
    assert not grad_cam(slope).any()
    assert not grad_x_activation(slope).any()


def test_patch_scores_by_hand():
    shares = np.array([[3.0, 0.0], [0.0, 4.0]])
    params = np.array([1.0, 2.0, 0.5], np.float32)
    # The row is (3, 4), of length 5.
    np.testing.assert_allclose(patch_scores(shares, params), [0.6 + 0.25, 1.6 + 0.25])
    assert frame_logit(np.array([3.0, 4.0]), params) == pytest.approx(2.7)
    assert np.isnan(frame_logit(np.zeros(2), params))
