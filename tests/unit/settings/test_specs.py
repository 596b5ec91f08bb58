import pytest
from pydantic import ValidationError

from dfprobe.errors import ConfigError
from dfprobe.settings.specs import EncoderSpec, Spec


class Stage(Spec):
    window_s: float
    names: tuple[str, ...]
    encoder: EncoderSpec


SPEC = Stage(window_s=40, names=("b", "a"), encoder=EncoderSpec("x", "lfcc", "audio"))


def test_a_spec_comes_back_as_it_was_written():
    assert Stage.from_json(SPEC.to_json()) == SPEC


def test_a_spec_takes_its_fields_from_the_first_value_that_has_them():
    class First:
        window_s, other = 10.0, "not taken"

    class Second:
        window_s, names = 20.0, ("a",)

    taken = Stage.of(First, Second, encoder=SPEC.encoder)
    assert taken == Stage(window_s=10.0, names=("a",), encoder=SPEC.encoder)
    assert Stage.of(SPEC, names=()).names == ()
    with pytest.raises(ValidationError, match="window_s"):
        Stage.of(names=(), encoder=SPEC.encoder)


def test_equal_specs_give_equal_texts_with_sorted_keys():
    other = Stage(encoder=SPEC.encoder, names=SPEC.names, window_s=40.0)
    assert SPEC.to_json() == other.to_json()
    assert SPEC.to_json().startswith('{"encoder": {"family": "lfcc", "layer": "last"')


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("window_s", "window", "--spec: the key window_s is required"),
        ("40.0", '"40"', "--spec.window_s: must be a number, but it is '40'"),
        ('"seed": 0', '"seed": 0.5', "--spec.encoder.seed: must be an integer"),
        ('"seed"', '"sed"', "--spec.encoder.sed: "),
        ("{", "", "--spec: Invalid JSON"),
    ],
)
def test_what_is_not_the_spec_of_the_stage_is_refused(old, new, message):
    with pytest.raises(ConfigError, match=message):
        Stage.from_json(SPEC.to_json().replace(old, new))
