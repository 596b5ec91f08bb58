import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfprobe import products
from dfprobe.errors import ConfigError
from dfprobe.planning import (
    anomaly,
    code_stamps,
    resources,
    specs,
    tables,
    watched_files,
)
from dfprobe.settings.complete import complete_config
from dfprobe.settings.config import Config

CORPUS = {"layout": "folder", "root": "videos", "label": "Mine", "shards": 3}
ENCODER = {"family": "lfcc", "label": "LFCC"}
GIVEN = {
    "corpora": {"mine": CORPUS, "unused": CORPUS},
    "encoders": {"lfcc": ENCODER},
    "train": ["mine"],
    "test": ["mine"],
}
CONFIG = complete_config(GIVEN)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/a.mp4").write_text("a")
    return tmp_path


def with_corpus(**changes) -> Config:
    return complete_config(GIVEN | {"corpora": {"mine": CORPUS | changes}})


def test_a_stamp_is_rewritten_only_when_the_code_changes():
    (stamp,) = code_stamps.stage_code("dfprobe.status")
    assert stamp == f"{products.CODE}/dfprobe/status.py"
    os.utime(stamp, (1, 1))
    code_stamps.stage_code("dfprobe.status")
    assert Path(stamp).stat().st_mtime == 1
    Path(stamp).write_text("other code")
    code_stamps.stage_code("dfprobe.status")
    assert "class Status" in Path(stamp).read_text()
    assert '"""' not in Path(stamp).read_text()


def test_a_template_stands_with_all_that_it_takes_in(folder):
    stamps = code_stamps.stage_templates("audit.html")
    names = ("audit.html", "frame.html", "parts.html", "style.css")
    assert stamps == [f"results/code/dfprobe/report/templates/{n}" for n in names]
    assert "<!DOCTYPE html>" in Path(stamps[1]).read_text()


def test_files_that_come_go_or_change_are_noticed(folder):
    before = watched_files.corpus_state(CONFIG, "mine")
    assert watched_files.corpus_state(CONFIG, "mine") == before
    (folder / "videos/b.mp4").write_text("b")
    assert watched_files.corpus_state(CONFIG, "mine") != before
    (folder / "videos/b.mp4").unlink()
    assert watched_files.corpus_state(CONFIG, "mine") == before
    os.utime(folder / "videos/a.mp4", (1, 1))
    assert watched_files.corpus_state(CONFIG, "mine") != before


def test_a_folder_that_is_not_watched_is_not_read():
    config = with_corpus(watch=False, root="nowhere")
    assert watched_files.corpus_state(config, "mine") == "not watched"


def test_a_generated_corpus_has_one_state_before_and_after(folder):
    config = with_corpus(layout="avlips", demo={"seed": 1})
    before = watched_files.corpus_state(config, "mine")
    listing = folder / products.demo_listing("mine")
    videos = listing.with_suffix("")
    videos.mkdir(parents=True)
    listing.write_text("1\t-\ta.mp4\n")
    (videos / "a.mp4").write_text("a")
    assert watched_files.corpus_state(config, "mine") == before
    (videos / "b.mp4").write_text("b")
    assert watched_files.corpus_state(config, "mine") != before


def test_specs_hold_what_changes_numbers_and_no_labels():
    assert "LFCC" not in specs.features_spec(CONFIG, "lfcc").to_json()
    assert "Mine" not in specs.manifest_spec(CONFIG, "mine").to_json()
    (row,) = tables.matrix_spec(CONFIG).encoders
    assert row.model_dump(exclude_none=True) == {
        "name": "lfcc",
        "label": "LFCC",
        "modality": "audio",
        "weights": "none",
    }


def test_trimmed_rows_name_their_encoder_on_whole_clips():
    encoders = {
        "other": {"family": "residual"},
        "whole": ENCODER,
        "cut": ENCODER | {"trim": "leading_silence", "label": "Cut"},
        "alone": ENCODER | {"trim": "leading_silence", "options": {"top_hz": 4000}},
    }
    config = complete_config(GIVEN | {"encoders": encoders})
    rows = {row.name: row for row in tables.matrix_spec(config).encoders}
    assert rows["cut"].untrimmed == "whole"
    assert all(rows[n].untrimmed is None for n in ("other", "whole", "alone"))
    assert specs.features_spec(config, "cut").trim == "leading_silence"
    assert specs.features_spec(config, "whole").trim is None


