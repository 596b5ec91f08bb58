import pytest
import torch

from dfprobe.encoders.memory import _Peak, pass_bytes, weights_bytes
from dfprobe.encoders.registry import load_encoder
from dfprobe.encoders.windows import Limits

LIMITS = Limits(batch_rows=32, window_s=2, overlap_s=0)


def test_what_lives_at_the_same_time_is_added_up():
    peak = _Peak()
    with torch.inference_mode(), peak:
        values = torch.empty(1000, device="meta")
        for _ in range(5):
            values = values + 1  # the old ones are let go
        assert (peak.now, peak.most) == (4000, 8000)
        view = values.view(10, 100)  # shares its memory
        del values
        assert peak.now == 4000
        del view
    assert (peak.now, peak.most) == (0, 8000)


def test_weights_are_counted_in_bytes():
    encoder = load_encoder("avhubert", stream="audio")
    tensors = [t for t in encoder.module.state_dict().values()]
    assert weights_bytes(encoder) == sum(t.numel() * t.element_size() for t in tensors)


@pytest.mark.parametrize("family, stream", [("avhubert", "audio"), ("clip", "video")])
def test_a_pass_holds_at_least_its_input_and_grows_with_it(family, stream):
    encoder = load_encoder(family, stream=stream)
    weights = {name: t.clone() for name, t in encoder.module.state_dict().items()}
    small = pass_bytes(encoder, LIMITS)
    larger = pass_bytes(encoder, Limits(batch_rows=64, window_s=4, overlap_s=0))
    assert 50 * 104 * 4 < small < larger < 10 * small
    for name, tensor in encoder.module.state_dict().items():
        assert torch.equal(tensor, weights[name])
