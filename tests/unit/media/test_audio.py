import av
import librosa
import numpy as np
import pytest
from media_files import bursts, numbered_frame, write_clip

from dfprobe.errors import ClipError
from dfprobe.media.audio import leading_silence_s, load_sound
from dfprobe.media.video import video_info
from dfprobe.status import Status

FRAMES = [numbered_frame(n) for n in range(50)]


def clip(path, sound, frames=FRAMES, **settings):
    return write_clip(path, frames, sound=sound, **settings)


def load(path):
    return load_sound(path, video_info(path))


def onset_s(waveform):
    return int((np.abs(waveform) > 0.1).argmax()) / 16_000


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("x.mp4", "aac", 16_000),
        ("x.mp4", "aac", 44_100),
        ("x.mp4", "aac", 48_000),
        ("x.mp4", "flac", 16_000),
        ("x.mp4", "libmp3lame", 44_100),
        ("x.mkv", "pcm_s16le", 8_000),
        ("x.mkv", "pcm_u8", 16_000),
        ("x.mkv", "pcm_f32le", 22_050),
        ("x.mkv", "aac", 16_000),
        ("x.ts", "aac", 16_000),
    ],
)
@pytest.mark.parametrize("late_s", [0.0, 0.5])
def test_sound_lies_where_it_was_put(tmp_path, name, codec, rate, late_s):
    sound = bursts(0.6, rate=rate, length_s=1.5)
    path = clip(
        tmp_path / name,
        sound,
        rate=rate,
        codecs=("libx264", codec),
        sound_start_s=late_s,
    )
    loaded = load(path)
    assert loaded.waveform.dtype == np.float32
    # 1 ms: timestamps of mkv and the smearing of lossy codecs
    assert onset_s(loaded.waveform) == pytest.approx(0.6 + late_s, abs=1.6e-3)
    assert len(loaded.waveform) == pytest.approx((1.5 + late_s) * 16_000, abs=2500)
    peak = float(np.abs(loaded.waveform).max())
    assert peak == pytest.approx(0.5, abs=0.25)


def test_lossless_sound_comes_back_exactly(tmp_path):
    sound = np.random.default_rng(0).integers(-(2**15), 2**15, (1, 16_000)) / 2**15
    path = clip(
        tmp_path / "x.mkv",
        sound.astype(np.float32),
        codecs=("libx264", "pcm_s16le"),
    )
    loaded = load(path)
    assert loaded.offset_s == 0.0
    assert np.abs(loaded.waveform - sound[0]).max() <= 1.01 / 2**15


def test_stereo_is_averaged_and_resampled_as_librosa_does(tmp_path):
    rng = np.random.default_rng(0)
    stereo = (0.2 * rng.standard_normal((2, 44_100))).astype(np.float32)
    path = clip(
        tmp_path / "x.mkv", stereo, rate=44_100, codecs=("libx264", "pcm_f32le")
    )
    expected = librosa.resample(
        librosa.to_mono(stereo), orig_sr=44_100, target_sr=16_000
    )
    loaded = load(path).waveform
    assert len(loaded) == len(expected) == 16_000
    assert np.abs(loaded - expected).max() < 1e-6


def test_sound_before_the_video_is_cut(tmp_path):
    sound = bursts(0.8, rate=16_000, length_s=2.0)
    times_ms = [500 + 40 * n for n in range(50)]
    path = clip(
        tmp_path / "x.mkv", sound, times_ms=times_ms, codecs=("libx264", "flac")
    )
    loaded = load(path)
    assert loaded.offset_s == pytest.approx(-0.5)
    assert onset_s(loaded.waveform) == pytest.approx(0.3, abs=1e-3)
    assert len(loaded.waveform) == 24_000


def test_lost_packets_leave_silence_in_their_place(tmp_path):
    sound = bursts(0.2, 1.6, rate=16_000, length_s=2.0)
    codecs = ("libx264", "pcm_s16le")
    source = clip(tmp_path / "x.mkv", sound[:, :8000], codecs=codecs)
    path = tmp_path / "hole.mkv"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in list(old.demux(old.streams.audio[0])):
            for later in (0, 1000):  # the same half second again, 1 s later
                if packet.dts is not None:
                    packet.stream = stream
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    new.mux(packet)
    loaded = load_sound(path, None).waveform
    assert onset_s(loaded) == pytest.approx(0.2, abs=1e-3)
    assert onset_s(loaded[16_000:]) == pytest.approx(0.2, abs=2e-3)


def test_sound_without_video_keeps_its_own_start(tmp_path):
    sound = bursts(0.1, rate=16_000, length_s=1.0)
    path = clip(tmp_path / "x.mp4", sound, frames=[], sound_start_s=0.5)
    loaded = load_sound(path, None)
    assert loaded.offset_s == 0.0
    assert onset_s(loaded.waveform) < 0.2


@pytest.mark.parametrize(
    ("waveform", "expected"),
    [
        (np.zeros(8000), 0.5),
        (np.full(8000, 0.0005), 0.5),
        (np.r_[np.zeros(1600), -0.0006, np.zeros(100)], 0.1),
        (np.ones(10), 0.0),
    ],
)
def test_leading_silence(waveform, expected):
    assert leading_silence_s(waveform.astype(np.float32)) == expected


def assert_refused(path, status, words):
    with pytest.raises(ClipError, match=words) as refused:
        load(path)
    assert refused.value.status is status


def test_video_without_sound(tmp_path):
    path = write_clip(tmp_path / "x.mp4", FRAMES)
    assert_refused(path, Status.NO_AUDIO, "no audio stream")


def test_audio_stream_without_samples(tmp_path):
    path = tmp_path / "x.mkv"
    source = write_clip(tmp_path / "source.mkv", FRAMES)
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        new.add_stream("pcm_s16le", rate=16_000)
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert_refused(path, Status.NO_AUDIO, "no sample")


def test_sound_after_the_end_of_the_video(tmp_path):
    sound = bursts(0.1, rate=16_000, length_s=0.5)
    path = clip(
        tmp_path / "x.mkv", sound, sound_start_s=3.0, codecs=("libx264", "flac")
    )
    assert_refused(path, Status.NO_AUDIO, "after the video ends")


def test_sound_that_is_not_finite(tmp_path):
    sound = bursts(0.1, rate=16_000, length_s=0.5)
    sound[0, 400] = np.nan
    path = clip(tmp_path / "x.mkv", sound, codecs=("libx264", "pcm_f32le"))
    assert_refused(path, Status.NON_FINITE, "NaN")
