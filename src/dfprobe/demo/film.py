"""From the plan of a source to its files: draw, speak, manipulate, encode."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from dfprobe.demo.encode import write_mp4, write_wav
from dfprobe.demo.picture.draw import noise
from dfprobe.demo.picture.faces import Head, invent, paint
from dfprobe.demo.picture.motion import act
from dfprobe.demo.picture.render import Face, draw_head, window_of
from dfprobe.demo.picture.scenes import Scene, furnish, lay_over, seat, stage
from dfprobe.demo.picture.video_fakes import Forger, Forgery, fake_mouth
from dfprobe.demo.plans.plan import ClipPlan, Recording, SourcePlan
from dfprobe.demo.plans.seeds import generator
from dfprobe.demo.sound.audio_fakes import fake_sound, fake_speech, silence_start
from dfprobe.demo.sound.speech import (
    HZ,
    Speech,
    Voice,
    background,
    improvise,
    invent_voice,
    mouth_at,
)
from dfprobe.demo.truth import Truth, write_truth

_GRAIN_TILE = 48  # pixels by which the grain's sheet is larger than the picture


@dataclass(frozen=True)
class Shot:
    """The real footage of a source, before grain."""

    frames: np.ndarray  # (n, height, width, 3) uint8
    faces: list[Face]  # the speaker in each frame; empty without a face
    head: Head
    mouth: np.ndarray  # (n, 3) opening, spreading, rounding


def _eye_places(
    rng: np.random.Generator, source: SourcePlan
) -> list[tuple[float, float, float]]:
    """Mean place of each person's eyes and their distance, in pixels."""
    width, height = source.recording.size
    unit = min(0.205 * min(width, height * 1.12), 58.0) * rng.uniform(0.95, 1.06)
    y = min(0.43 * height, 0.5 * height - 0.3 * unit) + rng.uniform(-0.1, 0.1) * unit
    if source.people == 2:
        return [(0.29 * width, y, unit * 0.9), (0.71 * width, y, unit * 0.86)]
    return [(0.5 * width + rng.uniform(-0.15, 0.15) * unit, y, unit)]


def _grain_tile(rng: np.random.Generator, recording: Recording) -> np.ndarray:
    """Sheet of camera noise, (h, w, 3) int16; mostly brightness, little colour."""
    w, h = (side + _GRAIN_TILE for side in recording.size)
    grey = rng.standard_normal((h, w, 1), dtype=np.float32)
    colour = rng.standard_normal((h, w, 3), dtype=np.float32)
    sheet = cv2.GaussianBlur(grey + 0.35 * colour, (3, 3), 0.5)
    return np.round(sheet * (recording.grain / sheet.std())).astype(np.int16)


def add_grain(
    frame: np.ndarray, tile: np.ndarray, place: np.ndarray, forgery: Forgery | None
) -> np.ndarray:
    """Frame (h, w, 3) with camera noise, less of it in a forged region.

    ``place`` (2,) is the corner of the part of the sheet ``tile`` that is used.
    """
    h, w = frame.shape[:2]
    grain = tile[place[0] : place[0] + h, place[1] : place[1] + w]
    if forgery is not None:
        grain = grain.copy()
        kept = grain[forgery.area] * cv2.merge([forgery.keep] * 3)
        grain[forgery.area] = np.round(kept).astype(np.int16)
    return cv2.add(frame, grain, dtype=cv2.CV_8U)


def _write_caption(frame: np.ndarray) -> None:
    """Bar with text at the foot of the frame, in place."""
    height, width = frame.shape[:2]
    top = int(height * 0.87)
    frame[top:] = frame[top:] // 3
    size = width / 640 * 1.1
    place = (int(width * 0.06), int(height * 0.955))
    font, white = cv2.FONT_HERSHEY_SIMPLEX, (240, 240, 240)
    cv2.putText(frame, "LIVE  demo footage", place, font, size, white, 1, cv2.LINE_AA)


