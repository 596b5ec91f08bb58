"""Findings in sentences, and the page that holds them."""

import re
from html.parser import HTMLParser

import polars as pl
import pytest

from dfprobe.audit.files import extra_files
from dfprobe.audit.findings import Finding, findings, read_findings, write_findings
from dfprobe.audit.tables import audit_tables
from dfprobe.errors import DataError
from dfprobe.report.pages import audit_page
from dfprobe.report.pages.audit import audit_corpus
from dfprobe.report.pages.audit_figures import write_figures
from dfprobe.settings.stage_specs.corpora import AuditSpec
from typed_specs import typed

SPEC = {"label": "Mine", "layout": "path_list", "options": {}}


@pytest.fixture
def silent(corpus):
    """Corpus whose fakes begin with silence in half of the clips."""
    return corpus(
        40,
        leading_silence_s=lambda n, label: 0.2 * label * (n % 4 == 1),
        speaker=lambda n, label: f"p{n % 10}",
    )


def page_of(title, tables) -> str:
    return audit_page.audit_page(title, tables, findings(tables))


def said(tables) -> list[str]:
    return [("! " if item.warns else "") + item.text for item in findings(tables)]


def test_shortcuts_are_named_with_area_and_interval(silent):
    first, second, *_ = said(audit_tables(silent[0], "path_list", silent[1]))
    assert re.fullmatch(
        r"! The leading silence alone reaches an AUC of 75\.0 \(95% interval 6\d\.\d "
        r"to 8\d\.\d; larger = fake\)\. It is a shortcut\.",
        first,
    )
    assert second.startswith("No other value alone is a detector")


def test_a_shortcut_in_a_subset_is_named_with_it(corpus):
    manifest, facts = corpus(
        400,
        manipulation=lambda n, label: ("real", "rare" if n % 20 == 1 else "usual")[
            label
        ],
        loudness_db=lambda n, label: -30.0 if n % 20 == 1 else -20.0 - n % 7,
    )
    text = said(audit_tables(manifest, "path_list", facts))
    assert text[0].startswith("! Only in the subset manipulation=rare: The loudness")


def test_bad_files_are_counted_by_class(corpus):
    statuses = {0: "unreadable", 1: "unreadable", 3: "unreadable"}
    manifest, facts = corpus(40, status=lambda n, label: statuses.get(n, "ok"))
    text = said(audit_tables(manifest, "path_list", facts, ["other.mp4"]))
    (line,) = [line for line in text if "valid timestamps" in line]
    assert line.startswith("! 3 files: neither video nor sound")
    assert line.endswith("(1 of 20 real, 2 of 20 fake).")
    assert "1 file: on disk, but left out of the manifest." in text


def test_what_test_and_train_share_is_said_in_numbers(silent):
    text = said(audit_tables(*silent[:1], "path_list"))
    assert text[0] == (
        "! test: 10 of 10 speakers occur in train, which affects 20 of 20 clips "
        "(10 real, 10 fake)."
    )


def test_a_lopsided_split_warns(corpus):
    manifest, _ = corpus(40, label=lambda n, label: int(n % 20 > 1))
    text = said(audit_tables(manifest, "path_list"))
    assert "! test: 20 clips, 20 fake (100.0 per cent of the labelled clips" in text[-1]


def test_without_labels_the_page_shows_what_needs_none(corpus):
    manifest, facts = corpus(10, label=None, manipulation="unknown", split="test")
    tables = audit_tables(manifest, "folder", facts)
    assert said(tables)[0].startswith("Shortcuts cannot be measured")
    page = page_of("mine", tables)
    assert "leading silence, s" in page
    assert "What a single value achieves" not in page
    assert page.count("<svg") == 1


