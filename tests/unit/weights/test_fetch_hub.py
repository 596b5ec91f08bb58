from dataclasses import replace

import pytest

from dfprobe.errors import EncoderError
from dfprobe.weights.fetch import fetch
from dfprobe.weights.records import records, state

VIDEOMAE = records()["MCG-NJU/videomae-large"]
FSFM = records()["fsfm/VF2_ViT-B/checkpoint-400.pth"]


def test_of_a_hub_id_only_what_is_needed_comes(hub, cache):
    hub.files = {
        "config.json": b"{}",
        "preprocessor_config.json": b"{ }",
        "model.safetensors": b"tensors",
        "pytorch_model.bin": b"the same",
        "tf_model.h5": b"the same again",
    }
    path = fetch(VIDEOMAE)
    assert path.read_bytes() == b"tensors"
    assert path.is_relative_to(cache)
    assert set(hub.files) - set(hub.sent) == {"pytorch_model.bin", "tf_model.h5"}
    assert state(VIDEOMAE) == "found"


def test_a_hub_id_without_safetensors(hub):
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"tensors"}
    assert fetch(VIDEOMAE).name == "pytorch_model.bin"


def test_a_hub_id_without_tensors_is_a_sentence(hub):
    hub.files = {"config.json": b"{}"}
    with pytest.raises(
        EncoderError, match=r"has none of model\.safetensors, pytorch_m"
    ):
        fetch(VIDEOMAE)


def test_what_is_cached_needs_no_network(hub):
    hub.files = {"config.json": b"{}", "model.safetensors": b"tensors"}
    first = fetch(VIDEOMAE)
    hub.sent.clear()
    assert fetch(VIDEOMAE) == first
    assert hub.sent == []


def test_the_record_of_a_hub_id_is_compared(hub):
    hub.files = {"config.json": b"{}", "model.safetensors": b"tensors"}
    clip = records()["openai/clip-vit-large-patch14"]
    with pytest.raises(EncoderError, match="has 7 bytes, but 1710540580 are published"):
        fetch(clip)
    assert state(clip) == "wrong size"


def test_a_file_of_a_hub_repository_goes_into_the_weights_folder(hub, folder):
    hub.files = {FSFM.hub_file: b"tensors"}
    path = fetch(FSFM)
    assert path == folder / FSFM.name
    assert path.read_bytes() == b"tensors"
    assert [other.name for other in path.parent.iterdir()] == ["checkpoint-400.pth"]


def test_a_file_that_the_hub_has_not_is_a_sentence(hub, folder):
    with pytest.raises(
        EncoderError, match=r"checkpoint-400.*could not be fetched: .*40"
    ):
        fetch(FSFM)


def test_a_hub_that_cannot_be_reached_is_a_sentence(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(EncoderError, match=r"could not be fetched: .*hf download"):
        fetch(replace(VIDEOMAE))