def _empty_frames(rng: np.random.Generator, scene: Scene, count: int) -> np.ndarray:
    """Footage without anybody: the camera pans over the room."""
    height, width = scene.room.shape[:2]
    large = cv2.resize(scene.room, (width + 64, height + 64))
    large = large.astype(np.float32) * (
        1 + 0.25 * noise(rng, (height + 64, width + 64), (24, 32))[..., None]
    )
    sheet = np.clip(large, 0, 255).astype(np.uint8)
    path = np.round(np.linspace(0, 63, count)).astype(int)
    return np.stack([sheet[i : i + height, i : i + width] for i in path])


def shoot(source: SourcePlan, speech: Speech) -> Shot:
    """Draw the real footage of a source; ``speech`` moves the mouth."""
    rng = generator(*source.seed, "scene")
    recording = source.recording
    looks = invent(generator(*source.person, "looks"), source.gender)
    light = np.array([rng.uniform(-0.7, 0.7), -0.5, 1.0])
    head = paint(looks, light)
    mouth = mouth_at(speech.mouth, recording.frames, float(recording.fps), 0.0)
    places = _eye_places(rng, source)
    scene = furnish(rng, looks, recording.size, places[0])
    if source.people == 0:
        frames = _empty_frames(rng, scene, recording.frames)
        return Shot(frames, [], head, mouth)
    cast = [(head, act(rng, mouth, float(recording.fps), places[0], source.lively))]
    if source.people == 2:
        listener = invent(generator(*source.person, "listener"), "women")
        scene = seat(scene, furnish(rng, listener, recording.size, places[1]))
        still = np.zeros_like(mouth)
        cast.append(
            (
                paint(listener, light),
                act(rng, still, float(recording.fps), places[1], 0.7),
            )
        )
    frames = np.empty((recording.frames, *scene.room.shape), dtype=np.uint8)
    for index in range(recording.frames):
        frames[index] = _draw_frame(scene, cast, index, places[0])
    return Shot(frames, cast[0][1], head, mouth)


def _draw_frame(
    scene: Scene,
    cast: list[tuple[Head, list[Face]]],
    index: int,
    eyes: tuple[float, float, float],
) -> np.ndarray:
    """One frame of the real footage, before grain and caption."""
    lead = cast[0][1][index]
    frame = stage(scene, (0.35 * (lead.x - eyes[0]), 0.3 * (lead.y - eyes[1])))
    size = (frame.shape[1], frame.shape[0])
    for head, faces in cast:
        window = window_of(faces[index], size)
        area = frame[window.top : window.bottom, window.left : window.right]
        area[:] = lay_over(area, draw_head(head, faces[index], window))
    return cv2.GaussianBlur(frame, (3, 3), 0.55)


def _music(rng: np.random.Generator, n: int) -> np.ndarray:
    """Quiet chords, (n,) float32."""
    t = np.arange(n) / HZ
    out = np.zeros(n)
    beat = rng.uniform(0.35, 0.6)
    root = rng.uniform(110, 180)
    for k in range(int(t[-1] / beat) + 1):
        since = np.clip(t - k * beat, 0, None)
        decay = np.exp(-since / 0.4) * (t >= k * beat)
        step = rng.choice([0, 3, 5, 7, 10])
        for part in (1.0, 2.0, 3.0):
            out += (
                decay
                * np.sin(2 * np.pi * root * part * 2 ** (step / 12) * since)
                / part
            )
    return (out * 10 ** rng.uniform(-2.2, -1.7)).astype(np.float32)


@dataclass(frozen=True)
class Sounds:
    """Sound of a source: real, fake, and the mouths that go with both."""

    real: np.ndarray
    fake: np.ndarray
    speech: Speech
    fake_speech: Speech


def record(source: SourcePlan) -> Sounds:
    """Let the person, and the fake of the person, speak."""
    voice: Voice = invent_voice(generator(*source.person, "voice"), source.gender)
    rng = generator(*source.seed, "speech")
    speech = improvise(rng, voice, source.recording.length_s)
    real = speech.samples + background(rng, len(speech.samples), voice.floor)
    real = real.astype(np.float32)
    other = fake_speech(source, voice, speech)
    fake = fake_sound(source, voice, real, other)
    if source.music:
        music = _music(rng, len(real))
        real, fake = real + music, fake + music
    return Sounds(real, fake, speech, other)


