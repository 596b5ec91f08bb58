import sys
from pathlib import Path

import pytest

from dfprobe.errors import ConfigError, near_match
from dfprobe.settings import declarations
from dfprobe.settings.declarations import Declared, declared

GROUP = "dfprobe.tests"


@pytest.fixture
def room(tmp_path, monkeypatch) -> Path:
    """Folder that is looked at in place of a package's."""
    monkeypatch.setattr(declarations, "package_folder", lambda package: tmp_path)
    return tmp_path


@pytest.fixture
def outside(tmp_path_factory, monkeypatch):
    """Install modules, given as name -> text, with entry points of `GROUP`."""

    def install(points: dict[str, str], **modules: str) -> None:
        folder = tmp_path_factory.mktemp("site")
        lines = "\n".join(f"{name} = {module}" for name, module in points.items())
        info = folder / "outside-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Name: outside\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")
        (folder / "outside").mkdir()
        (folder / "outside/__init__.py").write_text("import nothing_of_this_name\n")
        for name, text in modules.items():
            (folder / f"outside/{name}.py").write_text(text)
        monkeypatch.syspath_prepend(folder)

    return install


def test_a_file_that_declares_is_found_without_being_imported(room):
    text = "import nothing_of_this_name\nA = {'x': 1}\nB: dict = {}\nC = ('y',)\n"
    (room / "mine.py").write_text(text)
    (room / "helper.py").write_text("C = 1, 2\nx, y = 1, 2\n")
    found = declared("some.room", {"A": dict, "B": dict}, {"C": tuple})
    values = {"A": {"x": 1}, "B": {}, "C": ("y",)}
    assert found == {"mine": Declared("some.room.mine", values)}


def test_half_a_declaration_is_refused(room):
    (room / "mine.py").write_text("A = {}\n")
    with pytest.raises(ConfigError, match=r"mine\.py declares A without B"):
        declared("some.room", {"A": dict, "B": dict})


@pytest.mark.parametrize("value", ["dict(a=1)", "[1]", "{'a': b}"])
def test_a_declaration_that_is_not_a_literal_is_refused(room, value):
    (room / "mine.py").write_text(f"A = {value}\n")
    with pytest.raises(ConfigError, match=r"mine\.py: A must be a literal dict"):
        declared("some.room", {"A": dict})


def test_a_module_of_an_entry_point_is_found_without_being_imported(room, outside):
    outside({"theirs": "outside.deep"}, deep="import nothing_at_all\nA = {}\n")
    found = declared("some.room", {"A": dict}, group=GROUP)
    assert found == {"theirs": Declared("outside.deep", {"A": {}})}
    assert "outside" not in sys.modules


def test_an_entry_point_with_the_name_of_a_module_is_refused(room, outside):
    (room / "mine.py").write_text("A = {}\n")
    outside({"mine": "outside.deep"}, deep="A = {}\n")
    message = (
        r"dfprobe\.tests: mine = outside\.deep of the package outside has the name of "
        r"some\.room\.mine; rename"
    )
    with pytest.raises(ConfigError, match=message):
        declared("some.room", {"A": dict}, group=GROUP)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("outside.gone", r"must name a module, but there is no module outside\.gone"),
        ("not_there", "must name a module, but there is no module not_there"),
        ("outside.deep:A", r"no module outside\.deep:A"),
        ("outside.empty", r"empty\.py declares nothing without A"),
    ],
)
def test_an_entry_point_without_declarations_is_refused(room, outside, module, message):
    outside({"theirs": module}, deep="A = {}\n", empty="")
    with pytest.raises(ConfigError, match=message):
        declared("some.room", {"A": dict}, group=GROUP)


def test_near_match_is_told_only_when_it_is_near():
    assert near_match("avhubret", ["avhubert", "clip"]) == ". Did you mean 'avhubert'?"
    assert near_match("xyz", ["avhubert", "clip"]) == "."