def test_feature_files_are_described_without_what_computes_features(folder):
    files = {
        "source": "files",
        "label": "Theirs",
        "stream": "audio_video",
        "root": "rows/{corpus}",
    }
    config = complete_config(GIVEN | {"encoders": {"theirs": files}})
    spec = specs.files_spec(config, "theirs").model_dump()
    assert spec.keys() == {"encoder", "dtype", "max_failed_share"}
    names = {"name", "source", "stream", "root", "rate_hz", "first_row_s"}
    assert spec["encoder"].keys() == names
    (row,) = tables.matrix_spec(config).encoders
    assert (row.modality, row.weights) == ("audio-visual", "files")
    before = watched_files.files_state(config, "theirs", "mine")
    (folder / "rows/mine").mkdir(parents=True)
    (folder / "rows/mine/a.npy").write_text("a")
    assert watched_files.files_state(config, "theirs", "mine") != before


def test_every_seed_but_the_first_is_a_head_of_its_own():
    config = complete_config(GIVEN | {"heads": {"linear": {"seeds": [43, 7]}}})
    assert specs.heads_of(config, "linear") == ["linear", "linear-s7"]
    names = [(h.name, h.entry, h.seed) for h in tables._head_names(config)]
    assert names == [("linear", "linear", 43), ("linear-s7", "linear", 7)]


def test_a_corpus_of_real_clips_is_encoded_by_its_rows_alone():
    encoders = {name: ENCODER for name in ("a", "b")}
    encoders["c"] = {"family": "residual"}
    rows = [{"streams": ["c", "a"]}]
    settings = {"corpus": "unused", "test": ["mine"], "rows": rows}
    config = complete_config(GIVEN | {"encoders": encoders, "anomaly": settings})
    assert specs.used_corpora(config) == ["mine", "unused"]
    assert specs.encoded_on(config, "mine") == ["a", "b", "c"]
    assert specs.encoded_on(config, "unused") == ["a", "c"]
    assert anomaly.rows(config) == ["c+a"] == anomaly.pairs(config)


def test_only_corpora_that_are_used_are_planned():
    assert specs.used_corpora(CONFIG) == ["mine"]
    assert specs.shards(CONFIG, "mine") == ["000", "001", "002"]


def test_planning_imports_nothing_heavy():
    folder = Path(specs.__file__).parent
    modules = [f"dfprobe.planning.{path.stem}" for path in folder.glob("[a-z]*.py")]
    assert "dfprobe.planning.specs" in modules
    code = (
        f"import sys, dfprobe.settings.complete, {', '.join(modules)}; "
        "print([m for m in ('torch', 'polars', 'dlib', 'cv2') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"


def test_missing_checkpoints_are_one_message_with_all_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("DFPROBE_WEIGHTS", str(tmp_path))
    file, other = "avhubert/self_large_vox_433h.pt", "auto_avsr/nothing.pth"
    lips, speech = (
        {"family": family, "stream": "video"} for family in ("avhubert", "auto_avsr")
    )
    encoders = {
        "lips": lips | {"weights": file},
        "sound": lips | {"weights": file},
        "speech": speech | {"weights": other},
        "not_needed": speech | {"weights": "auto_avsr/another.pth"},
        "drawn": lips | {"weights": "random"},
        "hub": {"family": "clip", "weights": "nobody/nothing"},
    }
    needed = [name for name in encoders if name != "not_needed"]
    config = complete_config(GIVEN | {"encoders": encoders})
    with pytest.raises(ConfigError) as refusal:
        resources.require_weights(config, [*needed, *needed])
    message = str(refusal.value)
    assert message.count("The encoders lips, sound of the config need it.") == 1
    assert f"{tmp_path}/{file}" in message
    assert "auto_avsr/nothing.pth" in message
    assert "another.pth" not in message
    (tmp_path / "avhubert").mkdir()
    (tmp_path / file).touch()
    resources.require_weights(config, ["lips", "drawn", "hub"])


def test_features_jobs_that_read_a_checkpoint_ask_for_more_memory():
    clip = {"family": "clip", "weights": "some/hub-id"}
    loaded = complete_config(GIVEN | {"encoders": {"clip": clip}})
    assert resources.features_memory_mb(CONFIG, "lfcc") == 2000
    assert resources.features_memory_mb(loaded, "clip") == 16000


def test_linear_probes_ask_for_no_gpu_whatever_the_device():
    configs = {
        device: complete_config(GIVEN | {"training": {"device": device}})
        for device in ("cpu", "cuda")
    }
    asked = {
        (kind, device): resources.training_gpus(config, kind)
        for kind in ("linear", "transformer")
        for device, config in configs.items()
    }
    assert [use for use, gpus in asked.items() if gpus] == [("transformer", "cuda")]
