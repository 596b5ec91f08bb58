import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfprobe.errors import ConfigError
from dfprobe.planning import (
    anomaly,
    code_stamps,
    resources,
    specs,
    tables,
    watched_files,
)

CORPUS = {
    "layout": "folder",
    "root": "videos",
    "label": "Mine",
    "splits": None,
    "fakes": "any",
    "shards": 3,
    "content_key": "stat",
    "watch": True,
    "options": {},
    "demo": None,
}
ENCODER = {"family": "lfcc", "label": "LFCC", "stream": "audio", "weights": "none"}
CONFIG = {
    "corpora": {"mine": CORPUS, "unused": CORPUS},
    "encoders": {"lfcc": ENCODER},
    "features": {"dtype": "float16", "device": "auto"},
    "max_failed_share": 0.1,
    "train": ["mine"],
    "test": ["mine"],
    "heads": {"linear": {"seeds": [43], "encoders": ["lfcc"]}},
    "anomaly": None,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/a.mp4").write_text("a")
    return tmp_path


def with_corpus(**changes) -> dict:
    return CONFIG | {"corpora": {"mine": CORPUS | changes}}


def test_a_stamp_is_rewritten_only_when_the_code_changes():
    (stamp,) = code_stamps.stage_code("dfprobe.status")
    assert stamp == "results/code/dfprobe/status.py"
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
    config = with_corpus(demo={"seed": 1})
    before = watched_files.corpus_state(config, "mine")
    (folder / "results/demo/mine").mkdir(parents=True)
    (folder / "results/demo/mine.tsv").write_text("1\t-\ta.mp4\n")
    (folder / "results/demo/mine/a.mp4").write_text("a")
    assert watched_files.corpus_state(config, "mine") == before
    (folder / "results/demo/mine/b.mp4").write_text("b")
    assert watched_files.corpus_state(config, "mine") != before


def test_specs_hold_what_changes_numbers_and_no_labels():
    assert "LFCC" not in specs.features_spec(CONFIG, "lfcc")
    assert "Mine" not in specs.manifest_spec(CONFIG, "mine")
    (row,) = json.loads(tables.matrix_spec(CONFIG))["encoders"]
    assert row == {
        "name": "lfcc",
        "label": "LFCC",
        "modality": "audio",
        "weights": "none",
    }


def test_trimmed_rows_name_their_encoder_on_whole_clips():
    whole = ENCODER | {"trim": None}
    encoders = {
        "other": whole | {"family": "residual", "stream": "video"},
        "whole": whole,
        "cut": ENCODER | {"trim": "leading_silence", "label": "Cut"},
        "alone": ENCODER | {"trim": "leading_silence", "weights": "x"},
    }
    config = CONFIG | {"encoders": encoders}
    rows = {r["name"]: r for r in json.loads(tables.matrix_spec(config))["encoders"]}
    assert rows["cut"]["untrimmed"] == "whole"
    assert all("untrimmed" not in rows[name] for name in ("other", "whole", "alone"))
    # Without trimming the spec says nothing of it, as before there was any.
    cut_spec = json.loads(specs.features_spec(config, "cut"))
    assert cut_spec["trim"] == "leading_silence" and "trim" not in cut_spec["encoder"]
    whole_spec = json.loads(specs.features_spec(config, "whole"))
    assert "trim" not in whole_spec and "trim" not in whole_spec["encoder"]


def test_feature_files_are_described_without_what_computes_features(folder):
    files = {
        "family": None,
        "source": "files",
        "label": "Theirs",
        "stream": "audio_video",
        "weights": "files",
        "root": "rows/{corpus}",
        "rate_hz": 25.0,
        "first_row_s": 0.0,
    }
    config = CONFIG | {"encoders": {"theirs": files}}
    spec = json.loads(specs.features_spec(config, "theirs"))
    assert spec.keys() == {"encoder", "dtype", "max_failed_share"}
    names = {"name", "source", "stream", "root", "rate_hz", "first_row_s"}
    assert spec["encoder"].keys() == names
    (row,) = json.loads(tables.matrix_spec(config))["encoders"]
    assert row["modality"] == "audio-visual"
    before = watched_files.files_state(config, "theirs", "mine")
    (folder / "rows/mine").mkdir(parents=True)
    (folder / "rows/mine/a.npy").write_text("a")
    assert watched_files.files_state(config, "theirs", "mine") != before


def test_every_seed_but_the_first_is_a_head_of_its_own():
    heads = {"linear": {"seeds": [43, 7], "encoders": ["lfcc"]}}
    config = CONFIG | {"heads": heads}
    assert specs.heads_of(config, "linear") == ["linear", "linear-s7"]
    names = [(h["name"], h["entry"], h["seed"]) for h in tables._head_names(config)]
    assert names == [("linear", "linear", 43), ("linear-s7", "linear", 7)]


def test_a_corpus_of_real_clips_is_encoded_by_its_rows_alone():
    encoders = {name: ENCODER for name in ("a", "b", "c")}
    rows = [{"streams": ["c", "a"], "label": "C + A"}]
    settings = {"corpus": "unused", "test": ["mine"], "rows": rows}
    config = CONFIG | {"encoders": encoders, "anomaly": settings}
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
        f"import sys, dfprobe.config, {', '.join(modules)}; "
        "print([m for m in ('torch', 'polars', 'dlib', 'cv2') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"


def test_missing_checkpoints_are_one_message_with_all_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("DFPROBE_WEIGHTS", str(tmp_path))
    file, other = "avhubert/self_large_vox_433h.pt", "auto_avsr/nothing.pth"
    encoders = {
        "lips": {"family": "avhubert", "weights": file},
        "sound": {"family": "avhubert", "weights": file},
        "speech": {"family": "auto_avsr", "weights": other},
        "not_needed": {"family": "auto_avsr", "weights": "auto_avsr/another.pth"},
        "drawn": {"family": "avhubert", "weights": "random"},
        "hub": {"family": "clip", "weights": "nobody/nothing"},
    }
    needed = [name for name in encoders if name != "not_needed"]
    with pytest.raises(ConfigError) as refusal:
        resources.require_weights({"encoders": encoders}, [*needed, *needed])
    message = str(refusal.value)
    assert message.count("The encoders lips, sound of the config need it.") == 1
    assert f"{tmp_path}/{file}" in message
    assert "auto_avsr/nothing.pth" in message
    assert "another.pth" not in message
    (tmp_path / "avhubert").mkdir()
    (tmp_path / file).touch()
    resources.require_weights({"encoders": encoders}, ["lips", "drawn", "hub"])


def test_features_jobs_that_read_a_checkpoint_ask_for_more_memory():
    loaded = CONFIG | {"encoders": {"clip": ENCODER | {"weights": "some/hub-id"}}}
    assert resources.features_memory_mb(CONFIG, "lfcc") == 2000
    assert resources.features_memory_mb(loaded, "clip") == 16000


def test_linear_probes_ask_for_no_gpu_whatever_the_device():
    asked = {
        (kind, device): resources.training_gpus({"training": {"device": device}}, kind)
        for kind in ("linear", "transformer")
        for device in ("cpu", "cuda")
    }
    assert [use for use, gpus in asked.items() if gpus] == [("transformer", "cuda")]
