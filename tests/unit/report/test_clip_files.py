"""The explorer's files of a test corpus."""

import io
import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfprobe.media.video import video_info
from dfprobe.report.explorer.media_files import sound_facts, sprite
from unit.media.media_files import number_of, numbered_frame, write_clip
from unit.report.toy_run import clip_files, manifest

HOSTILE = "</script><script>alert(1)</script><!--\u2028"
TONE = 0.5 * np.sin(np.arange(32_000, dtype=np.float32) * 0.4)[None]  # 1 kHz, 2 s


def data(path: Path) -> tuple[str, object]:
    """Name and value of a data file."""
    text = path.read_text("ascii")
    assert text.startswith("dfprobe.take(") and text.endswith(");\n")
    name, value = json.loads(f"[{text[13:-3]}]")
    return name, value


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    frames = [numbered_frame(n) for n in range(50)]
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    return write_clip(path, frames, sound=TONE)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, video) -> Path:
    """Folder with the files of a corpus of four clips."""
    results = tmp_path_factory.mktemp("run") / "results"
    parts = [[0.2, 0.52], [1.0, 1.5]]
    fake = {"label": 1, "manipulation": "swap", "path": str(video)}
    clips = [
        {"clip_id": "a", "label": 0, "path": str(video), "audio_fake": False},
        {"clip_id": "b", **fake, "video_fake": True, "audio_fake_segments": parts},
        {"clip_id": HOSTILE, **fake, "manipulation": HOSTILE},
        {"clip_id": "gone", "label": None},
        {"clip_id": "learned from", "label": 0, "split": "train"},
    ]
    manifest(results / "manifests/one.parquet", clips)
    return clip_files(results, "one", clips=24, frames=20).parent


def shown(corpus: Path, clip_id: str) -> dict:
    _, index = data(corpus / "index.js")
    [file] = [row[3] for row in index["shown"] if row[0] == clip_id]
    name, facts = data(corpus / f"{file}.js")
    assert name == f"one/{file}"
    return facts


def test_the_index_has_the_probes_and_the_test_clips(corpus):
    name, index = data(corpus / "index.js")
    assert name == "one/index"
    assert index["probes"][1] == {"encoder": "avhubert_a", "train": "one"}
    assert index["clips"] == 4
    assert [row[0] for row in index["shown"]] == sorted([HOSTILE, "a", "b", "gone"])
    assert all(len(row[4]) == 4 for row in index["shown"])


def test_frames_lie_in_the_sprite_at_their_times(corpus):
    facts = shown(corpus, "a")["frames"]
    assert facts["times"] == pytest.approx([0.12 * n for n in range(17)])
    with Image.open(corpus / facts["image"]) as image:
        picture = np.asarray(image)
    width, height = facts["width"], facts["height"]
    assert picture.shape == (height * facts["rows"], width * facts["columns"], 3)
    assert [shown_number(picture, facts, n) for n in (0, 9, 10, 16)] == [0, 27, 30, 48]


def shown_number(picture: np.ndarray, facts: dict, place: int) -> int:
    """Number of the frame at a place of a sprite."""
    row, column = divmod(place, facts["columns"])
    height, width = facts["height"], facts["width"]
    top, left = row * height, column * width
    cell = Image.fromarray(picture[top : top + height, left : left + width])
    return number_of(np.asarray(cell.resize((128, 48))))


def test_a_header_that_lies_gives_no_more_frames_than_asked_for(video):
    info = video_info(video)
    short = type(info)(**{**info.__dict__, "duration_s": 0.4})
    found = sprite(video, short, 10)
    assert found.times_s == pytest.approx([0.32 * n for n in range(7)])
    picture = np.asarray(Image.open(io.BytesIO(found.jpeg)))
    facts = found.facts("x.jpg")
    numbers = [shown_number(picture, facts, place) for place in range(7)]
    assert numbers == [8 * n for n in range(7)]