def _fake_frames(source: SourcePlan) -> list[int]:
    """Numbers of the manipulated frames."""
    if not source.segments:
        return list(range(source.recording.frames))
    return [i for first, end in source.segments for i in range(first, end)]


class Footage:
    """Frames of one clip: the real ones, with the manipulated ones in their place."""

    def __init__(self, source: SourcePlan, shot: Shot) -> None:
        self._source, self._shot = source, shot
        rng = generator(*source.seed, "grain")
        self._tile = _grain_tile(rng, source.recording)
        self._places = rng.integers(0, _GRAIN_TILE, (source.recording.frames, 2))

    def _finish(
        self, frame: np.ndarray, index: int, forgery: Forgery | None
    ) -> np.ndarray:
        out = add_grain(frame, self._tile, self._places[index], forgery)
        if self._source.caption:
            _write_caption(out)
        return out

    def real(self) -> np.ndarray:
        """Frames of the real clip, (n, height, width, 3) uint8."""
        frames = self._shot.frames
        return np.stack([self._finish(f, i, None) for i, f in enumerate(frames)])

    def fake(
        self, base: np.ndarray, mouth: np.ndarray
    ) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """Frames of a fake and the ellipse of each manipulated frame.

        ``base`` are the frames of the real clip, with grain; ``mouth`` (n, 3) is the
        fake's.
        """
        source, shot = self._source, self._shot
        forger = Forger(
            generator(*source.seed, "video artefacts"), source.video, self._fake_head
        )
        frames, ellipses = base.copy(), {}
        for i in _fake_frames(source) if shot.faces else []:
            forgery = forger.paste(shot.frames[i], shot.faces[i], mouth[i], i)
            frames[i] = self._finish(forgery.frame, i, forgery)
            ellipses[i] = forgery.ellipse
        return frames, ellipses

    @cached_property
    def _fake_head(self) -> Head:
        if self._source.video.region == "lips":
            return self._shot.head
        rng = generator(*self._source.seed, "donor")
        donor = invent(rng, self._source.gender)
        return paint(donor, np.array([rng.uniform(-0.5, 0.5), -0.5, 1.0]))


def _mouth_of_fake(
    source: SourcePlan, sounds: Sounds, real: np.ndarray, clip: ClipPlan
) -> np.ndarray:
    """Mouth track of a video fake: that of the sound it is shown with, roughly.

    Outside the manipulated frames it is the ``real`` one, (n, 3).
    """
    fake, frames, fps = source.video, len(real), float(source.recording.fps)
    own = mouth_at(sounds.speech.mouth, frames, fps, fake.lag_s)
    other = mouth_at(sounds.fake_speech.mouth, frames, fps, fake.lag_s)
    share = 1.0 if clip.audio_fake else fake.other
    track, changed = real.copy(), _fake_frames(source)
    track[changed] = fake_mouth(own, other, share, fake.flatten)[changed]
    return track


def make_source(source: SourcePlan, root: Path, truth_root: Path) -> None:
    """Make every file of a source.

    Clips and wav files go to their planned places below ``root``, the ground truth to
    ``<clip_id>.npz`` below ``truth_root``.
    """
    sounds = record(source)
    shot = shoot(source, sounds.speech)
    footage = Footage(source, shot)
    base = footage.real()
    fakes: dict[bool, tuple[np.ndarray, dict[int, np.ndarray], np.ndarray]] = {}
    for clip in source.clips:
        frames, mouth = base, shot.mouth
        ellipses: dict[int, np.ndarray] = {}
        if clip.video_fake:
            if clip.audio_fake not in fakes:
                track = _mouth_of_fake(source, sounds, shot.mouth, clip)
                fakes[clip.audio_fake] = (*footage.fake(base, track), track)
            frames, ellipses, mouth = fakes[clip.audio_fake]
        sound = silence_start(
            sounds.fake if clip.audio_fake else sounds.real, clip.silence_s
        )
        heard = sound if source.sound else None
        write_mp4(root / clip.path, frames, heard, source.recording)
        if clip.wav is not None:
            write_wav(root / clip.wav, sound)
        truth = Truth(source, clip, shot.faces, mouth, ellipses, sounds.speech.timed)
        write_truth(truth_root, truth)
