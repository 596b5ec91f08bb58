"""Reading the CSV files of corpora: what is accepted, and how errors point."""

import pytest

from dfprobe.clip_ids import stable_fraction
from dfprobe.corpora.clip import parse_label
from dfprobe.errors import DataError
from dfprobe.store import csv_files
from dfprobe.store.csv_files import few, read_csv


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"

    def read(content: bytes, columns=("path", "label")):
        path.write_bytes(content)
        return read_csv(path, columns).rows()

    return read


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"path,label\na.mp4,0\n", [(2, "a.mp4", "0")]),
        (b"path,label\r\na.mp4,0\r\n", [(2, "a.mp4", "0")]),
        (b"\xef\xbb\xbfpath,label\na.mp4,0", [(2, "a.mp4", "0")]),
        (b"path,label\n\n a.mp4,\n\n", [(3, " a.mp4", "")]),
        (b'path,label\na"b;c.mp4,1\n', [(2, 'a"b;c.mp4', "1")]),
        (b'path,label\n"a ""b"", c.mp4",1\n', [(2, 'a "b", c.mp4', "1")]),
        (b'path,label\n"a\nb",1\nc,0\n', [(2, "a\nb", "1"), (4, "c", "0")]),
        (b"path,label\n", []),
    ],
)
def test_accepted(table, content, rows):
    assert table(content) == rows


def test_rows_come_in_blocks_and_stay_in_order(table, monkeypatch):
    monkeypatch.setattr(csv_files, "_BLOCK", 2)
    content = "path,label\n" + "".join(f"{number},0\n" for number in range(5))
    assert [row[1] for row in table(content.encode())] == list("01234")
    with pytest.raises(DataError, match=r"line 7.*2 cells"):
        table(f"{content}x\n".encode())


def test_a_column_without_name(table):
    assert table(b"path,label,\na,1,x\n") == [(2, "a", "1", "x")]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["t.csv", "header", "empty"]),
        (b"path;label\na;1\n", ["t.csv, line 1", "path, label", "path;label"]),
        (b"path,label,path\n", ["t.csv, line 1", "once"]),
        (b"path,label\na,1\nb\n", ["line 3", "'label'", "2 cells", "['b']"]),
        (b"path,label\na,1,2\n", ["line 2", "2 cells", "['a', '1', '2']"]),
        (b'path,label\n"a"b,1\n', ["line 2", "quotes"]),
        (b'path,label\na,1\n"b,1\nc,1\n', ["line 3", "quotes"]),
        (b"path,label\n\xff,1\n", ["UTF-8", "0xff"]),
    ],
)
def test_refused(table, content, parts):
    with pytest.raises(DataError) as error:
        table(content)
    assert all(part in str(error.value) for part in parts), error.value


def test_absent(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv.*absent"):
        read_csv(tmp_path / "none.csv", ["path"])


@pytest.mark.parametrize(
    ("text", "label"),
    [("0", 0), ("0.0", 0), ("1", 1), ("1.0", 1), ("", None), (" 1 ", 1)],
)
def test_labels(tmp_path, text, label):
    assert parse_label(tmp_path, 2, "label", text) == label


@pytest.mark.parametrize("text", ["2", "fake", "0.5", "nan", "-1", "True"])
def test_other_labels_are_refused(tmp_path, text):
    with pytest.raises(
        DataError, match=r"line 7, column 'label'.*0, 0\.0, 1, 1\.0"
    ) as error:
        parse_label(tmp_path, 7, "label", text)
    assert repr(text) in str(error.value)


def test_stable_fraction():
    values = [stable_fraction(f"id{i:05d}") for i in range(2000)]
    assert all(0 <= value < 1 for value in values)
    assert 0.47 < sum(values) / len(values) < 0.53
    assert stable_fraction("id00000") == pytest.approx(0.1971940529055397, abs=1e-15)


def test_few():
    assert few("abc") == "a; b; c"
    assert few(map(str, range(7)), 2) == "0; 1; ... (7 in all)"
