"""Drawn people: one identity's looks, and the head canvas they are rendered from.

A head is painted once, without eyes and mouth, on a canvas whose unit is the distance
between the eyes; ``render`` adds eyes, mouth, jaw and pose frame by frame. Proportions
follow the mean face of dlib's 68-point landmarks, so that its detector and its shape
predictor find the drawing. All people are invented.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dfprobe.demo.picture.draw import bump, closed_curve, fill, noise, over, step

UNIT = 72.0  # canvas pixels between the two eyes
WIDTH, HEIGHT = 384, 408
EYES_X, EYES_Y = 192.0, 162.0  # canvas pixel midway between the eyes

_SKIN = np.array(  # light to dark, sRGB
    [
        (0.95, 0.79, 0.69),
        (0.90, 0.71, 0.58),
        (0.80, 0.60, 0.46),
        (0.68, 0.48, 0.35),
        (0.54, 0.37, 0.27),
        (0.41, 0.28, 0.21),
    ]
)
_HAIR = np.array(
    [
        (0.09, 0.07, 0.06),
        (0.17, 0.11, 0.08),
        (0.30, 0.19, 0.11),
        (0.45, 0.29, 0.15),
        (0.66, 0.50, 0.28),
        (0.50, 0.22, 0.11),
        (0.55, 0.54, 0.53),
    ]
)
_IRIS = np.array(
    [(0.24, 0.15, 0.09), (0.36, 0.24, 0.13), (0.33, 0.44, 0.55), (0.35, 0.43, 0.30)]
)
_STYLES = {
    "women": ("long", "long", "bob", "bun", "curly", "fringe"),
    "men": ("short", "short", "parted", "buzz", "curly", "bald"),
}


@dataclass(frozen=True)
class Looks:
    """What one invented person looks like; lengths in eye distances."""

    gender: str
    skin: np.ndarray  # (3,) sRGB
    hair: np.ndarray
    iris: np.ndarray
    lips: np.ndarray
    style: str
    width: float  # factor on the face's width
    jaw: float  # factor on the width of the jaw corners
    nose: float  # factor on the nose's width
    brow: float  # brow thickness
    eye: float  # factor on the height of the open eye
    slant: float  # rise of the outer corner of the eye
    lip: float  # factor on the thickness of the lips
    mouth: float  # factor on the width of the mouth
    stubble: float  # 0 none .. 1 full
    seed: int  # of textures


def invent(rng: np.random.Generator, gender: str) -> Looks:
    """Draw the looks of a person; ``gender`` ("men" or "women") sets the odds."""
    tone = rng.uniform(0, len(_SKIN) - 1.001)
    low, part = int(tone), tone % 1
    skin = (_SKIN[low] * (1 - part) + _SKIN[low + 1] * part) * rng.uniform(0.97, 1.03)
    dark = tone > 2.6
    hair = _HAIR[rng.integers(0, 3 if dark else len(_HAIR))] * rng.uniform(0.85, 1.15)
    iris = _IRIS[rng.integers(0, 2 if dark else len(_IRIS))]
    rouge = rng.uniform(0.1, 0.45 if gender == "women" else 0.2)
    lips = skin * (0.80, 0.60, 0.58) * (1 - rouge) + rouge * np.array([0.66, 0.2, 0.23])
    bearded = gender == "men" and rng.random() < 0.5
    return Looks(
        gender=gender,
        skin=skin,
        hair=hair,
        iris=iris,
        lips=lips,
        style=str(rng.choice(_STYLES[gender])),
        width=rng.uniform(0.99, 1.07),
        jaw=rng.uniform(0.97, 1.05) if gender == "men" else rng.uniform(0.93, 1.0),
        nose=rng.uniform(0.85, 1.15),
        brow=rng.uniform(0.055, 0.08) if gender == "men" else rng.uniform(0.04, 0.06),
        eye=rng.uniform(0.85, 1.15),
        slant=rng.uniform(-0.01, 0.03),
        lip=rng.uniform(0.85, 1.25),
        mouth=rng.uniform(0.94, 1.06),
        stubble=rng.uniform(0.3, 0.9) if bearded else 0.0,
        seed=int(rng.integers(2**31)),
    )


@dataclass(frozen=True)
class Head:
    """A painted head without eyes and mouth."""

    looks: Looks
    # (HEIGHT, WIDTH, 4) uint8, blue, green, red, alpha; colours not premultiplied
    colour: np.ndarray
    # (HEIGHT, WIDTH) float32, height above the face's rim, in eye distances
    depth: np.ndarray


def _grid() -> tuple[np.ndarray, np.ndarray]:
    x = (np.arange(WIDTH, dtype=np.float32) - EYES_X) / UNIT
    y = (np.arange(HEIGHT, dtype=np.float32) - EYES_Y) / UNIT
    return np.meshgrid(x.astype(np.float32), y.astype(np.float32))


_X, _Y = _grid()
_AX = np.abs(_X)


def _pixels(points: np.ndarray) -> np.ndarray:
    return points * UNIT + (EYES_X, EYES_Y)


def _mirrored(right: list[tuple[float, float]]) -> np.ndarray:
    """Close a right half (top to bottom, both ends on the axis) with its mirror."""
    half = np.array(right)
    left = half[-2:0:-1] * (-1, 1)
    return np.vstack([half, left])


def face_mask(looks: Looks) -> np.ndarray:
    """Mask of skull and face, without hair and ears."""
    w, j = looks.width, looks.jaw
    outline = _mirrored(
        [
            (0.0, -1.56),
            (0.55 * w, -1.44),
            (0.92 * w, -1.08),
            (1.07 * w, -0.55),
            (1.10 * w, 0.05),
            (1.06 * w, 0.55),
            (0.96 * w * j, 1.02),
            (0.78 * w * j, 1.42),
            (0.50 * j, 1.72),
            (0.24 * j, 1.86),
            (0.0, 1.89),
        ]
    )
    return fill((HEIGHT, WIDTH), _pixels(closed_curve(outline)), 0.9)


def _relief(looks: Looks) -> np.ndarray:
    """Height field of the face in eye distances, (HEIGHT, WIDTH) float32."""
    x, y, ax, w, n = _X, _Y, _AX, looks.width, looks.nose
    z = 1.0 * np.sqrt(
        np.clip(1 - (x / (1.2 * w)) ** 2 - ((y - 0.12) / 2.0) ** 2, 0.0, 1)
    )
    z += 0.07 * bump((ax - 0.45) / 0.35, (y + 0.30) / 0.12)  # brow ridge
    z -= 0.12 * bump((ax - 0.5) / 0.27, (y - 0.01) / 0.17)  # sockets
    along = step(y, -0.25, 0.62) * step(-y, -0.80, -0.66)
    z += (
        (0.05 + 0.19 * along)
        * step(y, -0.3, 0.0)
        * step(-y, -0.82, -0.62)
        * (np.exp(-((x / ((0.085 + 0.05 * along) * n)) ** 2)))
    )  # nose ridge
    z += 0.13 * bump(x / (0.13 * n), (y - 0.60) / 0.12)  # tip
    z += 0.12 * bump((ax - 0.18 * n) / 0.075, (y - 0.68) / 0.07)  # wings
    z += 0.08 * bump((ax - 0.66) / 0.26, (y - 0.50) / 0.24)  # cheekbones
    z += 0.09 * bump(x / 0.42, (y - 1.10) / 0.28)  # muzzle
    z += 0.12 * bump(x / 0.24, (y - 1.64) / 0.15)  # chin
    z -= 0.05 * bump(x / 0.2, (y - 1.42) / 0.06)  # groove under the lip
    z -= 0.025 * bump(x / 0.045, (y - 0.89) / 0.09)  # philtrum
    fold = ax - (0.24 + 0.55 * (y - 0.72))  # nasolabial fold, 0 on its line
    z -= 0.03 * bump(fold / 0.06, (y - 0.90) / 0.20)
    return cv2.GaussianBlur(z.astype(np.float32), (0, 0), 1.2)


def _shade(z: np.ndarray, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse and specular factors of a height field under one lamp."""
    gy, gx = np.gradient(z * UNIT)
    gx, gy = np.clip(gx, -2.0, 2.0), np.clip(gy, -2.0, 2.0)
    norm = 1 / np.sqrt(gx * gx + gy * gy + 1)
    lamp = light / np.linalg.norm(light)
    diffuse = np.clip((-gx * lamp[0] - gy * lamp[1] + lamp[2]) * norm, 0, 1)
    half = lamp + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    gloss = np.clip((-gx * half[0] - gy * half[1] + half[2]) * norm, 0, 1) ** 28
    return diffuse.astype(np.float32), gloss.astype(np.float32)


