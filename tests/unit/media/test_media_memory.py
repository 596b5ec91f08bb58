"""Memory stays flat over thousands of clips, and does not grow with long ones."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from media_files import write_clip
from odd_media import FAST_START, OPUS, Picture, Tone, encode

WARM_UP, ROUNDS = 50, 700  # of three clips each
BOUND_KB = 4_000  # 2 kB a clip: the least that a decoded clip takes is more
TONE = Tone(44_100, "stereo", length_s=0.1)
CLIPS = {
    "h264.mp4": {"pictures": [Picture(count=3)], "tones": [TONE]},
    "vp9.webm": {"pictures": [Picture(codec="libvpx-vp9", count=3)], "tones": [OPUS]},
    "cut off.mp4": {"pictures": [Picture(count=12)], "options": FAST_START},
}
CODE = """
import os, sys
from pathlib import Path
from crop_odd_media import FINDER
from dfprobe.media.clip import crop_clip

def resident_kb():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024

warm_up, rounds = int(sys.argv[1]), int(sys.argv[2])
for number in range(warm_up + rounds):
    if number == warm_up:
        before = resident_kb()
    for path in sys.argv[3:]:
        crop_clip(Path(path), FINDER, 5)
print(resident_kb() - before)
"""


def test_memory_does_not_grow_with_the_number_of_clips(tmp_path):
    for number, (name, settings) in enumerate(CLIPS.items()):
        encode(tmp_path / name, np.random.default_rng(number), **settings)
    whole = (tmp_path / "cut off.mp4").read_bytes()
    (tmp_path / "cut off.mp4").write_bytes(whole[: len(whole) * 4 // 5])
    paths = [str(tmp_path / name) for name in CLIPS]
    command = [sys.executable, "-c", CODE, str(WARM_UP), str(ROUNDS), *paths]
    folder = Path(__file__).parent
    grown_kb = subprocess.check_output(command, text=True, cwd=folder)
    assert int(grown_kb) < BOUND_KB


LONG_SOUND = """
import sys
from pathlib import Path
from peak_memory import peak_mb
from dfprobe.media.audio import load_sound

load_sound(Path(sys.argv[1]), None)  # imports
before = peak_mb()
length = len(load_sound(Path(sys.argv[2]), None).waveform)
print(length, peak_mb() - before)
"""


def test_a_long_sound_is_held_once_and_at_16_khz(tmp_path):
    silence = np.zeros((1, 48_000), np.float32)
    paths = []
    for seconds in (1, 600):  # 115 MB at its native rate, 38 MB at 16 kHz
        paths.append(tmp_path / f"{seconds}.mkv")
        sound = np.tile(silence, (1, seconds))
        codecs = ("libx264", "flac")
        write_clip(paths[-1], sound=sound, rate=48_000, codecs=codecs)
    command = [sys.executable, "-c", LONG_SOUND, *map(str, paths)]
    folder = Path(__file__).parent
    length, grown_mb = subprocess.check_output(command, text=True, cwd=folder).split()
    assert int(length) == 600 * 16_000
    assert int(grown_mb) < 80