def test_segments_are_parts_the_whole_or_unknown(corpus):
    clip = shown(corpus, "b")
    assert clip["audio"] == [[0.2, 0.52], [1.0, 1.5]]
    assert clip["video"] is True
    assert shown(corpus, "a")["audio"] == []
    assert shown(corpus, "a")["video"] is None


def test_what_cannot_be_decoded_is_said_and_keeps_its_row(corpus):
    clip = shown(corpus, "gone")
    assert clip["frames"] is None and clip["sound"] is None
    assert [problem.split(":")[0] for problem in clip["problems"]] == [
        "video, missing",
        "sound, missing",
    ]


def test_curves_are_one_a_probe_with_their_times(corpus):
    curves = shown(corpus, "a")["curves"]
    assert len(curves) == 4
    assert curves[0]["first"] == 0.02
    assert curves[0]["step"] == 0.04
    assert len(curves[0]["values"]) == 60


def test_a_long_curve_is_averaged(tmp_path, video):
    from dfprobe.report.explorer.clips import _curve

    row = {"curve": list(np.arange(4000.0)), "rate_hz": 50.0, "first_row_s": 1.0}
    curve = _curve(row)
    assert len(curve["values"]) == 1334
    assert curve["values"][:2] == [1.0, 4.0]
    assert (curve["first"], curve["step"]) == (1.03, 0.06)
    assert curve["values"][-1] == 3999.0


def test_the_envelope_and_the_spectrogram_show_a_tone():
    sound = np.concatenate([np.zeros(16_000, np.float32), TONE[0]])
    facts = sound_facts(sound)
    assert facts["seconds"] == 3.0
    assert len(facts["low"]) == len(facts["high"]) == 600
    assert max(facts["high"][:199]) == 0
    assert min(facts["high"][201:]) > 90
    _, _, coded = facts["mel"].partition("base64,")
    grey = np.asarray(Image.open(io.BytesIO(b64decode(coded))))
    assert grey.shape[0] == 26
    assert (grey[:, :90] == 255).all()
    loudest = grey[:, 150:].mean(axis=1).argmin()
    assert 14 <= loudest <= 20  # 1,019 Hz: band 9 of 26, counted from the bottom


def test_a_long_sound_has_a_small_spectrogram():
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000 * 150).astype(np.float32)
    _, _, coded = sound_facts(sound)["mel"].partition("base64,")
    with Image.open(io.BytesIO(b64decode(coded))) as image:
        assert 400 < image.width <= 800


def test_no_text_can_end_a_script(corpus):
    for path in corpus.glob("*.js"):
        content = path.read_text("ascii")
        assert "</" not in content and "<!--" not in content
    assert data(corpus / "list-000.js")[1][0][0] == HOSTILE


def test_five_thousand_clips_come_in_small_files(tmp_path):
    results = tmp_path / "results"
    clips = [{"clip_id": f"{n:05d}", "label": n % 2} for n in range(5_000)]
    manifest(results / "manifests/one.parquet", clips)
    folder = clip_files(results, "one", clips=3, frames=20).parent
    lists = sorted(folder.glob("list-*.js"))
    assert [len(data(path)[1]) for path in lists] == [500] * 10
    assert max(path.stat().st_size for path in lists) < 100_000
    assert (folder / "index.js").stat().st_size < 2_000


def test_the_same_clips_give_the_same_bytes(tmp_path, corpus, video):
    results = tmp_path / "results"
    clips = [{"clip_id": "a", "label": 0, "path": str(video)}]
    manifest(results / "manifests/one.parquet", clips)
    made = []
    for _ in range(2):
        folder = clip_files(results, "one", clips=24, frames=20).parent
        made.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"index.js", "list-000.js", "000.js", "000.jpg"}


def test_files_of_an_earlier_choice_go(tmp_path, video):
    results = tmp_path / "results"
    clips = [{"clip_id": f"{n}", "label": 0} for n in range(3)]
    manifest(results / "manifests/one.parquet", clips)
    folder = clip_files(results, "one", clips=3, frames=20).parent
    assert (folder / "002.js").exists()
    clip_files(results, "one", clips=1, frames=20)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("000.js", "index.js", "list-000.js"),
    ]
