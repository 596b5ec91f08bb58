import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import bursts, number_of, numbered_frame, write_clip

from dfprobe.errors import ClipError
from dfprobe.media import video
from dfprobe.media.video import frames_at_25fps, video_info
from dfprobe.status import Status


def clip(path, count=30, **settings):
    return write_clip(path, [numbered_frame(n) for n in range(count)], **settings)


def numbers(path, size=7):
    chunks = list(frames_at_25fps(path, size))
    assert all(len(chunk) == size for chunk in chunks[:-1])
    return [number_of(frame) for chunk in chunks for frame in chunk]


def nearest(count, fps):
    """Source frame for each 1/25 s, the earlier one of two equally near."""
    length = max(1, round(Fraction(count) / fps * 25))
    times = [n / Fraction(fps) for n in range(count)]
    return [
        min(range(count), key=lambda n: (abs(times[n] - Fraction(k, 25)), n))
        for k in range(length)
    ]


@pytest.fixture
def decord_reads(monkeypatch):
    """Paths that decord is asked for; it refuses them all."""
    paths: list[str] = []

    def refuse(path, **settings):
        paths.append(path)
        raise RuntimeError("no decord")

    monkeypatch.setattr(video.decord, "VideoReader", refuse)
    return paths


@pytest.mark.parametrize(
    "fps", [24, Fraction(30000, 1001), 30, 50, 25, 10, 60, Fraction(25, 2)]
)
@pytest.mark.parametrize("decoder", ["decord", "pyav"])
def test_frames_are_the_nearest_in_time(tmp_path, fps, decoder, request):
    path = clip(tmp_path / "a.mp4", 45, fps=fps)
    if decoder == "pyav":
        request.getfixturevalue("decord_reads")
    expected = nearest(45, fps)
    assert numbers(path) == expected
    info = video_info(path)
    assert info.frames == len(expected)
    assert info.source_fps == pytest.approx(float(fps), rel=1e-3)
    assert info.duration_s == pytest.approx(45 / fps, abs=2e-3)


def test_jittering_timestamps_of_a_25_fps_source_change_nothing(tmp_path):
    jitter = np.random.default_rng(0).integers(-15, 16, 40)
    times_ms = [40 * n + int(jitter[n]) * (n > 0) for n in range(40)]
    path = clip(tmp_path / "a.mkv", 40, times_ms=times_ms)
    assert numbers(path) == list(range(40))


def test_a_gap_in_the_timestamps_repeats_the_frame_before_and_after(tmp_path):
    times_ms = [40 * n for n in (0, 1, 2, 7, 8, 9)]
    path = clip(tmp_path / "a.mkv", 6, times_ms=times_ms)
    assert numbers(path) == [0, 1, 2, 2, 2, 3, 3, 3, 4, 5]


@pytest.mark.parametrize("count", [1, 3])
def test_very_short_clips(tmp_path, count):
    assert numbers(clip(tmp_path / "a.mp4", count)) == list(range(count))


@pytest.mark.parametrize("name", ["x.ts", "x.avi", "x.webm", "av1.mp4"])
def test_other_containers_and_codecs(tmp_path, name):
    codec = {"x.avi": "mpeg4", "x.webm": "libvpx-vp9", "av1.mp4": "libsvtav1"}
    codecs = (codec.get(name, "libx264"), "aac")
    assert numbers(clip(tmp_path / name, 12, codecs=codecs)) == list(range(12))


@pytest.mark.parametrize(
    "name", ["two words.mp4", 'it\'s "a"; $b.mp4', "клип 视频.mp4", "-x.mp4", "a:b.mp4"]
)
def test_any_file_name(tmp_path, name, monkeypatch):
    path = clip(tmp_path / name, 5)
    assert numbers(path) == list(range(5))
    monkeypatch.chdir(tmp_path)
    assert numbers(path.relative_to(tmp_path)) == list(range(5))


def test_both_decoders_give_the_same_pixels(tmp_path, request):
    path = clip(tmp_path / "a.mp4", 20)
    by_decord = np.concatenate(list(frames_at_25fps(path, 8)))
    request.getfixturevalue("decord_reads")
    assert np.array_equal(np.concatenate(list(frames_at_25fps(path, 8))), by_decord)


def test_rotation_is_applied(tmp_path, request):
    source = clip(tmp_path / "a.mp4", 6)
    path = tmp_path / "turned.mp4"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.set_display_rotation(90)
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    turned = np.concatenate(list(frames_at_25fps(path, 8)))
    assert turned.shape == (6, 128, 48, 3)
    upright = np.concatenate(list(frames_at_25fps(source, 8)))
    assert np.array_equal(turned, np.rot90(upright, axes=(1, 2)))
    request.getfixturevalue("decord_reads")
    assert np.array_equal(np.concatenate(list(frames_at_25fps(path, 8))), turned)


def test_frames_before_the_start_of_an_edit_list_are_not_shown(tmp_path):
    source = clip(tmp_path / "a.mp4", 36)
    path = cut_packets(source, tmp_path / "edited.mp4", range(12), shift=17)
    assert numbers(path) == list(range(17, 36))


