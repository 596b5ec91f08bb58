"""What ``dfprobe doctor`` says of a configuration, and its exit code."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from dfprobe.cli import main
from dfprobe.doctor.findings import Finding, table

ROOT = Path(__file__).parents[3]
FILE = "avhubert/self_large_vox_433h.pt"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the schema, a corpus of four empty files, and no weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFPROBE_WEIGHTS", "stored")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lines = ["path,label,split"]
    for split in ("train", "val", "test"):
        for label in (0, 1):
            path = Path("videos", split, f"{label}.mp4")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            lines.append(f"{split}/{label}.mp4,{label},{split}")
    Path("videos/labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def examine(capsys, encoders, **changes):
    """Exit code, and what was printed."""
    config = {
        "corpora": {"mine": {"layout": "path_list", "root": "videos"}},
        "encoders": encoders,
        "train": ["mine"],
        "test": ["mine"],
    }
    Path("my.yaml").write_text(yaml.safe_dump(config | changes))
    code = main(["doctor", "--configfile", "my.yaml"])
    return code, capsys.readouterr()


def line_of(text, name):
    (line,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
    return line.split()


def test_a_configuration_that_can_run(project, capsys):
    encoders = {
        "lips": {"family": "avhubert", "stream": "video", "weights": "random"},
        "tubes": {"family": "videomae", "weights": "random"},
        "plain": {"family": "lfcc"},
    }
    code, printed = examine(capsys, encoders)
    assert code == 0
    assert line_of(printed.out, "mine") == [
        *("mine", "path_list", "found", "1/1", "1/1", "1/1")
    ]
    lips = line_of(printed.out, "lips")
    assert lips[:6] == ["lips", "random", "cpu", "float32", "25", "128"]
    assert float(lips[7]) > 0
    assert line_of(printed.out, "tubes")[4:6] == ["12.5", "128"]
    assert line_of(printed.out, "plain")[-2:] == ["-", "-"]


def test_missing_weights_are_one_message_for_all_rows(project, capsys):
    encoders = {
        "lips": {"family": "avhubert", "stream": "video", "weights": FILE},
        "sound": {"family": "avhubert", "stream": "audio", "weights": FILE},
        "plain": {"family": "lfcc"},
    }
    code, printed = examine(capsys, encoders)
    assert code == 1
    assert printed.out.count("The encoders lips, sound of the config need it") == 1
    assert printed.out.count("dfprobe weights fetch avhubert/self_large") == 1
    assert "stored/avhubert/self_large_vox_433h.pt" in printed.out
    marked = [
        line.split()[1] for line in printed.out.splitlines() if line.startswith("!")
    ]
    assert marked == ["lips", "sound"]
    assert "my.yaml cannot start" in printed.err


def test_a_hub_id_that_is_not_cached_is_missing(project, capsys):
    encoders = {"w": {"family": "wav2vec2", "weights": "facebook/wav2vec2-xls-r-2b"}}
    code, printed = examine(capsys, encoders)
    assert code == 1
    assert "Hugging Face cache" in printed.out
    assert "hf download facebook/wav2vec2-xls-r-2b" in printed.out


def test_weights_that_do_not_load_are_named(project, capsys):
    path = Path("stored") / FILE
    path.parent.mkdir(parents=True)
    torch.save({"model": {"some": torch.zeros(1)}}, path)
    encoders = {"lips": {"family": "avhubert", "stream": "video", "weights": FILE}}
    code, printed = examine(capsys, encoders)
    assert code == 1
    assert "do not load" in printed.out
    assert "is not an AV-HuBERT" in printed.out


def test_folders_of_feature_files_are_looked_for(project, capsys):
    mine = {"source": "files", "stream": "audio", "root": "rows/{corpus}"}
    code, printed = examine(capsys, {"theirs": mine})
    assert code == 1
    assert "no folder with feature files: rows/mine." in printed.out
    Path("rows/mine").mkdir(parents=True)
    code, printed = examine(capsys, {"theirs": mine})
    assert code == 0
    assert line_of(printed.out, "theirs")[:2] == ["theirs", "files"]


def test_a_corpus_that_is_not_there(project, capsys):
    shutil.rmtree("videos")
    code, printed = examine(capsys, {"plain": {"family": "lfcc"}})
    assert code == 1
    assert "not usable" in printed.out
    assert "expected the folder videos" in printed.out


def test_listed_clips_that_are_not_on_disk(project, capsys):
    Path("videos/test/1.mp4").unlink()
    code, printed = examine(capsys, {"plain": {"family": "lfcc"}})
    assert code == 0  # the run goes on without them, and counts them
    assert "1 of 6 clips are listed, but not on disk" in printed.out


def test_a_split_without_a_class(project, capsys):
    labels = Path("videos/labels.csv")
    labels.write_text(labels.read_text().replace("val/1.mp4,1,val", "val/1.mp4,0,val"))
    code, printed = examine(capsys, {"plain": {"family": "lfcc"}})
    assert code == 1
    assert "mine: val must hold real and fake clips" in printed.out


def test_a_wrong_configuration_is_told_as_snakemake_tells_it(project, capsys):
    code, printed = examine(capsys, {"plain": {"family": "lfc"}})
    assert code == 1
    assert "Did you mean 'lfcc'?" in printed.err


def test_a_config_file_that_is_not_there(project, capsys):
    assert main(["doctor", "--configfile", "other.yaml"]) == 1
    assert "other.yaml is not there" in capsys.readouterr().err


def test_a_table_has_columns_and_marks():
    findings = [Finding(("long name", "1")), Finding(("x", "22"), "no", ok=False)]
    assert table(("a", "b"), findings).splitlines() == [
        "  a          b",
        "  long name  1",
        "! x          22",
    ]
