"""Missing, extra, duplicate, damaged and unreadable files."""

from dfprobe.audit.files import duplicates, file_problems, problems_by_class


def problems(tables, extra=()):
    manifest, facts = tables
    clips = manifest.join(facts, on="clip_id")
    return file_problems(clips, duplicates(clips), extra)


def test_good_files_have_no_problem(corpus):
    assert problems(corpus(4)).is_empty()


def test_problems_are_listed_and_counted_by_class(corpus):
    statuses = {0: "missing", 1: "unreadable", 3: "no_audio"}
    table = problems(
        corpus(
            6,
            status=lambda n, label: statuses.get(n, "ok"),
            detail=lambda n, label: "2 frames are damaged" if n == 5 else "",
            label=lambda n, label: None if n == 3 else label,
        ),
        extra=["z/other.mp4", "a.mp4"],
    )
    assert table.select("file", "class", "problem").rows() == [
        ("clip0000", "real", "missing"),
        ("a.mp4", "not listed", "extra"),
        ("z/other.mp4", "not listed", "extra"),
        ("clip0001", "fake", "unreadable"),
        ("clip0003", "unknown", "no_audio"),
        ("clip0005", "fake", "damaged"),
    ]
    assert problems_by_class(table).rows() == [
        ("missing", 1, 0, 0, 0),
        ("extra", 0, 0, 0, 2),
        ("unreadable", 0, 1, 0, 0),
        ("no_audio", 0, 0, 1, 0),
        ("damaged", 0, 1, 0, 0),
    ]


def test_duplicates_name_each_other_with_split_and_class(corpus):
    hashes = {0: "x", 1: "x", 2: "y", 4: "x", 6: "y"}
    table = problems(corpus(8, sha256=lambda n, label: hashes.get(n, f"own{n}")))
    rows = {row["file"]: row["detail"] for row in table.iter_rows(named=True)}
    assert set(table["problem"]) == {"duplicate"}
    assert rows["clip0000"] == (
        "same bytes as clip0001 (train, fake), clip0004 (train, real)"
    )
    assert rows["clip0002"] == "same bytes as clip0006 (test, real)"


def test_duplicates_across_splits_and_classes_are_told_apart(corpus):
    hashes = {0: "x", 2: "x", 4: "y", 5: "y", 8: "z", 12: "z"}
    manifest, facts = corpus(16, sha256=lambda n, label: hashes.get(n, f"own{n}"))
    table = duplicates(manifest.join(facts, on="clip_id")).sort("clip_id")
    assert table["other_split"].to_list() == [True, True, *[False] * 4]
    assert table["other_class"].to_list() == [False, False, True, True, False, False]


def test_empty_and_absent_files_are_no_duplicates(corpus):
    empty = corpus(4, sha256="x", bytes=0)
    assert problems(empty).is_empty()
    assert problems(corpus(4, sha256=None)).is_empty()


def test_a_long_group_is_cut_short(corpus):
    table = problems(corpus(6, sha256="x"))
    assert table["detail"][0].endswith("clip0003 (test, fake) and 2 more")
