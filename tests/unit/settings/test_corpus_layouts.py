"""Finding layouts and reading their options without importing them."""

import subprocess
import sys

from dfprobe.settings import corpus_layouts as layouts


def test_the_known_layouts():
    assert {"fakeavceleb", "av_deepfake1m", "avlips", "folder"} < set(layouts.layouts())
    assert "base" not in layouts.layouts()


def test_options_are_copies():
    layouts.complete_options("folder", {})["links"] = "x"
    assert layouts.complete_options("folder", {})["links"] == "inside"
    assert layouts.complete_options("path_list", {})["files"] == ("labels.csv",)


def test_given_options_win():
    options = layouts.complete_options("fakeavceleb", {"val_fraction": 0.5})
    assert options == {
        "test_fraction": 0.3,
        "val_fraction": 0.5,
        "links": "inside",
    }


def test_looking_imports_no_data_frames():
    code = (
        "import sys; from dfprobe.settings.corpus_layouts import layout_options; "
        "layout_options('fakeavceleb'); sys.exit('polars' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
