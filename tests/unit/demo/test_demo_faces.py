"""Drawn faces: found by dlib, mouths follow the speech, artefacts in their place."""

from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import dlib
import numpy as np
import pytest

from dfprobe.demo.film import Footage, record, shoot
from dfprobe.demo.picture.faces import invent, paint
from dfprobe.demo.picture.render import Face, draw_canvas
from dfprobe.demo.picture.video_fakes import fake_mouth
from dfprobe.demo.plans import fakeavceleb
from dfprobe.demo.plans.plan import Recording
from dfprobe.demo.plans.seeds import generator


@pytest.fixture(scope="module")
def landmarks():
    """Function: grey frames -> (frames, 68, 2), NaN where dlib finds no face."""
    models = Path(find_spec("face_recognition_models").origin).parent / "models"
    predict = dlib.shape_predictor(
        str(models / "shape_predictor_68_face_landmarks.dat")
    )
    detect = dlib.get_frontal_face_detector()

    def of(frames):
        rows = np.full((len(frames), 68, 2), np.nan)
        for i, frame in enumerate(frames):
            for box in list(detect(frame, 0))[:1]:
                rows[i] = [(p.x, p.y) for p in predict(frame, box).parts()]
        return rows

    return of


def opening(points):
    gap = np.linalg.norm(points[:, [61, 62, 63]] - points[:, [67, 66, 65]], axis=2)
    return gap.mean(axis=1)


def envelope(clip):
    edges = np.round(np.arange(len(clip.grey) + 1) / clip.fps * clip.hz).astype(int)
    return np.array(
        [np.sqrt(np.mean(clip.sound[a:b] ** 2)) for a, b in pairwise(edges)]
    )


def real_clips(request):
    for name, pattern in (
        ("favc", "RealVideo-RealAudio/**/*.mp4"),
        ("av1m", "**/real.mp4"),
        ("avlips", "0_real/*.mp4"),
    ):
        yield from sorted(request.getfixturevalue(name).root.glob(pattern))


def test_faces_are_found_and_mouths_follow_the_sound(request, clip_reader, landmarks):
    found, correlations = [], []
    for path in real_clips(request):
        clip = clip_reader(path)
        points = landmarks(clip.grey)
        seen = ~np.isnan(points[:, 0, 0])
        found.append(seen.mean())
        pair = np.corrcoef(opening(points[seen]), envelope(clip)[seen])
        correlations.append(pair[0, 1])
    assert len(found) >= 7
    assert min(found) >= 0.95
    assert min(correlations) > 0.5
    assert np.median(correlations) > 0.7


def test_fake_mouth_follows_its_own_track(favc, clip_reader, landmarks):
    path = next(favc.root.glob("FakeVideo-FakeAudio/**/*_wavtolip.mp4"))
    truth = np.load(
        (favc.truth / path.relative_to(favc.root)).with_suffix(".npz"),
        allow_pickle=False,
    )
    seen = opening(landmarks(clip_reader(path).grey))
    assert np.corrcoef(seen, truth["mouth"][:, 0].astype(float))[0, 1] > 0.7


def test_truth_knows_where_the_face_is(favc, clip_reader, landmarks):
    path = next(favc.root.glob("RealVideo-RealAudio/**/*.mp4"))
    truth = np.load(
        (favc.truth / path.relative_to(favc.root)).with_suffix(".npz"),
        allow_pickle=False,
    )
    points = landmarks(clip_reader(path).grey)
    eyes = points[:, 36:42].mean(axis=1)
    unit = np.linalg.norm(points[:, 42:48].mean(axis=1) - eyes, axis=1)
    error = np.linalg.norm(eyes - truth["points"][:, 0].astype(float), axis=1) / unit
    assert np.nanmedian(error) < 0.12
    assert np.isnan(truth["boxes"]).all()


def test_people_differ_and_are_reproducible():
    light = np.array([0.3, -0.5, 1.0])
    heads = [paint(invent(generator("p", i), "women"), light).colour for i in (1, 2, 1)]
    assert np.array_equal(heads[0], heads[2])
    assert np.abs(heads[0].astype(int) - heads[1]).mean() > 5


def test_mouth_and_eyes_change_the_picture_only_where_they_are():
    head = paint(invent(generator("p", 3), "men"), np.array([0.0, -0.5, 1.0]))
    rest = Face(0, 0, 0, 0, (0, 0), 0, 0, 0, 112, 96, 45)
    base = draw_canvas(head, rest).astype(int)
    opened = draw_canvas(head, replace(rest, opening=0.8)).astype(int)
    shut = draw_canvas(head, replace(rest, blink=1.0)).astype(int)
    rows = np.flatnonzero(np.abs(opened - base).max(axis=(1, 2)) > 10)
    assert rows.min() > 210  # below the nose
    rows = np.flatnonzero(np.abs(shut - base).max(axis=(1, 2)) > 10)
    assert rows.min() > 135
    assert rows.max() < 185


def short_source(region):
    source = fakeavceleb.plan(5, {"train": 1, "val": 0, "test": 0})[0]
    video = replace(source.video, region=region, strength=1.0, family="A")
    return replace(
        source, recording=Recording(frames=30), video=video, segments=((4, 8),)
    )


@pytest.mark.parametrize("region", ["lips", "face"])
def test_manipulation_stays_in_its_frames_and_its_ellipse(region):
    source = short_source(region)
    sounds = record(source)
    shot = shoot(source, sounds.speech)
    footage = Footage(source, shot)
    real = footage.real()
    fake, ellipses = footage.fake(real, shot.mouth)
    assert sorted(ellipses) == [4, 5, 6, 7]
    assert np.array_equal(
        np.delete(fake, range(4, 8), 0), np.delete(real, range(4, 8), 0)
    )
    x, y, a, b, _ = ellipses[5]
    grid_y, grid_x = np.mgrid[:224, :224]
    radius = np.hypot((grid_x - x) / a, (grid_y - y) / b)
    change = np.abs(fake[5].astype(int) - real[5]).max(axis=2)
    assert change[radius > 1.1].max() == 0
    assert change[radius < 0.7].mean() > 2


def test_fake_region_lacks_grain_and_has_a_checkerboard():
    source = short_source("lips")
    shot = shoot(source, record(source).speech)
    footage = Footage(source, shot)
    real = footage.real()
    fake, ellipses = footage.fake(real, shot.mouth)
    x, y = (int(v) for v in ellipses[5][:2])
    signs = (-1) ** np.add.outer(np.arange(12), np.arange(12))

    def board(frame):
        part = frame[y + 8 : y + 20, x - 6 : x + 6].astype(float).mean(axis=2)
        return abs((part * signs).mean())

    assert board(fake[5]) > 2.0
    assert board(real[5]) < 1.0


def test_flattened_mouth_moves_less_around_the_same_mean():
    own = generator("m").uniform(0, 1, (50, 3))
    flat = fake_mouth(own, own[::-1], share=0.0, flatten=0.3)
    assert np.allclose(flat.mean(axis=0), own.mean(axis=0))
    assert np.allclose(flat.std(axis=0), 0.7 * own.std(axis=0))
    assert np.allclose(fake_mouth(own, own[::-1], 1.0, 0.0), own[::-1])
