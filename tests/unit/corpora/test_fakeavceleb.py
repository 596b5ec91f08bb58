"""FakeAVCeleb: the quirks of section 11 of the data set notes."""

import polars as pl
import pytest

from dfprobe.errors import ConfigError, DataError

HEADER = "source,target1,target2,method,category,type,race,gender,path,"
RENAMED = "source,target1,target2,method,category,type,race,gender,filename,path"
MRDF = "source,target1,target2,method,category,type,race,gender,vid,path"
KINDS = dict(
    zip(
        "ABCD",
        (
            "RealVideo-RealAudio",
            "RealVideo-FakeAudio",
            "FakeVideo-RealAudio",
            "FakeVideo-FakeAudio",
        ),
        strict=True,
    )
)
YT_NAME = "00150_id99010_A_C-d_f-9h__id99044_wavtolip.mp4"
CLIPS = [  # category, race, id, name, method, target1
    ("A", "African", "id99001", "00031.mp4", "real", "-"),
    ("A", "Asian (East)", "id99002", "00007.mp4", "real", "-"),
    ("B", "Asian (East)", "id99002", "00007_fake.mp4", "rtvc", "fake.mp4"),
    ("B", "African", "id99001", "00021.mp4", "rtvc", "-"),
    ("C", "African", "id99001", "00031.mp4", "fsgan", "-"),
    ("D", "Caucasian (European)", "id99003", YT_NAME, "fsgan-wav2lip", "id99010"),
    (
        "D",
        "Asian (East)",
        "id99002",
        "00007_id99001_wavtolip.mp4",
        "wav2lip",
        "id99001",
    ),
]


def row(category, race, speaker, name, method, target1):
    kind = KINDS[category]
    folder = f"FakeAVCeleb/{kind}/{race}/men/{speaker}"
    start = f"{speaker},{target1},-,{method},{category},{kind},{race},men"
    return f"{start},{name},{folder}\n"


def file_of(category, race, speaker, name, *_):
    return f"{KINDS[category]}/{race}/men/{speaker}/{name}"


def sanitised(text):
    return text.replace(" (", "_").replace(")", "")


ROWS = "".join(row(*clip) for clip in CLIPS)


@pytest.fixture
def favc(put):
    put(*(file_of(*clip) for clip in CLIPS))
    put("RealVideo-RealAudio/African/men/id99001/note.txt")
    put("meta_data.csv", content=f"{HEADER}\n{ROWS}")


def test_labels_streams_and_identity(favc, manifest):
    frame = manifest("fakeavceleb")
    assert frame.height == len(CLIPS)
    assert (frame["content_key"] != "missing").all()
    by_kind = frame.with_columns(kind=pl.col("clip_id").str.split("/").list.first())
    facts = by_kind.select("kind", "label", "audio_fake", "video_fake").unique()
    assert sorted(facts.rows()) == [
        ("FakeVideo-FakeAudio", 1, True, True),
        ("FakeVideo-RealAudio", 1, False, True),
        ("RealVideo-FakeAudio", 1, True, False),
        ("RealVideo-RealAudio", 0, False, False),
    ]
    name = YT_NAME.removesuffix(".mp4")
    clip = frame.row(by_predicate=pl.col("clip_id").str.ends_with(name), named=True)
    assert clip["clip_id"].split("/")[1] == "Caucasian (European)"
    assert clip["manipulation"] == "fsgan-wav2lip"
    assert (clip["speaker"], clip["source"]) == ("id99003", "id99003/00150")
    assert clip["audio_fake_segments"] == clip["video_fake_segments"] == []


@pytest.mark.parametrize("header", [RENAMED, MRDF])
def test_renamed_headers(header, favc, put, manifest):
    expected = manifest("fakeavceleb")
    put("meta_data.csv", content=f"{header}\n{ROWS}")
    assert manifest("fakeavceleb").equals(expected)


def test_columns_in_another_order(favc, put, manifest):
    expected = manifest("fakeavceleb")
    lines = [line.split(",") for line in f"{HEADER}\n{ROWS}".splitlines()]
    content = "\n".join(",".join(line[-1:] + line[:-1]) for line in lines)
    put("meta_data.csv", content=content)
    assert manifest("fakeavceleb").equals(expected)


def test_a_file_named_twice_is_taken_once(favc, put, manifest, caplog):
    twice = (*CLIPS[-1][:4], "faceswap-wav2lip", "-")
    put("meta_data.csv", content=f"{HEADER}\n{ROWS}{row(*twice)}")
    frame = manifest("fakeavceleb")
    assert frame.height == len(CLIPS)
    assert "faceswap-wav2lip" not in frame["manipulation"].to_list()
    assert "1 rows name a file of an earlier row" in caplog.text
    assert "line 9, faceswap-wav2lip" in caplog.text


def test_a_disk_with_renamed_folders(put, manifest):
    put(*(sanitised(file_of(*clip)) for clip in CLIPS))
    put("meta_data.csv", content=f"{HEADER}\n{ROWS}")
    frame = manifest("fakeavceleb")
    assert (frame["content_key"] != "missing").all()
    assert frame["clip_id"].str.contains("/Asian_East/").any()


@pytest.mark.parametrize("on_disk", [str, sanitised])
@pytest.mark.parametrize("in_list", [str, sanitised])
def test_lists_in_both_spellings(on_disk, in_list, put, lists, manifest):
    put(*(on_disk(file_of(*clip)) for clip in CLIPS))
    put("meta_data.csv", content=f"{HEADER}\n{ROWS}")
    train, test = file_of(*CLIPS[1]), file_of(*CLIPS[-1])
    splits = lists(train=f"{in_list(train)},0.0\n", test=f"{in_list(test)},1.0\n")
    frame = manifest("fakeavceleb", splits=splits).sort("split")
    assert frame["path"].str.ends_with(on_disk(test)).to_list() == [True, False]
    assert frame["split"].to_list() == ["test", "train"]
    assert frame["manipulation"].to_list() == ["wav2lip", "real"]
    assert (frame["content_key"] != "missing").all()


