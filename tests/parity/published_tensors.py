"""Names and shapes of the tensors in the published checkpoints, at full size.

Written from the descriptions of the checkpoints, not from the project's modules, so
that a wrong name or size there is noticed. Facts: facebookresearch/av_hubert,
ahaliassos/raven, mpc001/auto_avsr, wolo-wolo/FSFM-CVPR25, and the hub repositories
openai/clip-vit-large-patch14, MCG-NJU/videomae-large, facebook/wav2vec2-xls-r-2b.
"""

from typing import NamedTuple

Shapes = dict[str, tuple[int, ...]]

STAGES = ((64, 64), (64, 128), (128, 256), (256, 512))  # channels in and out: ResNet-18
TRUNK_OUT = 512
AUDIO_FEATURES = 104
CLUSTERS, LABEL_WIDTH = 2004, 256  # of AV-HuBERT's pre-training
GRID = 14  # patches along a side of FSFM's image


class Size(NamedTuple):
    """Layers, width, feed-forward width and attention heads of a transformer."""

    layers: int
    width: int
    ffn: int
    heads: int


AVHUBERT = {"base": Size(12, 768, 3072, 12), "large": Size(24, 1024, 4096, 16)}
BRAVEN = {
    "base": Size(12, 512, 2048, 8),
    "baseplus": Size(12, 768, 3072, 12),
    "large": Size(24, 1024, 4096, 16),
}
BRAVEN_DECODER_LAYERS = {"base": 6, "baseplus": 9, "large": 9}
AUTO_AVSR = Size(12, 768, 3072, 12)
FUSION_WIDTH = 8192
FSFM = {
    "small": Size(12, 384, 1536, 12),
    "base": Size(12, 768, 3072, 12),
    "large": Size(24, 1024, 4096, 16),
}
CLIP_VISION = Size(24, 1024, 4096, 16)
CLIP_TEXT = Size(12, 768, 3072, 12)
VIDEOMAE = Size(24, 1024, 4096, 16)
VIDEOMAE_DECODER = Size(12, 512, 2048, 8)
XLS_R = Size(48, 1920, 7680, 16)


def under(prefix: str, shapes: Shapes) -> Shapes:
    """Put a prefix in front of all names."""
    return {prefix + name: shape for name, shape in shapes.items()}


def without(prefix: str, shapes: Shapes) -> Shapes:
    """Names that have a prefix, without it."""
    return {
        name.removeprefix(prefix): shape
        for name, shape in shapes.items()
        if name.startswith(prefix)
    }


def linear(name: str, wide_in: int, wide: int) -> Shapes:
    return {f"{name}.weight": (wide, wide_in), f"{name}.bias": (wide,)}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def batch_norm(name: str, width: int) -> Shapes:
    values = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{value}": (width,) for value in values} | {
        f"{name}.num_batches_tracked": ()
    }


def trunk(kernel: tuple[int, ...], slopes: bool) -> Shapes:
    """ResNet-18 after its first layer; with or without PReLU slopes."""
    shapes: Shapes = {}
    for stage, (wide_in, wide) in enumerate(STAGES):
        for block in range(2):
            inner: Shapes = {}
            for number in (1, 2):
                first = block == 0 and number == 1
                channels = (wide, wide_in if first else wide)
                inner[f"conv{number}.weight"] = channels + kernel
                inner |= batch_norm(f"bn{number}", wide)
                if slopes:
                    inner[f"relu{number}.weight"] = (wide,)
            if stage and block == 0:
                point = (1,) * len(kernel)
                inner["downsample.0.weight"] = (wide, wide_in, *point)
                inner |= batch_norm("downsample.1", wide)
            shapes |= under(f"layer{stage + 1}.{block}.", inner)
    return shapes


def transformer_layer(size: Size, names: dict[str, str]) -> Shapes:
    """Attention with four projections, two norms, two linear layers.

    Each family has its own ``names`` for the parts q, k, v, out, norm1, norm2, fc1
    and fc2.
    """
    shapes: Shapes = {}
    for part in ("q", "k", "v", "out"):
        shapes |= linear(names[part], size.width, size.width)
    shapes |= linear(names["fc1"], size.width, size.ffn)
    shapes |= linear(names["fc2"], size.ffn, size.width)
    return shapes | norm(names["norm1"], size.width) | norm(names["norm2"], size.width)


