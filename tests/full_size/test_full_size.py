"""The encoders at their published sizes, through the files and calls of a user.

Each file is a stand-in: random values by the rule of the parity fixtures, under the
names, in the sizes and in the container of the published one. Families of our own code
are compared with their own modules in float64 (the fixtures hold them to the official
code), those of transformers with the whole model that the file is of.
"""

import gc
import shutil
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    VideoMAEConfig,
    VideoMAEForPreTraining,
    Wav2Vec2Config,
    Wav2Vec2ForPreTraining,
)

from dfprobe.encoders.registry import load_encoder
from dfprobe.weights.records import records
from parity import published_tensors as published
from parity import stand_ins
from parity.fill import input_tensor

FRAMES, SAMPLES = 10, 16_000
IMAGES = 2  # where each is a clip of its own
ROWS_OF_A_SECOND = 25
MIDDLE = 12  # the hidden layer that is asked for by its number


@dataclass(frozen=True)
class Case:
    """One encoder: its file, its inputs, and what must come out."""

    name: str
    family: str
    stream: str
    inputs: dict[str, tuple[int, ...]]
    write: Callable[[Path], Path]
    rows: int
    dim: int
    width: int  # of a hidden layer
    layers: int
    limit: float = 2e-5  # relative to the largest value
    options: dict[str, Any] = field(default_factory=dict)
    reference: Callable[[dict[str, torch.Tensor]], torch.Tensor] | None = None


def avhubert(stream: str, size: str, layout: str, zipped: bool) -> Case:
    sizes = published.AVHUBERT[size]
    shapes = {
        "fine-tuned": published.avhubert_fine_tuned,
        "pre-trained": published.avhubert_pretrained,
    }[layout](sizes)
    inputs = {
        "audio": (1, published.AUDIO_FEATURES, FRAMES),
        "video": (1, 1, FRAMES, 88, 88),
    }
    return Case(
        name=f"AV-HuBERT {size} {layout} {'zip' if zipped else 'legacy'}, {stream}",
        family="avhubert",
        stream=stream,
        inputs={name: inputs[name] for name in stream.split("_")},
        write=lambda folder: stand_ins.write_fairseq(
            folder / "avhubert.pt", shapes, zipped
        ),
        rows=FRAMES,
        dim=sizes.width,
        width=sizes.width,
        layers=sizes.layers,
    )


def braven(stream: str) -> Case:
    sizes = published.BRAVEN["large"]
    shapes = published.braven_fine_tuned(stream, sizes, decoder_layers=9)
    audio = stream == "audio"
    return Case(
        name=f"BRAVEn large, {stream}",
        family="braven",
        stream=stream,
        inputs={stream: (1, SAMPLES, 1) if audio else (1, FRAMES, 88, 88)},
        write=lambda folder: stand_ins.write_flat(folder / "braven.pth", shapes),
        rows=ROWS_OF_A_SECOND if audio else FRAMES,
        dim=sizes.width,
        width=sizes.width,
        layers=sizes.layers,
    )


def auto_avsr(stream: str, layout: str = "v1.0.0") -> Case:
    shapes = {"v1.0.0": published.auto_avsr, "main": published.auto_avsr_main}[layout](
        stream
    )
    inputs = {
        "audio": {"audio": (1, SAMPLES, 1)},
        "video": {"video": (1, FRAMES, 1, 88, 88)},
        "audio_video": {
            "video": (1, FRAMES, 1, 88, 88),
            "audio": (1, 640 * FRAMES, 1),
        },
    }
    width = published.AUTO_AVSR.width
    return Case(
        name=f"Auto-AVSR {layout}, {stream}",
        family="auto_avsr",
        stream=stream,
        inputs=inputs[stream],
        write=lambda folder: stand_ins.write_flat(folder / "auto_avsr.pth", shapes),
        rows=ROWS_OF_A_SECOND if stream == "audio" else FRAMES,
        dim=width,
        width=2 * width if stream == "audio_video" else width,
        layers=published.AUTO_AVSR.layers,
    )