def test_unusable_files_stay_as_missing(favc, put, lists, manifest):
    gone = ("A", "Asian (East)", "id94789", "002121.mp4", "real", "-")
    put("meta_data.csv", content=f"{HEADER}\n{ROWS}{row(*gone)}")
    assert (manifest("fakeavceleb")["content_key"] == "missing").sum() == 1
    unheard = "FakeVideo-FakeAudio/Asian_South/men/id97777/1_id90000_wavtolip.mp4"
    clip = manifest("fakeavceleb", splits=lists(test=f"{unheard},1\n")).row(
        0, named=True
    )
    assert (clip["content_key"], clip["speaker"]) == ("missing", "id97777")
    assert (clip["manipulation"], clip["audio_fake"]) == ("unknown", True)


@pytest.mark.parametrize("name", ["fakeavceleb", "fakeavceleb renamed"])
def test_the_four_unusable_files_are_named(name, stand_in, manifest, caplog):
    caplog.set_level("INFO", "dfprobe")
    stand_in(name)
    frame = manifest("fakeavceleb")
    assert "names 4 clips that the paper's authors left out" in caplog.text
    assert (frame["content_key"] == "missing").sum() == 4


def test_both_streams(favc, lists, manifest, caplog):
    caplog.set_level("INFO", "dfprobe")
    frame = manifest("fakeavceleb", fakes="both")
    kinds = frame["clip_id"].str.split("/").list.first().unique().sort().to_list()
    assert kinds == ["FakeVideo-FakeAudio", "RealVideo-RealAudio"]
    assert "left out 3 fakes in one stream only" in caplog.text


def test_both_streams_of_a_corpus_that_has_none(favc, put, manifest):
    put("meta_data.csv", content=HEADER + "\n" + "".join(row(*c) for c in CLIPS[:5]))
    with pytest.raises(ConfigError, match=r"corpora\.mine\.fakes.*'any'"):
        manifest("fakeavceleb", fakes="both")


def test_split_by_identity(put, manifest):
    people = [f"id{i:05d}" for i in range(600)]
    rows = [
        row(category, "African", person, "00001.mp4", method, "-")
        for person in people
        for category, method in (("A", "real"), ("D", "wav2lip"))
    ]
    put("meta_data.csv", content=HEADER + "\n" + "".join(rows))
    frame = manifest("fakeavceleb")
    per_person = frame.group_by("speaker").agg(pl.col("split").n_unique())
    assert (per_person["split"] == 1).all()
    share = dict(frame["split"].value_counts(normalize=True).iter_rows())
    assert abs(share["test"] - 0.3) < 0.05
    assert abs(share["val"] - 0.07) < 0.03
    everything = {"test_fraction": 0, "val_fraction": 1}
    assert manifest("fakeavceleb", options=everything)["split"].unique().item() == "val"


def test_category_and_folder_that_disagree(favc, put, manifest, caplog):
    bad = row(*CLIPS[0]).replace(",A,", ",C,")
    put("meta_data.csv", content=f"{HEADER}\n{bad}")
    assert manifest("fakeavceleb")["label"].to_list() == [0]
    assert "category and folder (which is used) disagree" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (",A,", ",E,", ["line 2", "'category'", "A, B, C or D", "'E'"]),
        ("00031.mp4", "00031.avi", ["line 2", "'path'", ".mp4", "'00031.avi'"]),
        ("FakeAVCeleb/Real", "FakeAVCeleb/Surreal", ["line 2", "'(column 10)'"]),
        (",real,", ",wav2lip,", ["line 2", "'method'", "'real'", "'wav2lip'"]),
        (",real,", ",", ["line 2", "10 cells"]),
    ],
)
def test_malformed_rows(old, new, parts, favc, put, manifest):
    first, rest = ROWS.split("\n", 1)
    put("meta_data.csv", content=f"{HEADER}\n{first.replace(old, new, 1)}\n{rest}")
    with pytest.raises(DataError) as error:
        manifest("fakeavceleb")
    assert "meta_data.csv" in str(error.value)
    assert all(part in str(error.value) for part in parts), error.value


def test_a_path_that_leaves_the_corpus(favc, put, manifest):
    content = f"{HEADER}\n{ROWS}".replace(",00021.mp4,", ",../../../../../x.mp4,")
    put("meta_data.csv", content=content)
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest("fakeavceleb")


def test_no_metadata(put, manifest):
    put("RealVideo-RealAudio/African/men/id1/1.mp4")
    with pytest.raises(DataError, match=r"meta_data\.csv"):
        manifest("fakeavceleb")


def test_metadata_without_paths(put, manifest):
    put("meta_data.csv", content="method,category\nreal,A\n")
    with pytest.raises(DataError, match="column of file names"):
        manifest("fakeavceleb")


def test_a_list_of_another_corpus(favc, lists, manifest):
    with pytest.raises(DataError, match=r"type/race/gender/id/name.mp4.*0_real/1\.mp4"):
        manifest("fakeavceleb", splits=lists(test="0_real/1.mp4,0\n"))


def test_a_token_that_looks_like_a_file_name(put, manifest):
    put("meta_data.csv", content=f"{HEADER}\n{row(*CLIPS[2])}")  # target1 is fake.mp4
    clip_id = file_of(*CLIPS[2]).removesuffix(".mp4")
    assert manifest("fakeavceleb")["clip_id"].to_list() == [clip_id]
