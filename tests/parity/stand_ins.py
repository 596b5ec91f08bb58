"""Stand-ins for the published checkpoints, in their containers and key styles.

The values are those of `fill_tensor` under the names in the file.
"""

import argparse
import json
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import save_file

from parity.fill import fill_tensor
from parity.published_tensors import (
    CLIP_TEXT,
    CLIP_VISION,
    VIDEOMAE,
    VIDEOMAE_DECODER,
    XLS_R,
    Shapes,
    Size,
)

Tensors = dict[str, torch.Tensor]


def value(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """One tensor of a checkpoint."""
    if name.endswith("position_ids"):
        return torch.arange(shape[1])[None]
    return torch.from_numpy(np.asarray(fill_tensor(name, shape)))


def values(shapes: Shapes) -> Tensors:
    return {name: value(name, shape) for name, shape in shapes.items()}


# ---- Files of torch.save


def write_flat(path: Path, shapes: Shapes) -> Path:
    """BRAVEn, RAVEn and Auto-AVSR: a dictionary of tensors, nothing else."""
    torch.save(values(shapes), path)
    return path


def write_fsfm(path: Path, shapes: Shapes) -> Path:
    """FSFM: the tensors beside the state of training."""
    moments = {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2, 3)}
    content = {
        "model": values(shapes),
        "optimizer": {"state": {0: moments}, "param_groups": [{"params": [0]}]},
        "epoch": 400,
        "scaler": {"scale": 65536.0, "growth_tracker": 7},
        "args": argparse.Namespace(model="vit_base_patch16", lr=1e-3, output="out"),
    }
    torch.save(content, path)
    return path


def write_fairseq(path: Path, shapes: Shapes, zipped: bool = True) -> Path:
    """AV-HuBERT: as fairseq's trainer writes, in torch's zip or older format."""
    with fairseq_classes() as task_state:
        content = {
            "args": None,
            "cfg": {
                "_name": None,
                "task": {"_name": "av_hubert_pretraining", "normalize": True},
                "model": {"_name": "av_hubert", "w2v_args": {"model": {"layers": 24}}},
            },
            "model": OrderedDict(values(shapes)),
            "criterion": OrderedDict(),
            "optimizer_history": [{"num_updates": 60_000, "lr_scheduler_state": {}}],
            "task_state": task_state,
            "extra_state": {
                "best": np.float64(0.5),
                "metrics": OrderedDict(train=[("loss", {"sum": np.float32(2.5)})]),
                "train_iterator": {"epoch": np.int64(7)},
            },
            "last_optimizer_state": {"state": {0: {"exp_avg": torch.zeros(2)}}},
        }
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


@contextmanager
def fairseq_classes() -> Iterator[dict[str, Any]]:
    """Give a task state of classes that are importable only inside the block."""
    names = {
        "fairseq.data.dictionary": "Dictionary",
        "fairseq.data.encoders.sentencepiece_bpe": "SentencepieceBPE",
        "sentencepiece": "SentencePieceProcessor",
    }
    modules = {"fairseq": types.ModuleType("fairseq")}
    for module, name in names.items():
        modules[module] = types.ModuleType(module)
        setattr(modules[module], name, type(name, (), {"__module__": module}))
    dictionary, bpe, sentencepiece = (
        getattr(modules[module], name) for module, name in names.items()
    )
    symbols, tokenizer = dictionary(), bpe()
    symbols.symbols, symbols.indices = ["<s>", "<pad>", "</s>", "<unk>"], {"<s>": 0}
    # Bytes become a call of _codecs.encode in a pickle of this protocol.
    sentencepiece.__getstate__ = lambda self: b"\x0a\x0e\xff\x00 a model"
    tokenizer.sp = sentencepiece()
    with patch.dict(sys.modules, modules):
        yield {
            "dictionaries": [symbols],
            "target_dictionary": symbols,
            "s2s_tokenizer": tokenizer,
        }


# ---- Folders as the hub has them


def transformer_config(size: Size) -> dict[str, Any]:
    return {
        "num_hidden_layers": size.layers,
        "hidden_size": size.width,
        "intermediate_size": size.ffn,
        "num_attention_heads": size.heads,
    }


CLIP_CONFIG = {
    "architectures": ["CLIPModel"],
    "model_type": "clip",
    "projection_dim": 768,
    "torch_dtype": "float32",
    "vision_config": {
        **transformer_config(CLIP_VISION),
        "hidden_act": "quick_gelu",
        "image_size": 224,
        "layer_norm_eps": 1e-5,
        "model_type": "clip_vision_model",
        "patch_size": 14,
        "projection_dim": 768,
    },
    "text_config": {
        **transformer_config(CLIP_TEXT),
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 77,
        "model_type": "clip_text_model",
        "projection_dim": 768,
        "vocab_size": 49408,
    },
}
CLIP_PREPROCESSOR = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 224,
}
VIDEOMAE_CONFIG = {
    **transformer_config(VIDEOMAE),
    "architectures": ["VideoMAEForPreTraining"],
    "decoder_hidden_size": VIDEOMAE_DECODER.width,
    "decoder_intermediate_size": VIDEOMAE_DECODER.ffn,
    "decoder_num_attention_heads": VIDEOMAE_DECODER.heads,
    "decoder_num_hidden_layers": VIDEOMAE_DECODER.layers,
    "hidden_act": "gelu",
    "image_size": 224,
    "layer_norm_eps": 1e-12,
    "model_type": "videomae",
    "num_channels": 3,
    "num_frames": 16,
    "patch_size": 16,
    "qkv_bias": True,
    "torch_dtype": "float32",
    "tubelet_size": 2,
    "use_mean_pooling": False,
}
VIDEOMAE_PREPROCESSOR = {
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "VideoMAEFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 2,
    "size": 224,
}
XLS_R_CONFIG = {
    **transformer_config(XLS_R),
    "architectures": ["Wav2Vec2ForPreTraining"],
    "codevector_dim": 1024,
    "conv_bias": True,
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "do_stable_layer_norm": True,
    "feat_extract_activation": "gelu",
    "feat_extract_norm": "layer",
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "model_type": "wav2vec2",
    "num_codevector_groups": 2,
    "num_codevectors_per_group": 320,
    "num_conv_pos_embedding_groups": 16,
    "num_conv_pos_embeddings": 128,
    "proj_codevector_dim": 1024,
    "torch_dtype": "float32",
}
XLS_R_PREPROCESSOR = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0,
    "return_attention_mask": True,
    "sampling_rate": 16000,
}


def write_hub(
    folder: Path,
    shapes: Shapes,
    config: dict[str, Any],
    preprocessor: dict[str, Any],
    safetensors: bool,
) -> Path:
    """A repository's files; without safetensors, a pytorch_model.bin."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    tensors = values(shapes)
    if safetensors:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        torch.save(tensors, folder / "pytorch_model.bin")
    return folder