def fsfm(size: str, layout: str, pooling: str) -> Case:
    sizes = published.FSFM[size]
    shapes = {
        "fine-tuned": published.fsfm_fine_tuned,
        "pre-training": published.fsfm_pretraining,
    }[layout](sizes)
    return Case(
        name=f"FSFM {size} {layout}, {pooling}",
        family="fsfm",
        stream="video",
        inputs={"pixels": (IMAGES, 3, 224, 224)},
        write=lambda folder: stand_ins.write_fsfm(folder / "checkpoint.pth", shapes),
        rows=1,
        dim=sizes.width,
        width=sizes.width,
        layers=sizes.layers,
        limit=1e-5,
        options={"pooling": pooling, "heads": sizes.heads},
    )


def clip() -> Case:
    return Case(
        name="CLIP ViT-L/14",
        family="clip",
        stream="video",
        inputs={"pixels": (IMAGES, 3, 224, 224)},
        write=lambda folder: stand_ins.write_hub(
            folder / "clip",
            published.clip(),
            stand_ins.CLIP_CONFIG,
            stand_ins.CLIP_PREPROCESSOR,
            safetensors=True,
        ),
        rows=1,
        dim=768,
        width=published.CLIP_VISION.width,
        layers=published.CLIP_VISION.layers,
        limit=1e-5,
        reference=clip_reference,
    )


def videomae(safetensors: bool) -> Case:
    width = published.VIDEOMAE.width
    return Case(
        name=f"VideoMAE large {'safetensors' if safetensors else 'bin'}",
        family="videomae",
        stream="video",
        inputs={"pixels": (1, 16, 3, 224, 224)},
        write=lambda folder: stand_ins.write_hub(
            folder / "videomae",
            published.videomae(),
            stand_ins.VIDEOMAE_CONFIG,
            stand_ins.VIDEOMAE_PREPROCESSOR,
            safetensors,
        ),
        rows=8,
        dim=width,
        width=width,
        layers=published.VIDEOMAE.layers,
        limit=1e-5,
        reference=videomae_reference,
    )


def xls_r() -> Case:
    width = 2 * published.XLS_R.width
    return Case(
        name="Wav2Vec2 XLS-R 2B",
        family="wav2vec2",
        stream="audio",
        inputs={"waveform": (1, SAMPLES)},
        write=lambda folder: stand_ins.write_hub(
            folder / "xls-r",
            published.xls_r(),
            stand_ins.XLS_R_CONFIG,
            stand_ins.XLS_R_PREPROCESSOR,
            safetensors=False,
        ),
        rows=ROWS_OF_A_SECOND,
        dim=width,
        width=width,
        layers=published.XLS_R.layers,
        limit=1e-5,
        reference=xls_r_reference,
    )


def filled(model: torch.nn.Module, shapes: published.Shapes) -> Any:
    """A model of transformers with the values of a file, put in by hand."""
    parameters = model.state_dict()  # shares its memory with the model
    for name, shape in shapes.items():
        if not name.endswith("position_ids"):  # a buffer of older versions
            parameters.pop(published.loaded_name(name)).copy_(
                stand_ins.value(name, shape)
            )
    assert not parameters
    return model.eval()