def test_damaged_file_gives_the_frames_that_can_be_decoded(tmp_path):
    path = clip(tmp_path / "a.mp4", 60)
    content = bytearray(path.read_bytes())
    middle = (content.index(b"mdat") + content.index(b"moov")) // 2
    content[middle : middle + 100] = bytes(100)
    path.write_bytes(bytes(content))
    decoded = np.concatenate(list(frames_at_25fps(path, 8)))
    assert 50 <= len(decoded) <= 60
    assert [number_of(frame) for frame in decoded[:12]] == list(range(12))
    assert [number_of(frame) for frame in decoded[-8:]] == list(range(52, 60))
    assert np.array_equal(np.concatenate(list(frames_at_25fps(path, 5))), decoded)


def test_undecodable_end_is_left_out(tmp_path):
    path = clip(tmp_path / "a.mp4", 60)
    content = bytearray(path.read_bytes())
    start, end = content.index(b"mdat"), content.index(b"moov") - 4
    damaged = start + (end - start) * 3 // 4
    content[damaged:end] = bytes(end - damaged)
    path.write_bytes(bytes(content))
    decoded = numbers(path)
    assert decoded[:36] == list(range(36))
    assert len(decoded) < 50


def cut_packets(source, path, dropped, shift=0):
    """Copy a video without some of its packets, ``shift`` frames earlier."""
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(source)) as old, av.open(str(path), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        ticks = shift * round(Fraction(1, 25) / old.streams.video[0].time_base)
        packets = [p for p in old.demux(old.streams.video[0]) if p.dts is not None]
        for number, packet in enumerate(packets):
            if number not in dropped:
                packet.stream = stream
                packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
                new.mux(packet)
    return path


def test_lost_packets_do_not_shift_the_frames_after_them(tmp_path):
    source = clip(tmp_path / "a.mp4", 40)
    path = cut_packets(source, tmp_path / "cut.mp4", range(14, 19))
    decoded = numbers(path)
    assert decoded[:13] == list(range(13))
    assert decoded[24:] == list(range(24, 40))


def test_video_that_does_not_start_with_a_key_frame_keeps_its_time(tmp_path):
    source = clip(tmp_path / "a.mp4", 40)
    decoded = numbers(cut_packets(source, tmp_path / "cut.mp4", range(20)))
    assert decoded[-16:] == list(range(24, 40))
    assert set(decoded[:-16]) <= {24}


def test_wrong_number_of_frames_in_the_header(tmp_path, decord_reads):
    # decord reserves memory for that many and aborts: it must not see such a file
    path = clip(tmp_path / "a.mp4", 12)
    content = bytearray(path.read_bytes())
    content[content.index(b"stts") + 12] = 199  # of four bytes: now 3.3e9 frames
    path.write_bytes(bytes(content))
    assert numbers(path) == list(range(12))
    assert decord_reads == []


def test_file_that_breaks_off_after_its_header(tmp_path):
    path = clip(tmp_path / "a.mp4", 60, options={"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 4 // 5])
    decoded = numbers(path)
    assert 20 < len(decoded) < 60
    assert decoded[:20] == list(range(20))


def test_large_clips_are_not_held_in_memory(tmp_path, monkeypatch, decord_reads):
    path = clip(tmp_path / "a.mp4", 12)
    monkeypatch.setattr(video, "_DECORD_BYTES", 12 * 48 * 128 * 3 - 1)
    assert numbers(path) == list(range(12))
    assert decord_reads == []
    monkeypatch.setattr(video, "_DECORD_BYTES", 12 * 48 * 128 * 3)
    assert numbers(path) == list(range(12))
    assert decord_reads == [str(path)]


def test_memory_is_bounded(tmp_path):
    frame = np.zeros((360, 640, 3), np.uint8)
    path = write_clip(tmp_path / "a.mp4", [frame] * 500)  # 346 MB as RGB
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from peak_memory import peak_mb\n"
        "from dfprobe.media.video import frames_at_25fps\n"
        "before = peak_mb()\n"
        "count = sum(len(c) for c in frames_at_25fps(Path(sys.argv[1]), 8))\n"
        "print(count, peak_mb() - before)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    folder = Path(__file__).parent
    count, grown_mb = subprocess.check_output(command, text=True, cwd=folder).split()
    assert int(count) == 500
    assert int(grown_mb) < 150


def assert_refused(path, status, words):
    with pytest.raises(ClipError, match=words) as refused:
        next(frames_at_25fps(path, 8))
    assert refused.value.status is status


def test_file_that_is_not_there(tmp_path):
    assert_refused(tmp_path / "no.mp4", Status.MISSING, "there is no file")


@pytest.mark.parametrize("content", [b"", b"not a video\n" * 50])
def test_no_media_file(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert_refused(path, Status.UNREADABLE, "cannot be opened")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_mp4_cut_off_before_the_end_of_its_header(tmp_path, share):
    path = clip(tmp_path / "a.mp4")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_refused(
        path, Status.UNREADABLE, "cannot be opened|cut off|no decoder|neither"
    )


def test_broken_timestamps(tmp_path):
    path = clip(tmp_path / "a.mkv", 3, times_ms=[0, 40, 700_000])
    assert_refused(path, Status.UNREADABLE, "two frames lie 700 s apart")


def test_mp4_with_nothing_but_noise_in_its_frames(tmp_path):
    path = clip(tmp_path / "a.mp4", 12)
    content = bytearray(path.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    path.write_bytes(bytes(content))
    assert_refused(path, Status.UNREADABLE, "no frame")


def test_sound_file(tmp_path):
    sound = bursts(0.1, rate=16_000, length_s=0.5)
    path = write_clip(tmp_path / "a.mp4", sound=sound)
    assert_refused(path, Status.NO_VIDEO, "no video stream")
