"""The paper's values beside those of a run: table and page."""

import re
from html import unescape
from html.parser import HTMLParser

import polars as pl
import pytest

from dfprobe.evaluation.tables.fusion_tables import (
    CORRELATION_SCHEMA,
    IMPROVEMENT_SCHEMA,
)
from dfprobe.evaluation.tables.long_table import COUNTS, NUMBERS
from dfprobe.explain.temporal.tables import LOCALISATION_SCHEMA
from dfprobe.report.pages.paper import compare_with_paper
from dfprobe.report.pages.paper_run import Products
from dfprobe.report.pages.paper_values import paper_tables
from dfprobe.settings.stage_specs.tables import PaperSpec
from typed_specs import typed

LABELS = {"favc": "FAVC", "av1m": "AV1M", "avlips": "AVLips", "dfe": "DFE"}
ENCODERS = [
    {"name": "w2v", "label": "Wav2Vec2", "weights": "org/xls-r"},
    {"name": "hear", "label": "AV-HuBERT (A)", "weights": "a.pt"},
    {"name": "see", "label": "AV-HuBERT (V)", "weights": "a.pt"},
    {"name": "none", "label": "AV-HuBERT (A) random", "weights": "random"},
]


def corpus(name: str, label: str, demo: bool = False) -> dict:
    return {"name": name, "label": label, "demo": demo}


SPEC = {
    "head": "linear",
    "encoders": ENCODERS,
    "corpora": [corpus(name, label) for name, label in LABELS.items()],
    "rows": [{"name": "see+hear", "streams": ["see", "hear"]}],
}
PAIRS = [(train, test) for train in ("favc", "av1m") for test in LABELS]


def line(auc=0.8, low=0.75, high=0.85, coverage=0.9, **names):
    """Row of a tidy table."""
    numbers = dict.fromkeys((*COUNTS, *NUMBERS))
    numbers |= {"auc": auc, "auc_low": low, "auc_high": high, "coverage": coverage}
    return {**names, "subset": "all", **numbers}


def probe(encoder, train, test, **values):
    names = {"encoder": encoder, "head": "linear", "train": train, "test": test}
    return line(**names, **values)


@pytest.fixture
def compare(tmp_path):
    """Function that compares tidy rows with the paper."""

    def run(long=None, anomaly=None, detectors=None, spec=SPEC):
        if long is None:
            long = [probe(e["name"], *pair) for e in ENCODERS for pair in PAIRS]
        paths = []
        for name, rows in (("x", long), ("a", anomaly), ("d", detectors)):
            paths.append(tmp_path / f"{name}.csv" if rows else None)
            if rows:
                pl.DataFrame(rows, infer_schema_length=None).write_csv(paths[-1])
        out, page = tmp_path / "paper.csv", tmp_path / "paper.html"
        compare_with_paper(Products(*paths), typed(PaperSpec, spec), out, page)
        return pl.read_csv(out), page.read_text(encoding="utf-8")

    return run


def cell(table, name, row, column):
    return table.row(
        by_predicate=(pl.col("table") == name)
        & (pl.col("row") == row)
        & (pl.col("column") == column),
        named=True,
    )


def test_every_value_of_the_paper_has_a_row_and_a_state(compare):
    table, _ = compare()
    paper = paper_tables()
    names = ["table", "row", "column", "train", "test", "metric"]
    assert table.select(names).equals(paper.select(names))
    assert paper.select(names).n_unique() == paper.height == 371
    assert set(table["state"]) == {"compared", "not run", "does not apply"}
    compared = table["state"] == "compared"
    assert (table["ours"].is_not_null() == compared).all()
    assert (table["reason"].is_null() == compared).all()


def test_probes_are_compared_wherever_their_value_is_printed(compare):
    table, _ = compare(
        [probe("w2v", "av1m", "favc", auc=0.9987, low=0.9985, high=0.9992)]
    )
    for name, row, column in (
        ("Table 2", "Wav2Vec2", "B"),
        ("Table 3", "Wav2Vec2 (A)", "FAVC"),
        ("Table 4", "Wav2Vec2", "FAVC Sup"),
        ("Figure 5 middle", "Wav2Vec2", "AUC"),
    ):
        found = cell(table, name, row, column)
        assert (found["paper"], found["ours"]) == (99.9, 99.87)
        assert (found["low"], found["high"], found["inside"]) == (99.85, 99.92, "yes")
        assert (found["coverage"], found["state"]) == (0.9, "compared")
    assert table.filter(state="compared").height == 4


