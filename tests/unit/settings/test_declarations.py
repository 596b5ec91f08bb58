import pytest

from dfprobe.errors import ConfigError, near_match
from dfprobe.settings.declarations import declared


def test_a_file_that_declares_is_found_without_being_imported(tmp_path):
    text = "import nothing_of_this_name\nA = {'x': 1}\nB: dict = {}\n"
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "helper.py").write_text("C = 1\nx, y = 1, 2\n")
    assert declared(tmp_path, "A", "B") == {"mine": {"A": {"x": 1}, "B": {}}}


def test_half_a_declaration_is_refused(tmp_path):
    (tmp_path / "mine.py").write_text("A = {}\n")
    with pytest.raises(ConfigError, match=r"mine\.py declares A without B"):
        declared(tmp_path, "A", "B")


@pytest.mark.parametrize("value", ["dict(a=1)", "[1]", "{'a': b}"])
def test_a_declaration_that_is_no_literal_dictionary_is_refused(tmp_path, value):
    (tmp_path / "mine.py").write_text(f"A = {value}\n")
    with pytest.raises(ConfigError, match=r"mine\.py: A must be a literal dict"):
        declared(tmp_path, "A")


def test_near_match_is_told_only_when_it_is_near():
    assert near_match("avhubret", ["avhubert", "clip"]) == ". Did you mean 'avhubert'?"
    assert near_match("xyz", ["avhubert", "clip"]) == "."
