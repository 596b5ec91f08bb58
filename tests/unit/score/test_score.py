"""``dfprobe score`` gives what the stages of the workflow give, for bare videos."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dfprobe.cli import main
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.scoring import Scored, score_clips
from dfprobe.score.tables import CALIBRATION
from dfprobe.store.scores import read_scores
from unit.media.media_files import face_frame, write_clip
from unit.score.conftest import write_head

NOISE = 0.1 * np.random.default_rng(0).standard_normal((1, 8 * 16_000), np.float32)
COLUMNS = ["clip", "encoder", "train", "score", "probability", "calibration", "status"]


def run(*arguments):
    return main(["score", *map(str, arguments)])


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def heads(pipeline):
    return [part for path in pipeline.heads.values() for part in ("--head", path)]


def test_scores_are_those_of_the_pipeline(pipeline, heads, tmp_path):
    assert run(pipeline.videos, *heads, "--out", tmp_path / "scores.csv") == 1
    rows = table(tmp_path / "scores.csv")
    assert len(rows) == 5 * len(pipeline.heads)
    for name, head in pipeline.heads.items():
        out = tmp_path / f"{name}.parquet"
        score_clips([[pipeline.stores[name]]], pipeline.manifest, [Scored(head, out)])
        expected = {
            row["clip_id"]: (row["score"], row["status"])
            for row in read_scores(out).iter_rows(named=True)
        }
        came = {
            row["clip"].removeprefix(f"{pipeline.videos}/").removesuffix(".mp4"): (
                float(row["score"]) if row["score"] else None,
                row["status"],
            )
            for row in rows
            if row["encoder"] == name
        }
        assert came == expected  # to the last bit


def test_a_row_says_what_its_numbers_are(pipeline, tmp_path):
    head, out = pipeline.heads["lfcc"], tmp_path / "scores.csv"
    assert run(pipeline.videos / "a.mp4", "--head", head, "--out", out) == 0
    (row,) = table(out)
    assert list(row) == [*COLUMNS, "detail", "head"]
    assert (row["encoder"], row["train"], row["head"]) == ("lfcc", "toy", str(head))
    assert row["calibration"] == CALIBRATION
    expected = 1 / (1 + np.exp(-2 * float(row["score"])))
    assert float(row["probability"]) == pytest.approx(expected)


def test_a_bad_clip_has_a_status_and_ends_nothing(pipeline, heads, tmp_path, capsys):
    out = tmp_path / "scores.json"
    videos = [pipeline.videos, tmp_path / "absent.mp4"]
    assert run(*videos, *heads, "--out", out) == 1
    statuses = {
        (row["clip"].split("/")[-1], row["encoder"]): row["status"]
        for row in json.loads(out.read_text())
    }
    assert statuses["no face.mp4", "example"] == "no_face"
    assert statuses["no face.mp4", "lfcc"] == "ok"
    assert statuses["mute.mp4", "lfcc"] == statuses["mute.mp4", "lips"] == "no_audio"
    assert statuses["mute.mp4", "example"] == "ok"
    assert statuses["text.mp4", "lfcc"] == statuses["text.mp4", "lips"] == "unreadable"
    assert statuses["absent.mp4", "lfcc"] == statuses["absent.mp4", "lips"] == "missing"
    printed = capsys.readouterr()
    assert "4 of 6 clips have no score from every probe" in printed.err
    assert "score: 6/6 clips" in printed.err


def test_what_a_damaged_file_has_lost_is_told(tmp_path, pipeline, heads):
    whole = write_clip(tmp_path / "a.mkv", [face_frame()] * 200, sound=NOISE)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out = tmp_path / "scores.csv"
    assert run(whole, cut, *heads, "--out", out) == 0
    told = {(Path(row["clip"]).stem, row["detail"] != "") for row in table(out)}
    assert told == {("a", False), ("cut", True)}


def test_the_terminal_shows_a_table(pipeline, capsys):
    head = pipeline.heads["lfcc"]
    run(pipeline.videos / "a.mp4", pipeline.videos / "mute.mp4", "--head", head)
    header, scored, failed, calibration = capsys.readouterr().out.splitlines()
    words = ["score", "probability", "status", "encoder", "trained", "on", "clip"]
    assert header.split() == words
    assert scored.split()[2:] == ["ok", "lfcc", "toy", f"{pipeline.videos}/a.mp4"]
    assert failed.split()[:3] == ["-", "-", "no_audio"]
    assert calibration == f"probability = {CALIBRATION}"


def test_curves_hold_time_and_logit_of_every_row(pipeline, heads, tmp_path):
    out, curves = tmp_path / "scores.csv", tmp_path / "curves"
    run(pipeline.videos, *heads, "--out", out, "--curves", curves)
    made = sorted(p.relative_to(curves).as_posix() for p in curves.rglob("*.csv"))
    assert [p for p in made if p.startswith("example")] == [
        *("example/toy/a.mp4.csv", "example/toy/b/a.mp4.csv"),
        "example/toy/mute.mp4.csv",
    ]
    rows = table(curves / "example/toy/a.mp4.csv")
    assert [float(row["time_s"]) for row in rows[:3]] == [0, 0.04, 0.08]
    (score,) = [
        float(row["score"])
        for row in table(out)
        if row["encoder"] == "example" and row["clip"].endswith("videos/a.mp4")
    ]
    logits = [float(row["logit"]) for row in rows]
    assert np.logaddexp.reduce(logits) == pytest.approx(score, abs=1e-5)


def test_the_curve_of_a_trimmed_clip_begins_where_the_sound_does(pipeline, tmp_path):
    firsts = []
    for name in ("lfcc", "lfcc_trimmed"):
        head = pipeline.heads[name]
        run(pipeline.videos / "a.mp4", "--head", head, "--curves", tmp_path)
        row, *_ = table(tmp_path / name / "toy/a.mp4.csv")
        firsts.append(float(row["time_s"]))
    # The sound begins at 0.2 s; a lossy codec spreads it a little.
    assert firsts[1] - firsts[0] == pytest.approx(0.2, abs=0.1)


def test_curves_stay_in_their_folder_whatever_a_head_is_called(pipeline, tmp_path):
    head = write_head(
        pipeline.stores["lfcc"], tmp_path / "h.safetensors", train_corpus="../../x/y"
    )
    curves = tmp_path / "deep/er/curves"
    run(pipeline.videos / "a.mp4", "--head", head, "--curves", curves)
    (made,) = tmp_path.rglob("*.csv")
    assert made == curves / "lfcc/______x_y/a.mp4.csv"


def test_heads_are_found_by_their_encoder(pipeline, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pipeline.heads["lfcc"].parents[1], "results/heads/linear")
    second = LinearProbe.load(pipeline.heads["lfcc"])
    second.metadata["train_corpus"] = "other"
    second.save(tmp_path / "results/heads/linear/lfcc/other.safetensors")
    assert run(pipeline.videos / "a.mp4", "--head", "lfcc") == 0
    lines = capsys.readouterr().out.splitlines()[1:-1]
    assert [line.split()[4] for line in lines] == ["other", "toy"]
    assert run(pipeline.videos / "a.mp4", "--head", "lfc") == 1
    assert "Did you mean 'lfcc'?" in capsys.readouterr().err


def test_weights_of_another_are_refused(pipeline, tmp_path, capsys):
    head = write_head(
        pipeline.stores["lips"], tmp_path / "h.safetensors", weights_hash="other"
    )
    assert run(pipeline.videos / "a.mp4", "--head", head) == 1
    assert "with weights other, but here" in capsys.readouterr().err


def test_rows_made_by_other_code_are_told(pipeline, tmp_path, capsys):
    head = write_head(
        pipeline.stores["lfcc"], tmp_path / "h.safetensors", encoder_key="other"
    )
    assert run(pipeline.videos / "a.mp4", "--head", head) == 0
    assert "made by other code" in capsys.readouterr().err
    assert run(pipeline.videos / "a.mp4", "--head", pipeline.heads["lfcc"]) == 0
    assert "made by other code" not in capsys.readouterr().err


def test_a_head_that_does_not_say_what_it_reads_is_refused(tmp_path, capsys):
    head = tmp_path / "h.safetensors"
    LinearProbe(np.zeros(9, np.float32), {"encoder_key": "k"}).save(head)
    assert run("a.mp4", "--head", head) == 1
    assert "does not say which rows it reads" in capsys.readouterr().err


def test_a_head_on_feature_files_is_refused(pipeline, tmp_path, capsys):
    files = {"name": "mine", "source": "files", "root": "there"}
    head = write_head(
        pipeline.stores["lfcc"], tmp_path / "h.safetensors", encoder=files
    )
    assert run("a.mp4", "--head", head) == 1
    assert "which dfprobe cannot make of a video" in capsys.readouterr().err


def test_two_heads_of_one_name_are_refused(pipeline, tmp_path, capsys):
    other = shutil.copy(pipeline.heads["lfcc"], tmp_path / "other.safetensors")
    assert run("a.mp4", "--head", pipeline.heads["lfcc"], "--head", other) == 1
    assert "both probes on lfcc, trained on toy" in capsys.readouterr().err


def test_an_unknown_format_is_refused_before_the_work(pipeline, capsys):
    head = pipeline.heads["lfcc"]
    assert run(pipeline.videos, "--head", head, "--out", "scores.xls") == 1
    printed = capsys.readouterr()
    assert "ends in .csv or .json" in printed.err
    assert printed.out == ""