@pytest.mark.parametrize(
    ("low", "high", "inside"),
    [
        (0.9, 0.99949, "no"),  # 100.0 may be 99.95
        (0.9, 0.9995, "yes"),
        (0.99996, 0.99999, "yes"),
    ],
)
def test_the_paper_s_rounding_counts_in_its_favour(compare, low, high, inside):
    table, _ = compare([probe("w2v", "favc", "favc", low=low, high=high)])
    assert cell(table, "Table 2", "Wav2Vec2", "A")["inside"] == inside
    # Here 100 has two decimals that are not written.
    finer = cell(table, "Table 2 two decimals", "Wav2Vec2", "A")["inside"]
    assert finer == ("yes" if high > 0.9999 else "no")


def test_a_value_just_below_the_interval_may_be_rounded_from_inside(compare):
    for low, inside in ((0.9664, "yes"), (0.9666, "no")):  # the paper has 96.6
        table, _ = compare([probe("w2v", "favc", "av1m", low=low, high=0.99)])
        assert cell(table, "Table 2", "Wav2Vec2", "D")["inside"] == inside


def test_means_are_over_unrounded_pairs_and_have_no_interval(compare):
    areas = {("av1m", test): 0.6 + 0.1 * i for i, test in enumerate(LABELS)}
    areas |= {("favc", test): 0.7 for test in LABELS}
    table, _ = compare([probe("w2v", *pair, auc=a) for pair, a in areas.items()])
    j = cell(table, "Table 2", "Wav2Vec2", "J")
    assert j["ours"] == pytest.approx(100 * (0.6 + 3 * 0.7 + 0.8 + 0.9) / 6, abs=0.005)
    all4 = cell(table, "Table 3", "Wav2Vec2 (A)", "All4")
    last3 = cell(table, "Table 3", "Wav2Vec2 (A)", "Last3")
    assert (all4["ours"], last3["ours"]) == (75.0, round(100 * 2.3 / 3, 2))
    for found in (j, all4, last3):
        assert found["state"] == "compared"
        assert (found["low"], found["high"], found["inside"]) == (None, None, None)


def test_one_absent_pair_leaves_out_the_mean(compare):
    pairs = [pair for pair in PAIRS if pair != ("favc", "dfe")]
    table, _ = compare([probe("w2v", *pair) for pair in pairs])
    found = cell(table, "Table 2", "Wav2Vec2", "J")
    assert (found["state"], found["ours"]) == ("not run", None)
    assert found["reason"] == "no probe trained on FAVC and tested on DFE in this run"


def test_pairs_of_streams_are_known_by_their_encoders(compare):
    rows = [
        line(row="see+hear", task=task, train=train, test="favc", auc=auc)
        for task, train, auc in (
            ("Sup", "av1m", 0.9),
            ("NTP", "av1m", 0.6),
            ("NTP mean", "av1m", 0.5),
            ("Sync", "av1m", 0.7),
        )
    ]
    table, _ = compare(anomaly=rows)
    ours = {
        task: cell(table, "Table 4", "AV-HuBERT (A + V)", f"FAVC {task}")["ours"]
        for task in ("Sup", "NTP", "Sync")
    }
    assert ours == {"Sup": 90.0, "NTP": 60.0, "Sync": 70.0}
    other = cell(table, "Table 4", "AV-HuBERT (A)", "FAVC NTP")
    assert other["reason"].startswith("no next-token head trained on AV1M")
    dash = cell(table, "Table 4", "AV-HuBERT (A)", "FAVC Sync")
    assert (dash["paper"], dash["state"]) == (None, "does not apply")


def test_detectors_from_elsewhere_are_known_by_their_label(compare):
    rows = [
        line(head="external", name=label, label=label, trained_on=train, test="dfe")
        for label, train in (("AVFF", "favc"), ("AVAD", "nothing"), ("Mine", "x"))
    ]
    rows.append(line(head="linear", name="w", label="x", trained_on="y", test="dfe"))
    table, _ = compare(detectors=rows)
    assert cell(table, "Table 3", "AVAD", "DFE")["ours"] == 80.0
    other = cell(table, "Table 3", "AVFF", "DFE")  # the paper's saw AV1M
    assert other["reason"].startswith("no scores of the detector trained on AV1M")
    absent = cell(table, "Table 3", "AuViRe", "DFE")
    assert absent["reason"] == "AuViRe is not in this run"