# ---- AV-HuBERT


FAIRSEQ_LAYER = {
    **{part: f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")},
    **{"norm1": "self_attn_layer_norm", "norm2": "final_layer_norm"},
    **{"fc1": "fc1", "fc2": "fc2"},
}


def avhubert_encoder(size: Size) -> Shapes:
    """What is used of a checkpoint, under the names of a pre-trained one."""
    width = size.width
    shapes = linear("feature_extractor_audio.proj", AUDIO_FEATURES, width)
    resnet = "feature_extractor_video.resnet."
    shapes[f"{resnet}frontend3D.0.weight"] = (64, 1, 5, 7, 7)
    shapes |= batch_norm(f"{resnet}frontend3D.1", 64)
    shapes[f"{resnet}frontend3D.2.weight"] = (64,)
    shapes |= under(f"{resnet}trunk.", trunk((3, 3), slopes=True))
    shapes |= linear("feature_extractor_video.proj", TRUNK_OUT, width)
    shapes |= norm("layer_norm", 2 * width)
    shapes |= linear("post_extract_proj", 2 * width, width)
    shapes |= positional_conv("encoder.pos_conv.0", width)
    for number in range(size.layers):
        layer = transformer_layer(size, FAIRSEQ_LAYER)
        shapes |= under(f"encoder.layers.{number}.", layer)
    return shapes | norm("encoder.layer_norm", width)


def positional_conv(name: str, width: int) -> Shapes:
    """Convolution over 128 steps in 16 groups with the older weight norm."""
    return {
        f"{name}.bias": (width,),
        f"{name}.weight_g": (1, 1, 128),
        f"{name}.weight_v": (width, width // 16, 128),
    }


def avhubert_pretrained(size: Size) -> Shapes:
    shapes = avhubert_encoder(size) | linear("final_proj", size.width, LABEL_WIDTH)
    return shapes | _avhubert_training()


def avhubert_fine_tuned(size: Size) -> Shapes:
    """Encoder of a sequence-to-sequence model, with its decoder of nine layers."""
    shapes = avhubert_encoder(size) | _avhubert_training()
    shapes = under("encoder.w2v_model.", shapes)
    width = size.width
    shapes["decoder.embed_tokens.weight"] = (1000, width)
    shapes["decoder.embed_positions._float_tensor"] = (1,)
    for number in range(9):
        layer = transformer_layer(size, FAIRSEQ_LAYER)
        layer |= norm("encoder_attn_layer_norm", width)
        for part in ("q", "k", "v", "out"):
            layer |= linear(f"encoder_attn.{part}_proj", width, width)
        shapes |= under(f"decoder.layers.{number}.", layer)
    return shapes | norm("decoder.layer_norm", width)


def _avhubert_training() -> Shapes:
    return {
        "mask_emb": (AUDIO_FEATURES,),
        "label_embs_concat": (CLUSTERS, LABEL_WIDTH),
    }


# ---- BRAVEn and Auto-AVSR


def frontend(stream: str) -> Shapes:
    """ResNet-18 on sound or on frames, without slopes (its activation is SiLU)."""
    if stream == "audio":
        shapes: Shapes = {"trunk.conv1.weight": (64, 1, 80)}
        shapes |= batch_norm("trunk.bn1", 64)
        return shapes | under("trunk.", trunk((3,), slopes=False))
    shapes = {"frontend3D.0.weight": (64, 1, 5, 7, 7)}
    shapes |= batch_norm("frontend3D.1", 64)
    return shapes | under("trunk.", trunk((3, 3), slopes=False))


def relative_attention(size: Size) -> Shapes:
    width = size.width
    shapes: Shapes = {"linear_pos.weight": (width, width)}
    for bias in ("pos_bias_u", "pos_bias_v"):
        shapes[bias] = (size.heads, width // size.heads)
    for part in ("q", "k", "v", "out"):
        shapes |= linear(f"linear_{part}", width, width)
    return under("self_attn.", shapes)


def feed_forward(name: str, size: Size) -> Shapes:
    shapes = linear(f"{name}.w_1", size.width, size.ffn)
    return shapes | linear(f"{name}.w_2", size.ffn, size.width)


def text_side(wide_in: int, size: Size, vocabulary: int) -> Shapes:
    """CTC layer and decoder; a decoder of another width has a projection as well."""
    width = size.width
    shapes = linear("ctc.ctc_lo", wide_in, vocabulary)
    shapes["decoder.embed.0.weight"] = (vocabulary, width)
    for number in range(size.layers):
        layer = feed_forward("feed_forward", size)
        for attention in ("self_attn", "src_attn"):
            for part in ("q", "k", "v", "out"):
                layer |= linear(f"{attention}.linear_{part}", width, width)
        for place in (1, 2, 3):
            layer |= norm(f"norm{place}", width)
        shapes |= under(f"decoder.decoders.{number}.", layer)
    shapes |= norm("decoder.after_norm", width)
    shapes |= linear("decoder.output_layer", width, vocabulary)
    if wide_in != width:
        shapes |= linear("decoder.proj_decoder", wide_in, width)
    return shapes


def braven_encoder(stream: str, size: Size) -> Shapes:
    """An encoder without prefix, as in a file that is only pre-trained."""
    width = size.width
    shapes = under("frontend.", frontend(stream))
    shapes |= linear("embed.0", TRUNK_OUT, width)
    for number in range(size.layers):
        block = relative_attention(size) | feed_forward("feed_forward", size)
        block |= norm("norm_mha", width) | batch_norm("norm_ff", width)
        block |= {"gamma_mha": (width,), "gamma_ff": (width,)}
        shapes |= under(f"encoders.{number}.", block)
    return shapes | norm("after_norm", width)


def braven_fine_tuned(
    stream: str, size: Size, decoder_layers: int, decoder_width: int | None = None
) -> Shapes:
    """An encoder for speech recognition, its decoder of the same width or narrower."""
    width = decoder_width or size.width
    decoder = Size(decoder_layers, width, 4 * width, size.heads)
    shapes = under("encoder.", braven_encoder(stream, size))
    return shapes | text_side(size.width, decoder, vocabulary=1049)


def conformer(stream: str, size: Size = AUTO_AVSR) -> Shapes:
    """One encoder of Auto-AVSR, without prefix, named as in its tag v1.0.0."""
    width = size.width
    shapes = under("frontend.", frontend(stream))
    shapes |= linear("embed.0", TRUNK_OUT, width)
    for number in range(size.layers):
        block = relative_attention(size)
        block |= feed_forward("feed_forward", size)
        block |= feed_forward("feed_forward_macaron", size)
        for place in ("ff_macaron", "mha", "conv", "ff", "final"):
            block |= norm(f"norm_{place}", width)
        block |= under("conv_module.", convolution_module(width))
        shapes |= under(f"encoders.{number}.", block)
    return shapes | norm("after_norm", width)


def convolution_module(width: int) -> Shapes:
    shapes: Shapes = batch_norm("norm", width)
    weights = {
        "pointwise_cov1": (2 * width, width, 1),
        "depthwise_conv": (width, 1, 31),
        "pointwise_cov2": (width, width, 1),
    }
    for name, shape in weights.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes


def auto_avsr(stream: str) -> Shapes:
    """A whole file of the tag v1.0.0: ``audio``, ``video`` or ``audio_video``."""
    shapes = text_side(AUTO_AVSR.width, AUTO_AVSR._replace(layers=6), vocabulary=5049)
    return auto_avsr_encoders(stream) | shapes


def auto_avsr_encoders(stream: str) -> Shapes:
    """The part of such a file that is used."""
    if stream != "audio_video":
        return under("encoder.", conformer(stream))
    shapes = under("encoder.", conformer("video"))
    shapes |= under("aux_encoder.", conformer("audio"))
    width = AUTO_AVSR.width
    shapes |= linear("fusion.fc1", 2 * width, FUSION_WIDTH)
    shapes |= batch_norm("fusion.bn1", FUSION_WIDTH)
    return shapes | linear("fusion.fc2", FUSION_WIDTH, width)


def auto_avsr_main(stream: str) -> Shapes:
    """A whole file of the branch main, which names two parts in another way."""
    moved = {"encoder.frontend.": "frontend.", "encoder.embed.0.": "proj_encoder."}
    shapes = auto_avsr(stream)
    for old, new in moved.items():
        kept = {name: s for name, s in shapes.items() if not name.startswith(old)}
        shapes = kept | under(new, without(old, shapes))
    return shapes


# ---- FSFM


def vit_blocks(size: Size, prefix: str) -> Shapes:
    width = size.width
    block = linear("attn.qkv", width, 3 * width) | linear("attn.proj", width, width)
    block |= linear("mlp.fc1", width, size.ffn) | linear("mlp.fc2", size.ffn, width)
    block |= norm("norm1", width) | norm("norm2", width)
    shapes: Shapes = {}
    for number in range(size.layers):
        shapes |= under(f"{prefix}.{number}.", block)
    return shapes


def fsfm_trunk(size: Size) -> Shapes:
    """What both kinds of files have: all but the norm after the last block."""
    width = size.width
    shapes: Shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + GRID**2, width),
        "patch_embed.proj.weight": (width, 3, 16, 16),
        "patch_embed.proj.bias": (width,),
    }
    return shapes | vit_blocks(size, "blocks")


def fsfm_fine_tuned(size: Size) -> Shapes:
    shapes = fsfm_trunk(size) | norm("fc_norm", size.width)
    return shapes | linear("head", size.width, 2)


def fsfm_pretraining(size: Size) -> Shapes:
    """Encoder, two decoders, and the heads of the contrastive part."""
    width, hidden, projected = size.width, 4096, 256
    shapes = fsfm_trunk(size) | norm("norm", width)
    shapes["mask_token"] = (1, 1, width)
    for name, wide_in in (("projector", width), ("predictor", projected)):
        head = linear("0", wide_in, hidden) | norm("1", hidden)
        head |= linear("3", hidden, projected)
        shapes |= under(f"{name}.projection_head.", head)
    inner = {"rep_decoder": (width, width, 2), "decoder": (512, 3 * 16**2, 8)}
    for name, (wide, wide_out, layers) in inner.items():
        shapes |= linear(f"{name}_embed", width, wide)
        shapes[f"{name}_pos_embed"] = (1, 1 + GRID**2, wide)
        shapes |= vit_blocks(Size(layers, wide, 4 * wide, 16), f"{name}_blocks")
        shapes |= norm(f"{name}_norm", wide) | linear(f"{name}_pred", wide, wide_out)
    return shapes


# ---- Hub models


def clip_tower(size: Size) -> Shapes:
    names = {part: f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")}
    names |= {"norm1": "layer_norm1", "norm2": "layer_norm2"}
    names |= {"fc1": "mlp.fc1", "fc2": "mlp.fc2"}
    shapes: Shapes = {}
    for number in range(size.layers):
        layer = transformer_layer(size, names)
        shapes |= under(f"encoder.layers.{number}.", layer)
    return shapes


def clip_vision() -> Shapes:
    """The image tower and its projection."""
    width = CLIP_VISION.width
    tower: Shapes = {
        "embeddings.class_embedding": (width,),
        "embeddings.patch_embedding.weight": (width, 3, 14, 14),
        "embeddings.position_embedding.weight": (257, width),
    }
    tower |= norm("pre_layrnorm", width) | norm("post_layernorm", width)
    shapes = under("vision_model.", tower | clip_tower(CLIP_VISION))
    return shapes | {"visual_projection.weight": (768, width)}


def clip() -> Shapes:
    """The whole file: both towers, and two buffers of older versions."""
    width = CLIP_TEXT.width
    text: Shapes = {
        "embeddings.token_embedding.weight": (49408, width),
        "embeddings.position_embedding.weight": (77, width),
        "embeddings.position_ids": (1, 77),
    }
    text |= norm("final_layer_norm", width) | clip_tower(CLIP_TEXT)
    return (
        {"logit_scale": (), "text_projection.weight": (768, width)}
        | under("text_model.", text)
        | clip_vision()
        | {"vision_model.embeddings.position_ids": (1, 257)}
    )


def videomae_layer(size: Size) -> Shapes:
    width = size.width
    inner = "attention.attention."
    shapes: Shapes = {f"{inner}q_bias": (width,), f"{inner}v_bias": (width,)}
    for part in ("query", "key", "value"):
        shapes[f"{inner}{part}.weight"] = (width, width)
    shapes |= linear("attention.output.dense", width, width)
    shapes |= linear("intermediate.dense", width, size.ffn)
    shapes |= linear("output.dense", size.ffn, width)
    return shapes | norm("layernorm_before", width) | norm("layernorm_after", width)


def videomae_encoder() -> Shapes:
    """The encoder, without prefix."""
    width = VIDEOMAE.width
    patches = "embeddings.patch_embeddings.projection"
    shapes: Shapes = {
        f"{patches}.weight": (width, 3, 2, 16, 16),
        f"{patches}.bias": (width,),
    }
    for number in range(VIDEOMAE.layers):
        shapes |= under(f"encoder.layer.{number}.", videomae_layer(VIDEOMAE))
    return shapes | norm("layernorm", width)


def videomae() -> Shapes:
    """The whole file: encoder and decoder."""
    width = VIDEOMAE_DECODER.width
    shapes = under("videomae.", videomae_encoder())
    shapes |= {
        "mask_token": (1, 1, width),
        "encoder_to_decoder.weight": (width, VIDEOMAE.width),
    }
    for number in range(VIDEOMAE_DECODER.layers):
        layer = videomae_layer(VIDEOMAE_DECODER)
        shapes |= under(f"decoder.decoder_layers.{number}.", layer)
    shapes |= norm("decoder.norm", width)
    return shapes | linear("decoder.head", width, 3 * 2 * 16**2)


def xls_r_encoder() -> Shapes:
    """The encoder, without prefix."""
    width = XLS_R.width
    shapes: Shapes = {"masked_spec_embed": (width,)}
    for number, kernel in enumerate((10, 3, 3, 3, 3, 2, 2)):
        name = f"feature_extractor.conv_layers.{number}"
        shapes[f"{name}.conv.weight"] = (512, 512 if number else 1, kernel)
        shapes[f"{name}.conv.bias"] = (512,)
        shapes |= norm(f"{name}.layer_norm", 512)
    shapes |= norm("feature_projection.layer_norm", 512)
    shapes |= linear("feature_projection.projection", 512, width)
    shapes |= positional_conv("encoder.pos_conv_embed.conv", width)
    names = {part: f"attention.{part}_proj" for part in ("q", "k", "v", "out")}
    names |= {"norm1": "layer_norm", "norm2": "final_layer_norm"}
    names |= {
        "fc1": "feed_forward.intermediate_dense",
        "fc2": "feed_forward.output_dense",
    }
    for number in range(XLS_R.layers):
        layer = transformer_layer(XLS_R, names)
        shapes |= under(f"encoder.layers.{number}.", layer)
    return shapes | norm("encoder.layer_norm", width)


def xls_r() -> Shapes:
    """The whole file: encoder and quantiser."""
    shapes = under("wav2vec2.", xls_r_encoder())
    shapes["quantizer.codevectors"] = (1, 640, 512)
    shapes |= linear("quantizer.weight_proj", 512, 640)
    shapes |= linear("project_hid", XLS_R.width, 1024)
    return shapes | linear("project_q", 1024, 1024)


def loaded_name(name: str) -> str:
    """The name that transformers gives to a stored tensor of the hub models."""
    for stored, renamed in (
        (".attention.q_bias", ".attention.query.bias"),
        (".attention.v_bias", ".attention.value.bias"),
        (".conv.weight_g", ".conv.parametrizations.weight.original0"),
        (".conv.weight_v", ".conv.parametrizations.weight.original1"),
    ):
        if name.endswith(stored):
            return name.removesuffix(stored) + renamed
    return name