def clip_reference(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    config = CLIPConfig.from_dict(stand_ins.CLIP_CONFIG)
    model = filled(CLIPModel(config), published.clip())
    return model.get_image_features(inputs["pixels"]).pooler_output[:, None]


def videomae_reference(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    config = VideoMAEConfig.from_dict(stand_ins.VIDEOMAE_CONFIG)
    model = filled(VideoMAEForPreTraining(config), published.videomae())
    tokens = model.videomae(inputs["pixels"]).last_hidden_state
    return tokens.reshape(1, 8, 14 * 14, -1).mean(dim=2)


def xls_r_reference(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    config = Wav2Vec2Config.from_dict(stand_ins.XLS_R_CONFIG)
    model = filled(Wav2Vec2ForPreTraining(config), published.xls_r())
    steps = model.wav2vec2(inputs["waveform"]).last_hidden_state
    assert steps.shape[1] == 49
    return torch.cat([steps, steps[:, -1:]], dim=1).reshape(1, 25, -1)


CASES = [
    *(avhubert(s, "large", "fine-tuned", True) for s in ("audio", "video")),
    avhubert("audio_video", "large", "fine-tuned", True),
    avhubert("audio_video", "large", "pre-trained", False),
    avhubert("audio_video", "base", "pre-trained", False),
    braven("audio"),
    braven("video"),
    *(auto_avsr(stream) for stream in ("audio", "video", "audio_video")),
    *(auto_avsr(stream, "main") for stream in ("audio", "video")),
    fsfm("base", "fine-tuned", "mean"),
    fsfm("base", "pre-training", "mean"),
    fsfm("base", "pre-training", "cls"),
    fsfm("large", "pre-training", "mean"),
    clip(),
    videomae(safetensors=True),
    videomae(safetensors=False),
    xls_r(),  # last, since it needs the most
]


@pytest.fixture(scope="module", params=CASES, ids=[case.name for case in CASES])
def case(request) -> Case:
    return request.param


class Written(NamedTuple):
    """A file or folder of weights, its length, and how long writing it took."""

    path: Path
    length: int
    seconds: float


@pytest.fixture(scope="module")
def weights(case, tmp_path_factory):
    """The case's weights, which are deleted after its tests."""
    folder = tmp_path_factory.mktemp("weights")
    start = time.perf_counter()
    path = case.write(folder)
    seconds = time.perf_counter() - start
    files = [file for file in folder.rglob("*") if file.is_file()]
    yield Written(path, sum(file.stat().st_size for file in files), seconds)
    shutil.rmtree(folder)


@pytest.fixture
def timed(record_property):
    """Record how many seconds a block takes."""

    @contextmanager
    def block(name):
        start = time.perf_counter()
        yield
        record_property(name, f"{time.perf_counter() - start:.1f} s")

    return block


def load(case, weights, layer="last"):
    gc.collect()  # the model before, so that there is never more than one
    return load_encoder(
        case.family, str(weights.path), case.stream, layer, case.options
    )


def inputs_of(case):
    return {
        name: torch.from_numpy(input_tensor(f"full_size.{case.family}.{name}", shape))
        for name, shape in case.inputs.items()
    }


def in_float64(encoder, inputs):
    encoder.module.double()
    return encoder.forward(**{name: tensor.double() for name, tensor in inputs.items()})


@torch.inference_mode()
def test_features(case, weights, timed, record_property):
    record_property("encoder", case.name)
    record_property("file", f"{weights.length / 1e9:.2f} GB")
    record_property("write", f"{weights.seconds:.1f} s")
    inputs = inputs_of(case)
    with timed("load"):
        encoder = load(case, weights)
    with timed("run"):
        features = encoder.features(**inputs)
    assert features.shape == (len(next(iter(inputs.values()))), case.rows, case.dim)
    assert encoder.dim == case.dim
    assert np.isfinite(features).all()
    if case.reference is None:
        expected = in_float64(encoder, inputs)
        del encoder
    else:
        del encoder
        gc.collect()
        expected = case.reference(inputs)
    largest = expected.abs().max()
    error = (torch.from_numpy(features) - expected).abs().max() / largest
    record_property("largest value", f"{largest:.2f}")
    record_property("error", f"{error:.1e}")
    assert error < case.limit


def test_hidden_layers(case, weights):
    inputs = inputs_of(case)
    middle = load(case, weights, MIDDLE).features(**inputs)
    assert middle.shape[1:] == (case.rows, case.width)
    every = load(case, weights, "all").features(**inputs)
    assert every.shape[1:] == (case.rows, (case.layers + 1) * case.width)
    start = MIDDLE * case.width
    np.testing.assert_array_equal(every[..., start : start + case.width], middle)
    assert np.isfinite(every).all()


def test_the_stand_in_of_clip_is_as_long_as_the_published_file(tmp_path):
    """Its length depends on every name and shape in it."""
    record = records()["openai/clip-vit-large-patch14"]
    folder = clip().write(tmp_path)
    length = (folder / record.hub_file).stat().st_size
    shutil.rmtree(folder)
    assert length == record.size_bytes