def test_what_is_not_there_is_named(compare):
    corpora = [c for c in SPEC["corpora"] if c["name"] != "avlips"]
    pairs = [pair for pair in PAIRS if pair[1] != "avlips"]
    long = [probe("w2v", *pair) for pair in pairs]
    table, _ = compare(long, spec=SPEC | {"corpora": corpora})
    reasons = {
        ("Table 2", "FSFM", "A"): "FSFM is not in this run",
        ("Table 2", "Wav2Vec2", "E"): "AVLips is not in this run",
        ("Table 2", "Wav2Vec2", "J"): "AVLips is not in this run",
        ("Figure 3", "Wav2Vec2", "top video"): "no run computes this value",
    }
    for place, reason in reasons.items():
        found = cell(table, *place)
        assert (found["state"], found["reason"]) == ("not run", reason)
    assert cell(table, "Table 2", "Wav2Vec2", "G")["reason"].startswith("no probe")


def test_random_weights_and_demo_corpora_are_not_compared(compare):
    random = [ENCODERS[0] | {"weights": "random"}, *ENCODERS[1:]]
    corpora = [c | {"demo": c["name"] == "dfe"} for c in SPEC["corpora"]]
    table, _ = compare(spec=SPEC | {"encoders": random, "corpora": corpora})
    reasons = {
        ("Table 2", "Wav2Vec2", "A"): "Wav2Vec2 has random weights in this run",
        ("Table 2", "AV-HuBERT (A)", "H"): "DFE is a demo corpus in this run",
        ("Table 2", "AV-HuBERT (A)", "J"): "DFE is a demo corpus in this run",
    }
    for place, reason in reasons.items():
        found = cell(table, *place)
        assert (found["state"], found["reason"]) == ("does not apply", reason)
    control = cell(table, "Table 2", "AV-HuBERT (A) random", "A")
    assert control["state"] == "compared"


def test_clips_of_one_class_have_nothing_to_compare(compare):
    table, _ = compare([probe("w2v", "favc", "favc", auc=None, low=None, high=None)])
    found = cell(table, "Table 2", "Wav2Vec2", "A")
    assert found["reason"] == "the clips of FAVC are of one class"


def test_weights_that_are_not_the_published_ones_are_named(compare):
    _, page = compare()
    assert "Other weights than the published ones" not in page
    note = {"encoder": "hear", "note": "a.pt is not the published <file>"}
    _, page = compare(spec=SPEC | {"weights_notes": [note]})
    assert "hear: a.pt is not the published &lt;file&gt;" in page


def demo_spec():
    corpora = [corpus(k, f"{v}-like", demo=True) for k, v in LABELS.items()]
    return SPEC | {"corpora": corpora}


def test_on_demo_corpora_nothing_is_compared_and_the_page_says_why(compare):
    table, page = compare(spec=demo_spec())
    assert set(table["state"]) == {"does not apply"}
    first = page.index("The comparison does not apply to this run")
    assert first < page.index("<h2>")
    assert ">ours<" not in page and ">99.8</td>" in page
    assert "✓" not in page


def text_of(page):
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_the_page_has_both_values_the_interval_and_marks(compare):
    long = [
        probe("w2v", "favc", "favc", auc=0.9991, low=0.9981, high=0.9999),
        probe("w2v", "av1m", "favc", auc=0.9, low=0.88, high=0.92),
    ]
    _, page = compare(long)
    rows = text_of(page)
    place = next(i for i, row in enumerate(rows) if row[:2] == ["Wav2Vec2", "paper"])
    paper = rows[place][2:]
    ours, interval = (row[1:] for row in rows[place + 1 : place + 3])
    assert [row[0] for row in rows[place + 1 : place + 3]] == ["ours", "95%"]
    assert paper[:3] == ["100.0", "99.9", "100.0"]
    assert ours[:3] == ["✓ 99.9", "✗ 90.0", "–"]
    assert interval[:3] == ["99.8–100.0", "88.0–92.0", ""]
    assert '<td class="n flag">✗ 90.0</td>' in page


def test_the_page_counts_what_was_compared(compare):
    table, page = compare()
    page = unescape(page)
    count = {s: table.filter(state=s).height for s in set(table["state"])}
    inside = table.filter(inside="yes").height
    assert f"{count['compared']} of the paper's 371 values are compared" in page
    assert f"{inside} lie inside" in page
    assert f"{count['not run']} are not run here" in page
    counts = [row for row in text_of(page) if row[:2] == ["all", "371"]]
    assert counts[0][2] == str(count["compared"])


