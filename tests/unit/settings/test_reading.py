"""What is wrong with a configuration file, with file and line."""

import pytest

from dfprobe.errors import ConfigError
from dfprobe.settings.reading import read_yaml


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2\nb: 3\n", r"mine.yaml cannot be read as YAML: line 2, column 2"),
        ("a: 1\n\tb: 2\n", "cannot be read as YAML: line 2, column 1"),
        ("a: {x: 1}\nb: 2\na: 3\n", "line 3: the key 'a' is there twice.* line 1"),
        ("a: {x: 1, x: 2}\n", "line 1: the key 'x' is there twice"),
        ("a:\n- {x: 1, x: 2}\n", "line 2: the key 'x' is there twice"),
        ("encoders:\n  no: {}\n", "line 2: the key no .*truth value.* quotes: 'no'"),
        ("1: {}\n", "line 1: the key 1 .*number.* quotes: '1'"),
        ("2024-01-02: {}\n", "line 1: the key 2024-01-02 .*date"),
        ("~: {}\n", "line 1: the key ~ .*nothing"),
        ("? [a, b]\n: 1\n", "line 1: a key must be a string, but it is a list"),
        ("- a\n", "mine.yaml is not a configuration: its top level"),
        ("", "mine.yaml is not a configuration: its top level"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_line(text, message, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as raised:
        read_yaml(path)
    assert len(str(raised.value).splitlines()) == 1


def test_what_is_not_text_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="byte 3 is not UTF-8"):
        read_yaml(path)


def test_anchors_and_merged_keys_are_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: *a\n")
    content = read_yaml(path)
    assert content["b"] == {"x": 3, "y": 2}
    assert content["c"] == {"x": 1, "y": 2}