def _skin(looks: Looks, z: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Painted skin, (HEIGHT, WIDTH, 3) float32 sRGB."""
    rng = np.random.default_rng(looks.seed)
    shape = (HEIGHT, WIDTH)
    blotch = 0.03 * noise(rng, shape, (14, 13)) + 0.022 * noise(rng, shape, (60, 56))
    blotch += 0.02 * noise(rng, shape, (204, 192))
    red = 0.5 * bump((_AX - 0.62) / 0.32, (_Y - 0.62) / 0.28)
    red += 0.45 * bump(_X / 0.17, (_Y - 0.62) / 0.16)
    flush = np.stack([0.02 * red, -0.055 * red, -0.05 * red], axis=-1)
    skin = (looks.skin.astype(np.float32) + flush) * (1 + blotch)[..., None]
    diffuse, gloss = _shade(z, light)
    shade = 0.46 + 0.60 * diffuse
    shade -= 0.16 * bump((_AX - 0.48) / 0.22, (_Y + 0.10) / 0.09)  # upper lid fold
    shade -= 0.07 * bump((_AX - 0.46) / 0.22, (_Y - 0.20) / 0.06)  # under the eye
    shade -= 0.20 * bump(_X / 0.22, (_Y - 0.80) / 0.05)  # under the nose
    shade -= 0.12 * bump(_X / 0.26, (_Y - 1.39) / 0.05)  # under the lip
    skin = skin * shade[..., None] + 0.10 * gloss[..., None]
    nostril = bump((_AX - 0.105 * looks.nose) / 0.052, (_Y - 0.735) / 0.026)
    over(skin, looks.skin * 0.2, 0.85 * nostril)
    return skin.astype(np.float32)


def _beard(skin: np.ndarray, looks: Looks) -> None:
    """Stubble on jaw, chin and upper lip, in place."""
    rng = np.random.default_rng(looks.seed + 1)
    area = step(_Y + 0.25 * _AX, 1.15, 1.5) + 0.8 * bump(_X / 0.4, (_Y - 0.92) / 0.06)
    area *= 1 - bump(_X / 0.42, (_Y - 1.13) / 0.16)
    grain = 0.6 + 0.4 * noise(rng, (HEIGHT, WIDTH), (136, 128))
    over(skin, looks.hair * 0.8, np.clip(looks.stubble * 0.6 * area * grain, 0, 0.8))


def _brows(skin: np.ndarray, looks: Looks) -> None:
    """Eyebrows, in place."""
    rng = np.random.default_rng(looks.seed + 2)
    t = np.clip((_AX - 0.20) / 0.64, 0, 1)
    line = -0.265 - 0.10 * np.sin(np.pi * t**1.1) + 0.01 * t
    half = looks.brow * (1.15 - 0.75 * t)
    half *= step(_AX, 0.16, 0.28) * step(-_AX, -0.90, -0.78)
    edge = np.abs(_Y - line) / np.maximum(half, 1e-3)
    slanted = cv2.warpAffine(
        noise(rng, (HEIGHT, WIDTH), (40, 190)),
        np.array([[1, 0.5, -80], [0, 1, 0]]),
        (WIDTH, HEIGHT),
        borderMode=cv2.BORDER_REFLECT,
    )
    alpha = step(-edge, -1.35, -0.35) * (0.80 + 0.35 * slanted)
    over(skin, looks.hair * 0.75, np.clip(alpha, 0, 0.9))


def _strands(looks: Looks) -> np.ndarray:
    """Hair colour everywhere, (HEIGHT, WIDTH, 3) float32; strands leave the crown."""
    rng = np.random.default_rng(looks.seed + 3)
    if looks.style == "curly":
        texture: np.ndarray = noise(rng, (HEIGHT, WIDTH), (58, 54)) * 0.30
        texture += noise(rng, (HEIGHT, WIDTH), (110, 100)) * 0.22
    else:
        sheet = noise(rng, (256, 512), (10, 300)) + 0.8 * noise(
            rng, (256, 512), (5, 60)
        )
        angle = np.arctan2(_X - 0.12, 0.45 + np.clip(_Y + 1.75, 0, None) * 0.55)
        radius = np.hypot(_X, _Y + 1.75)
        u = (angle / np.pi + 0.5) * 510
        v = np.clip(radius * 55, 0, 254)
        places = (u.astype(np.float32), v.astype(np.float32))
        texture = 0.17 * cv2.remap(sheet, *places, cv2.INTER_LINEAR)
    sheen = 0.40 * bump(np.zeros_like(_X), (_Y + 1.25 + 0.35 * _AX**2) / 0.22)
    depth = 1.0 - 0.30 * step(_Y, -0.6, 1.6)
    level = (depth + sheen + texture)[..., None]
    return np.clip(
        looks.hair.astype(np.float32) * level + 0.03 * sheen[..., None], 0, 1
    )


_HAIRLINES = {  # style: forehead line, side length, volume, asymmetry
    "short": (-0.98, 0.10, 0.10, 0.00),
    "parted": (-0.90, 0.15, 0.14, 0.14),
    "buzz": (-1.02, -0.05, 0.00, 0.00),
    "curly": (-0.92, 0.35, 0.26, 0.00),
    "bald": (-1.70, -0.60, 0.00, 0.00),
    "long": (-0.98, 2.60, 0.16, 0.10),
    "bob": (-0.95, 1.35, 0.16, -0.10),
    "fringe": (-0.56, 2.10, 0.16, 0.02),
    "bun": (-1.00, 0.15, 0.08, 0.00),
}


def _hair_mask(looks: Looks) -> np.ndarray:
    """Mask of the hair in front of and beside the face, (HEIGHT, WIDTH) float32."""
    rng = np.random.default_rng(looks.seed + 4)
    line, side, volume, skew = _HAIRLINES[looks.style]
    if looks.style == "bald":
        return np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    w = looks.width
    low = max(side, 0.1)
    wide = (1.19 + 0.6 * volume) * w
    right = [
        (0.0, -1.66 - volume),
        (0.60 * w, -1.55 - volume),
        (1.02 * w + 0.4 * volume, -1.12 - 0.6 * volume),
        (wide, -0.5),
        (wide + 0.03 * low, 0.4 * low),
        (wide + 0.05 * low, low),
        (0.9, low + 0.10),
        (0.0, low + 0.05),
    ]
    outer = fill((HEIGHT, WIDTH), _pixels(closed_curve(_mirrored(right))), 1.0)
    knots_x = w * np.array([0, 0.40, 0.72, 0.90, 0.99, 1.03, 2.7])
    knots_y = [line, line + 0.02, line + 0.14, line + 0.42, min(side, 0.0), side, side]
    profile = np.interp(_AX, knots_x, knots_y).astype(np.float32) + skew * _X
    ragged = 0.05 * noise(rng, (HEIGHT, WIDTH), (3, 90))
    front = step(profile + ragged - _Y, -0.03, 0.05)
    if side > 0.5:  # hair that falls beside the cheeks and the neck
        inner = np.interp(_Y, [-0.6, 0.3, 1.2, 1.9, 3.0], [0.99, 1.0, 0.92, 0.72, 0.66])
        wave = 0.05 * noise(rng, (HEIGHT, WIDTH), (9, 3))
        beside = step(_AX - inner.astype(np.float32) * w + wave, -0.03, 0.05)
        end = step(side + 2.0 * ragged - _Y, -0.05, 0.10)
        front = np.maximum(front, beside * end * step(_Y, -0.7, -0.3))
    mask = outer * front
    if looks.style == "curly":
        mask = step(mask + 0.30 * noise(rng, (HEIGHT, WIDTH), (45, 42)), 0.35, 0.6)
        mask *= step(profile - _Y, -0.12, 0.0)
    if looks.style == "bun":
        mask = np.maximum(mask, step(-np.hypot(_X, _Y + 1.83), -0.42, -0.36))
    return mask * (0.72 if looks.style == "buzz" else 1.0)


def _ears(looks: Looks) -> np.ndarray:
    """Mask of both ears."""
    edge = np.hypot((_AX - 1.12 * looks.width) / 0.15, (_Y - 0.24 + 0.1 * _AX) / 0.33)
    return step(-edge, -1.06, -0.94)


def paint(looks: Looks, light: np.ndarray) -> Head:
    """Paint a person's head; ``light`` (3,) is the direction to the lamp.

    Its axes are right, down and towards the camera.
    """
    z = _relief(looks)
    face = face_mask(looks)
    skin = _skin(looks, z, light)
    if looks.stubble:
        _beard(skin, looks)
    _brows(skin, looks)
    rim = cv2.GaussianBlur(face, (0, 0), 9.0)
    skin *= (0.62 + 0.38 * step(rim, 0.42, 0.95))[..., None]
    colour = skin * 1.0
    ears = _ears(looks)
    lobe = bump((_AX - 1.10 * looks.width) / 0.09, (_Y - 0.2) / 0.2)[..., None]
    ear_skin = looks.skin.astype(np.float32) * (0.80 - 0.22 * lobe)
    colour = np.where(face[..., None] > 0.02, colour, ear_skin)
    over(colour, ear_skin, ears * (1 - face))
    hair = _hair_mask(looks)
    shadow = cv2.GaussianBlur(hair, (0, 0), 6.0)
    colour *= (1 - 0.35 * shadow * (1 - hair))[..., None]
    over(colour, _strands(looks), hair)
    alpha = np.clip(np.maximum(np.maximum(face, ears), hair), 0, 1)
    stacked = np.dstack([colour[..., ::-1], alpha])
    depth = cv2.GaussianBlur(z, (0, 0), 3.0) * cv2.GaussianBlur(face, (0, 0), 6.0)
    return Head(looks, np.round(np.clip(stacked, 0, 1) * 255).astype(np.uint8), depth)