class Checker(HTMLParser):
    """Collects what a page would load, and whether its tags are in pairs."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded = [], []

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        self.loaded += [v for name, v in attributes if name in ("src", "href")]
        assert tag not in ("script", "link", "iframe")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("spec", [SPEC, demo_spec()], ids=["paper", "demo"])
def test_the_page_is_whole_and_loads_nothing(compare, spec):
    _, page = compare(spec=spec)
    checker = Checker()
    checker.feed(page)
    assert checker.open == checker.loaded == []
    assert not re.search(r"@import|url\(", page)


def test_equal_input_gives_equal_bytes(compare, tmp_path):
    names = ("paper.csv", "paper.html")
    compare()
    first = [(tmp_path / name).read_bytes() for name in names]
    compare()
    assert [(tmp_path / name).read_bytes() for name in names] == first


@pytest.fixture
def pair_tables(tmp_path):
    """Localisation and fusion tables of two encoders, trained on AV1M."""

    def write(name, schema, rows):
        path = tmp_path / f"{name}.csv"
        pl.DataFrame(rows, schema=schema).write_csv(path)
        return path

    placed = dict.fromkeys(LOCALISATION_SCHEMA)
    placed |= {"head": "linear", "encoder": "hear", "train": "av1m", "test": "av1m"}
    area = {"auc_clip_mean": 0.9, "auc_clip_mean_low": 0.89, "auc_clip_mean_high": 0.93}
    pair = {"train": "av1m", "test": "favc"}
    alike = (
        dict.fromkeys(CORRELATION_SCHEMA) | pair | {"first": "w2v", "second": "hear"}
    )
    alike |= {"pearson": 0.6, "pearson_low": 0.5, "pearson_high": 0.65}
    gain = dict.fromkeys(IMPROVEMENT_SCHEMA) | pair | {"rule": "mean"}
    gains = [
        gain
        | {"row": "w2v", "column": "hear", "improvement": 1.5, "low": -1, "high": 2},
        gain
        | {"row": "hear", "column": "w2v", "improvement": 7.0, "low": 6, "high": 8},
        gain | {"row": "w2v", "column": "hear", "rule": "stacked", "improvement": 9.0},
    ]
    return (
        write(
            "localisation",
            LOCALISATION_SCHEMA,
            [
                placed | area | {"subset": "both"},
                placed | {"subset": "video_only", "auc_clip_mean": 0.1},
            ],
        ),
        write("correlation", CORRELATION_SCHEMA, [alike]),
        write("improvement", IMPROVEMENT_SCHEMA, gains),
    )


def test_localisation_and_fusion_stand_beside_figures_2_and_5(tmp_path, pair_tables):
    long, out = tmp_path / "x.csv", tmp_path / "paper.csv"
    rows = [probe(e["name"], *pair) for e in ENCODERS for pair in PAIRS]
    pl.DataFrame(rows).write_csv(long)
    products = Products(long, None, None, *pair_tables)
    compare_with_paper(products, typed(PaperSpec, SPEC), out, tmp_path / "paper.html")
    table = pl.read_csv(out)
    hear, w2v = "AV-HuBERT (A)", "Wav2Vec2"
    expected = {
        ("Figure 2", hear, "temporal localisation"): (90.0, 89.0, 93.0, "yes"),  # 92
        ("Figure 5 left", w2v, hear): (60.0, 50.0, 65.0, "no"),  # 66.2
        ("Figure 5 left", hear, w2v): (60.0, 50.0, 65.0, "no"),
        ("Figure 5 right", w2v, hear): (1.5, -1.0, 2.0, "yes"),  # 0.1
        ("Figure 5 right", hear, w2v): (7.0, 6.0, 8.0, "no"),
    }
    for place, values in expected.items():
        found = cell(table, *place)
        names = ("ours", "low", "high", "inside")
        assert tuple(found[name] for name in names) == values
    itself = cell(table, "Figure 5 left", w2v, w2v)
    assert (itself["state"], itself["reason"]) == (
        "does not apply",
        "a probe beside itself",
    )
    missing = cell(table, "Figure 5 right", w2v, "AV-HuBERT (V)")
    assert missing["reason"] == (
        "no improvement of Wav2Vec2 by the other probe, trained on AV1M and tested on "
        "FAVC in this run"
    )
