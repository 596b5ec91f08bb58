"""Finding layouts and reading their options without importing them."""

import subprocess
import sys

import pytest

from dfprobe.corpora import layouts
from dfprobe.errors import ConfigError


def test_the_known_layouts():
    assert {"fakeavceleb", "av_deepfake1m", "avlips", "folder"} < set(layouts.layouts())
    assert "base" not in layouts.layouts()


def test_options_are_copies():
    layouts.layout_options("path_list")["files"]["default"].append("x.csv")
    assert layouts.complete_options("path_list", {})["files"] == ["labels.csv"]


def test_given_options_win():
    options = layouts.complete_options("fakeavceleb", {"val_fraction": 0.5})
    assert options == {"test_fraction": 0.3, "val_fraction": 0.5}


def test_looking_imports_no_data_frames():
    code = (
        "import sys; from dfprobe.corpora.layouts import layout_options; "
        "layout_options('fakeavceleb'); sys.exit('polars' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("value", ["dict(a=1)", "[1]", "{'a': b}"])
def test_options_that_are_not_literal(value, tmp_path):
    (tmp_path / "mine.py").write_text(f"OPTIONS = {value}\n")
    with pytest.raises(ConfigError, match=r"mine\.py: OPTIONS must be a literal dict"):
        layouts._declared(tmp_path)
