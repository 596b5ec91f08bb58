"""Deepfake-Eval-2024: the quirks of section 11 of the data set notes."""

import polars as pl
import pytest

from dfprobe.errors import DataError

HEADER = (
    "Filename,Date,Video Ground Truth,Audio Ground Truth,Public Comments,Finetuning Set"
)
DASH = "-AbCdEfGhIjKlMnOpQrStUvWxY1"
ROWS = f"""\
{DASH}.mp4,2024-05-02,Fake,Unknown,"lips, and; ""glitch""
at 0:04",train
Zy8xWv_TsRqPoNmLkJiHgFeDcB2.webm,2024-08-19,Real,Fake,,test
Q1w2E3r4T5y6U7i8O9p0AsDfGhJ.mp4,2024-10-30,Unknown,Unknown,split screen,test
B1w2E3r4T5y6U7i8O9p0AsDfGhJ.mp4,2024-10-30,Fake,Real,,test
"""


@pytest.fixture
def dfe(put):
    put(f"video-data/{DASH}.mp4", "video-data/Zy8xWv_TsRqPoNmLkJiHgFeDcB2.webm")
    put("video-metadata-publish.csv", content=f"{HEADER}\n{ROWS}")


def test_labels_and_splits(dfe, manifest, caplog):
    caplog.set_level("INFO", "dfprobe")
    frame = manifest("deepfake_eval_2024")
    facts = ("source", "split", "label", "audio_fake", "video_fake", "manipulation")
    assert frame.select(facts).rows() == [
        (DASH, "train", 1, None, True, "unknown"),
        ("B1w2E3r4T5y6U7i8O9p0AsDfGhJ", "test", 1, False, True, "unknown"),
        ("Zy8xWv_TsRqPoNmLkJiHgFeDcB2", "test", 0, True, False, "real"),
    ]
    assert frame["clip_id"][0] == f"video-data/{DASH}"
    assert frame["path"][2].endswith(".webm")
    assert (frame["content_key"] == "missing").to_list() == [False, True, False]
    assert "1 test fake, 1 test real, 1 test unknown, 1 train fake" in caplog.text


def test_unknown_can_be_kept(dfe, manifest):
    frame = manifest("deepfake_eval_2024", options={"unknown": "keep"})
    unknown = frame.filter(pl.col("label").is_null())
    assert unknown["clip_id"].to_list() == ["video-data/Q1w2E3r4T5y6U7i8O9p0AsDfGhJ"]
    assert unknown["manipulation"].item() == "unknown"


def test_label_from_audio(dfe, manifest):
    frame = manifest("deepfake_eval_2024", options={"label_from": "audio"})
    assert frame.select("source", "label").rows() == [
        ("B1w2E3r4T5y6U7i8O9p0AsDfGhJ", 0),
        ("Zy8xWv_TsRqPoNmLkJiHgFeDcB2", 1),
    ]


def test_a_fake_in_unknown_streams_may_be_in_both(dfe, manifest):
    frame = manifest("deepfake_eval_2024", fakes="both")
    assert frame.filter(pl.col("label") == 1)["source"].to_list() == [DASH]


def test_table_with_links(dfe, put, manifest, root):
    expected = manifest("deepfake_eval_2024")
    (root / "video-metadata-publish.csv").unlink()
    links = "".join(
        f"{name}.{suffix},2024-01-01,{video},{audio},c,{part},https://example.org/\n"
        for name, suffix, video, audio, part in (
            (DASH, "mp4", "Fake", "Unknown", "train"),
            ("Zy8xWv_TsRqPoNmLkJiHgFeDcB2", "webm", "Real", "Fake", "test"),
            ("B1w2E3r4T5y6U7i8O9p0AsDfGhJ", "mp4", "Fake", "Real", "test"),
        )
    )
    put("video-metadata-publish-with-links.csv", content=f"{HEADER},Link\n{links}")
    assert manifest("deepfake_eval_2024").equals(expected)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("Real,Fake,", "real,Fake,", ["line 4", "'Video Ground Truth'", "'real'"]),
        ("Real,Fake,", "Real,,", ["line 4", "'Audio Ground Truth'", "''"]),
        (",test", ",dev", ["line 4", "'Finetuning Set'", "train or test", "'dev'"]),
        ("Zy8xWv_TsRqPoNmLkJiHgFeDcB2.webm", "", ["line 4", "'Filename'"]),
        ("Zy8xWv", "/Zy8xWv", ["inside the corpus folder"]),
        ("Zy8xWv", "../Zy8xWv", ["inside the corpus folder"]),
    ],
)
def test_malformed_rows(old, new, parts, put, manifest):
    content = f"{HEADER}\n{ROWS.replace(old, new, 1)}"
    put("video-metadata-publish.csv", content=content)
    with pytest.raises(DataError) as error:
        manifest("deepfake_eval_2024")
    assert all(part in str(error.value) for part in parts), error.value


def test_no_table(put, manifest):
    put("video-data/a.mp4")
    with pytest.raises(DataError, match=r"video-metadata-publish\.csv or .*neither"):
        manifest("deepfake_eval_2024")
