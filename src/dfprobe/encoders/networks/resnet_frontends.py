"""ResNet-18 front ends of lip reading and speech recognition: 25 rows per second.

Auto-AVSR and BRAVEn have the same two, with the same tensor names; AV-HuBERT's differs
in its activations. Written from the descriptions of mpc001/auto_avsr (tag v1.0.0,
espnet/nets/pytorch_backend/backbones/) and facebookresearch/av_hubert
(avhubert/resnet.py).
B batch, T video frames (25 per second), N audio samples (16 kHz).
"""

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from dfprobe.rates import SAMPLES_PER_FRAME

_BLOCKS_PER_STAGE = 2  # ResNet-18

# Activation of so many channels.
Activation = Callable[[int], nn.Module]


def _silu(channels: int) -> nn.Module:
    return nn.SiLU()


class VideoFrontend(nn.Module):
    """A 3-D convolution over 5 frames, then a ResNet on each frame."""

    def __init__(self, width: int, activation: Activation = _silu) -> None:
        super().__init__()
        self.frontend3D = nn.Sequential(
            nn.Conv3d(1, width, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            activation(width),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        )
        self.trunk = nn.Sequential(
            _stages(width, nn.Conv2d, nn.BatchNorm2d, activation)
        )

    def forward(self, video: Tensor) -> Tensor:
        """Encode the frames: (B, T, 1, 88, 88) -> (B, T, 8 * trunk width)."""
        maps = self.frontend3D(video.transpose(1, 2)).transpose(1, 2)
        batch, frames = maps.shape[:2]  # (B, T, C, 22, 22)
        pooled = self.trunk(maps.flatten(0, 1)).mean(dim=(2, 3))  # (B * T, 8 C)
        return pooled.unflatten(0, (batch, frames))


class AudioFrontend(nn.Module):
    """A 1-D ResNet on the waveform, averaged over the 40 ms of each video frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        stem = OrderedDict(
            conv1=nn.Conv1d(1, width, 80, stride=4, padding=38, bias=False),
            bn1=nn.BatchNorm1d(width),
            swish=_silu(width),
        )
        stages = _stages(width, nn.Conv1d, nn.BatchNorm1d, _silu)
        # 4 in the stem and 2 in three of the stages: 20 steps per video frame are left.
        pool = nn.AvgPool1d(SAMPLES_PER_FRAME // 32)
        self.trunk = nn.Sequential(OrderedDict(**stem, **stages, pool=pool))

    def forward(self, audio: Tensor) -> Tensor:
        """Encode whole frames: (B, N, 1) -> (B, N // 640, 8 * trunk width)."""
        whole = audio.shape[1] // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
        return self.trunk(audio[:, :whole].transpose(1, 2)).transpose(1, 2)


FRONTENDS: dict[str, type[AudioFrontend] | type[VideoFrontend]] = {
    "audio": AudioFrontend,
    "video": VideoFrontend,
}
# First tensor of each, which tells the stream of a checkpoint, and its axes.
STEMS = {
    "audio": ("frontend.trunk.conv1.weight", "trunk_width _ _"),
    "video": ("frontend.frontend3D.0.weight", "trunk_width _ _ _ _"),
}


def _stages(
    width: int,
    conv: type[nn.Conv1d | nn.Conv2d],
    norm: type[nn.BatchNorm1d | nn.BatchNorm2d],
    activation: Activation,
) -> OrderedDict[str, nn.Module]:
    """``layer1`` to ``layer4`` of a ResNet-18 in one or two dimensions."""
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    wide_in = width
    for stage in range(4):
        wide = width * 2**stage
        stride = 1 if stage == 0 else 2
        blocks = [BasicBlock(wide_in, wide, stride, conv, norm, activation)]
        for _ in range(_BLOCKS_PER_STAGE - 1):
            blocks.append(BasicBlock(wide, wide, 1, conv, norm, activation))
        stages[f"layer{stage + 1}"] = nn.Sequential(*blocks)
        wide_in = wide
    return stages


class BasicBlock(nn.Module):
    """Two convolutions of 3 taps and a shortcut; the last activation is of the sum."""

    def __init__(
        self,
        wide_in: int,
        wide: int,
        stride: int,
        conv: type[nn.Conv1d | nn.Conv2d],
        norm: type[nn.BatchNorm1d | nn.BatchNorm2d],
        activation: Activation,
    ) -> None:
        super().__init__()
        self.conv1 = conv(wide_in, wide, 3, stride, padding=1, bias=False)
        self.bn1 = norm(wide)
        self.relu1 = activation(wide)  # the checkpoints' name, whatever it is
        self.conv2 = conv(wide, wide, 3, padding=1, bias=False)
        self.bn2 = norm(wide)
        self.relu2 = activation(wide)
        self.downsample = nn.Sequential()  # the identity
        if stride > 1:
            self.downsample.append(conv(wide_in, wide, 1, stride, bias=False))
            self.downsample.append(norm(wide))

    def forward(self, maps: Tensor) -> Tensor:
        """Transform the maps: (B, C_in, ...) -> (B, C, ... / stride)."""
        inner = self.relu1(self.bn1(self.conv1(maps)))
        return self.relu2(self.bn2(self.conv2(inner)) + self.downsample(maps))


def initialise_frontend(frontend: VideoFrontend | AudioFrontend) -> None:
    """Draw random weights that keep the size of a signal from layer to layer.

    The convolutions from N(0, 2 / (taps * input channels)) (He et al., 2015); the batch
    norms stay as torch's constructors leave them (mean 0, variance 1). With the
    variance over the output channels, as is usual for ResNets, the SiLUs would
    shrink a signal a thousandfold, and the biases after it would drown it.
    """
    for module in frontend.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