def test_without_labels_there_is_one_figure(corpus, tmp_path):
    manifest, facts = corpus(10, label=None, manipulation="unknown", split="test")
    tables = audit_tables(manifest, "folder", facts)
    write_figures(tables.files, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {"distributions"}
    assert pl.read_csv(tmp_path / "distributions.csv")["class"].unique()[0] == "unknown"


class Checker(HTMLParser):
    """Collects what a page would load, and whether its tags are in pairs."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br"):
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and not value.startswith("#"):
                self.loaded.append(value)
        assert tag not in ("script", "link", "iframe")

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(silent):
    page = page_of("Mine", audit_tables(silent[0], "path_list", silent[1]))
    checker = Checker()
    checker.feed(page)
    assert checker.open == checker.loaded == []
    assert not re.search(r"@import|url\((?!#)", page)
    assert page.count("<svg") == 2
    assert "What a single value achieves" in page


def test_names_are_shown_as_they_are(corpus):
    name = "<script>alert('x')</script>&"
    manifest, facts = corpus(
        8,
        clip_id=lambda n, label: f"{name}{n}",
        status=lambda n, label: "unreadable",
        detail=name,
    )
    page = page_of(name, audit_tables(manifest, "path_list", facts))
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;7" in page


def test_a_long_list_shows_some_of_each_problem_and_names_the_table(corpus):
    manifest, facts = corpus(
        80, status=lambda n, label: "no_audio" if n == 79 else "unreadable"
    )
    page = page_of("Mine", audit_tables(manifest, "path_list", facts))
    assert "files.csv has 69 more rows." in page
    assert "categories.csv has" not in page
    assert "clip0009" in page
    assert "clip0010" not in page
    assert "clip0079" in page


def test_findings_are_read_as_they_were_written(tmp_path):
    found = [Finding('Of "a", 3,000; ü.', warns=True), Finding("b", warns=False)]
    for written in (found, []):
        write_findings(written, tmp_path / "findings.csv")
        assert read_findings(tmp_path / "findings.csv") == written


def test_findings_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "findings.csv").write_text("a\nb,c,d\n")
    with pytest.raises(DataError, match=r"findings\.csv cannot be read"):
        read_findings(tmp_path / "findings.csv")


def test_facts_of_other_clips_are_refused(corpus):
    manifest, facts = corpus(6)
    with pytest.raises(DataError, match="5 clips are not of the 6 clips"):
        audit_tables(manifest, "path_list", facts.head(5))


def test_the_stage_writes_page_tables_and_figures_the_same_each_time(silent, tmp_path):
    manifest, facts = tmp_path / "mine.parquet", tmp_path / "000.parquet"
    root = tmp_path / "videos"
    root.mkdir()
    (root / "extra.mp4").write_text("x")
    silent[0].write_parquet(manifest)
    silent[1].write_parquet(facts)
    spec = SPEC | {"root": str(root)}
    written = []
    for folder in ("one", "two"):
        out = tmp_path / folder / "mine.html"
        audit_corpus(manifest, [facts], typed(AuditSpec, spec), out)
        tables = sorted((tmp_path / folder / "mine").glob("*.csv"))
        figures = sorted((tmp_path / folder / "mine/figures").iterdir())
        written.append([path.read_bytes() for path in (out, *tables, *figures)])
    assert [path.stem for path in tables] == [
        *(
            "balance",
            "categories",
            "files",
            "findings",
            "overlap",
            "shortcuts",
            "values",
        )
    ]
    assert [path.name for path in figures] == [
        f"{name}.{kind}"
        for name in ("distributions", "shortcuts")
        for kind in ("csv", "pdf", "png", "svg")
    ]
    drawn = pl.read_csv(tmp_path / "one/mine/figures/distributions.csv")
    assert drawn.group_by("class").len().sort("class").rows() == [
        ("fake", drawn.height // 2),
        ("real", drawn.height // 2),
    ]
    assert written[0] == written[1]
    assert "extra.mp4" in (tmp_path / "one/mine/files.csv").read_text()
    shortcuts = pl.read_csv(tmp_path / "one/mine/shortcuts.csv")
    assert shortcuts.filter("shortcut", subset="all")["value"].to_list() == [
        "leading_silence_s"
    ]


def test_a_link_that_leaves_the_corpus_costs_the_extra_files_only(
    silent, tmp_path, caplog
):
    root = tmp_path / "videos"
    root.mkdir()
    (root / "extra.mp4").write_text("x")
    assert extra_files(silent[0], root, "inside") == ["extra.mp4"]
    (root / "away").symlink_to(tmp_path, target_is_directory=True)
    assert extra_files(silent[0], root, "inside") == []
    assert "Files that are not listed are not looked for." in caplog.text


def test_damaged_facts_are_named(silent, tmp_path):
    manifest, facts = tmp_path / "mine.parquet", tmp_path / "000.parquet"
    silent[0].write_parquet(manifest)
    facts.write_text("x")
    spec = SPEC | {"root": str(tmp_path)}
    with pytest.raises(DataError, match=r"000\.parquet cannot be read"):
        audit_corpus(manifest, [facts], typed(AuditSpec, spec), tmp_path / "mine.html")
