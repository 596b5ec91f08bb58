import subprocess
import sys

import pytest

from dfprobe.encoders import registry
from dfprobe.errors import ConfigError
from dfprobe.settings import encoder_families
from dfprobe.settings.specs import EncoderSpec

FAMILY = 'STREAMS = {"audio": "audio"}\nOPTIONS: dict = {}\n'


def run_python(code: str) -> str:
    """Output of a fresh interpreter."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return result.stdout.strip()


def test_families_are_those_that_declare_streams_and_options():
    found = encoder_families.families()
    assert found == sorted(found)
    assert {"avhubert", "clip", "example", "lfcc", "wav2vec2"} <= set(found)
    assert not {"base", "registry", "hub", "avhubert_model"} & set(found)


def test_streams_and_modalities():
    assert encoder_families.streams("avhubert") == ["audio", "video", "audio_video"]
    assert encoder_families.modality("avhubert", "audio_video") == "audio-visual"


def test_listing_families_imports_no_torch():
    loaded = run_python(
        "import sys; from dfprobe.settings import encoder_families;"
        "encoder_families.families();"
        "encoder_families.complete_options('clip', {}); print('torch' in sys.modules)"
    )
    assert loaded == "False"


@pytest.mark.parametrize(
    "family, weights", [("lfcc", "none"), ("residual", "none"), ("example", "none")]
)
def test_families_without_a_network_import_no_torch(family, weights):
    loaded = run_python(
        "import sys; from dfprobe.encoders import registry;"
        "from dfprobe.settings import encoder_families, specs;"
        f"stream = encoder_families.streams({family!r})[0];"
        f"spec = specs.EncoderSpec('x', {family!r}, stream, {weights!r});"
        "registry.build(spec, 'cpu'); print('torch' in sys.modules)"
    )
    assert loaded == "False"


def test_an_unknown_family_is_named_with_its_neighbour():
    spec = EncoderSpec("mine", "avhubret", "audio")
    with pytest.raises(ConfigError, match=r"'avhubret'.*'avhubert'\?.*clip, example"):
        registry.build(spec, "cpu")


def test_an_unknown_stream_is_named_with_those_known():
    with pytest.raises(ConfigError, match=r"'avhubert' has no stream 'vidio'.*'video'"):
        encoder_families.modality("avhubert", "vidio")


def test_options_are_completed_with_defaults():
    options = encoder_families.complete_options("clip", {"layers": 7})
    assert options["layers"] == 7
    fields = encoder_families.family_options("clip").model_fields
    assert options["image_size"] == fields["image_size"].default


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 7}, r"'clip', options\.layer: unknown key .*'layers'\?"),
        ({"layers": "7"}, r"'clip', options\.layers: must be an integer.*'7'"),
        ({"layers": 0}, r"'clip', options\.layers: must be at least 1, but it is 0"),
    ],
)
def test_an_option_that_cannot_be_is_named(options, message):
    with pytest.raises(ConfigError, match=message):
        encoder_families.complete_options("clip", options)


def test_built_encoders_have_the_defaults():
    assert registry.build(EncoderSpec("x", "example", "video", "none"), "cpu").dim == 64


def test_the_declarations_cannot_be_changed_from_outside():
    encoder_families.complete_options("clip", {})["layers"] = 99
    assert encoder_families.complete_options("clip", {})["layers"] != 99
