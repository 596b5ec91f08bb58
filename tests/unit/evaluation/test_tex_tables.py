r"""LaTeX tables: their structure, and that TeX prints what the tables say."""

import re

import polars as pl
import pytest

from dfprobe.evaluation.tables.fusion_tables import SETS_SCHEMA
from dfprobe.report.markup import escape_tex as escape
from dfprobe.report.pages.tex_tables import (
    SHOWN,
    anomaly_table,
    fusion_table,
    matrix_table,
    write_tex_tables,
)
from dfprobe.settings.stage_specs.tables import MatrixSpec
from typed_specs import typed

NASTY = r"50% & a_b #1 $x$ {y} ~z ^2 \w"


def encoder(name: str, label: str, modality: str = "audio") -> dict:
    parts = {"name": name, "label": label, "modality": modality}
    return parts | {"weights": "none", "untrimmed": None}


SPEC = {
    "heads": [
        {"name": name, "entry": name, "seed": 43, "encoders": ["clip", "lfcc", "w2v"]}
        for name in ("linear", "other")
    ],
    "encoders": [
        encoder("clip", NASTY, "visual"),
        encoder("lfcc", "LFCC"),
        encoder("w2v", "Wav2Vec2"),
    ],
    "corpora": {"favc": "FAVC_x", "av1m": "AV1M"},
    "train": ["favc", "av1m"],
    "test": ["favc", "av1m"],
}
AREAS = {"clip": 0.9, "lfcc": 0.5, "w2v": 0.72}


def area_rows(head="linear", subset="common"):
    return [
        {
            "encoder": encoder,
            "head": head,
            "train": train,
            "test": test,
            "subset": subset,
            "auc": area if train != test else 0.95,
            "auc_low": area - 0.1 if train == test else None,
            "auc_high": area + 0.05 if train == test else None,
        }
        for encoder, area in AREAS.items()
        for train in SPEC["train"]
        for test in SPEC["test"]
    ]


@pytest.fixture
def areas():
    return pl.DataFrame(area_rows(), infer_schema_length=None)


def set_rows(sizes):
    rows = []
    for name, area in sizes.items():
        for train in SPEC["train"]:
            for test in SPEC["test"]:
                rows.append(
                    dict.fromkeys(SETS_SCHEMA)
                    | {"train": train, "test": test, "set": name, "rule": "mean"}
                    | {"size": name.count("+") + 1, "auc": area, "gain": area - 0.8}
                    | {"significant": area is not None and abs(area - 0.8) > 0.15}
                    if area is not None
                    else dict.fromkeys(SETS_SCHEMA)
                    | {"train": train, "test": test, "set": name, "rule": "mean"}
                    | {"size": name.count("+") + 1, "note": "why"}
                )
    return pl.DataFrame(rows, schema=SETS_SCHEMA)


def body(table):
    r"""Rows of a tabular as lists of cells; a \multicolumn counts for its width."""
    lines = [line for line in table.splitlines() if not line.startswith("%")]
    assert re.fullmatch(r"\\begin{tabular}{l(r+)}", lines[0])
    assert lines[-1] == r"\end{tabular}"
    assert lines[1] == r"\toprule"
    assert lines[-2] == r"\bottomrule"
    assert table.count("{") - table.count(r"\{") == table.count("}") - table.count(
        r"\}"
    )
    rows = []
    for line in lines[2:-2]:
        if line == r"\midrule":
            continue
        assert line.endswith(r" \\")
        cells = re.split(r"(?<!\\) & ", line.removesuffix(r" \\"))
        merged = re.match(r"\\multicolumn{(\d+)}", cells[0])
        rows.append(cells + [""] * (int(merged[1]) - 1) if merged else cells)
    width = len(re.fullmatch(r"\\begin{tabular}{(l.*)}", lines[0])[1])
    assert {len(row) for row in rows} == {width}
    return rows


@pytest.mark.parametrize(
    ("plain", "tex"),
    [
        ("a & b", r"a \& b"),
        ("5%", r"5\%"),
        ("a_b#$", r"a\_b\#\$"),
        ("{x}", r"\{x\}"),
        ("~", r"\textasciitilde{}"),
        ("^", r"\textasciicircum{}"),
        ("\\{", r"\textbackslash{}\{"),
        ("AV-HuBERT (A)", "AV-HuBERT (A)"),
    ],
)
def test_specials_are_printed_as_they_are(plain, tex):
    assert escape(plain) == tex


def test_the_matrix_has_modalities_and_pairs_in_order(areas):
    rows = body(matrix_table(areas, typed(MatrixSpec, SPEC)))
    assert rows[0] == ["trained on", r"FAVC\_x", "AV1M", "AV1M", r"FAVC\_x", "mean"]
    assert rows[1] == ["tested on", r"FAVC\_x", r"FAVC\_x", "AV1M", "AV1M", "OOD"]
    assert [row[0] for row in rows[2:]] == [
        r"\multicolumn{6}{l}{\textit{audio}}",
        "LFCC",
        "Wav2Vec2",
        r"\multicolumn{6}{l}{\textit{visual}}",
        escape(NASTY),
    ]


def test_cells_have_area_interval_and_bold_best(areas):
    rows = {
        row[0]: row[1:] for row in body(matrix_table(areas, typed(MatrixSpec, SPEC)))
    }
    assert rows["LFCC"] == [
        r"\textbf{95.0} {\tiny 40.0--55.0}",  # equal ones are all best
        "50.0",
        r"\textbf{95.0} {\tiny 40.0--55.0}",
        "50.0",
        "50.0",
    ]
    assert rows[escape(NASTY)][1] == r"\textbf{90.0}"
    assert rows[escape(NASTY)][4] == r"\textbf{90.0}"
    assert rows["Wav2Vec2"][1] == "72.0"


def test_an_undefined_area_is_a_dash_and_so_is_its_mean(areas):
    lost = (pl.col("encoder") == "lfcc") & (pl.col("train") == "av1m")
    areas = areas.with_columns(auc=pl.when(~lost).then("auc"))
    rows = {
        row[0]: row[1:] for row in body(matrix_table(areas, typed(MatrixSpec, SPEC)))
    }
    assert rows["LFCC"][1] == rows["LFCC"][2] == rows["LFCC"][4] == "--"
    assert rows["LFCC"][3] == "50.0"


def test_the_table_of_tasks_has_the_mean_over_training_corpora():
    def row(name, modality, task, train, area):
        common = {"row": name, "label": name, "modality": modality, "test": "favc"}
        interval = {"auc_low": area - 0.1, "auc_high": area + 0.1}
        return (
            common
            | {"task": task, "train": train, "subset": "common"}
            | ({"auc": area} | interval)
        )

    rows = [
        row("a_b", "audio", "Sup", "favc", 0.8),
        row("a_b", "audio", "Sup", "av1m", 0.6),
        row("a_b", "audio", "NTP", "av1m", 0.55),
        row("see", "visual", "Sup", "av1m", 0.5),
    ]
    found = body(anomaly_table(pl.DataFrame(rows), typed(MatrixSpec, SPEC)))
    assert found[0] == ["tested on", *[r"FAVC\_x"] * 4]
    assert found[1] == ["task", "Sup", "NTP", "NTP mean", "Sync"]
    interval = r"{\tiny 45.0--65.0}"
    assert found[3] == [
        *(r"a\_b", r"\textbf{70.0}", rf"\textbf{{55.0}} {interval}", "--", "--")
    ]
    assert found[5][1] == r"50.0 {\tiny 40.0--60.0}"


def test_fusion_shows_the_best_pairs_all_larger_sets_and_stars(areas):
    names = [encoder["name"] for encoder in SPEC["encoders"]]
    sets = {"clip+lfcc": 0.81, "clip+w2v": 0.99, "lfcc+w2v": None}
    rows = body(
        fusion_table(
            areas, set_rows(sets | {"+".join(names): 0.6}), typed(MatrixSpec, SPEC)
        )
    )
    assert [row[0] for row in rows[2:]] == [
        r"\multicolumn{5}{l}{\textit{one encoder}}",
        *(escape(NASTY), "Wav2Vec2", "LFCC"),
        r"\multicolumn{5}{l}{\textit{fused, rule mean}}",
        f"{escape(NASTY)} + Wav2Vec2",
        f"{escape(NASTY)} + LFCC",
        "LFCC + Wav2Vec2",
        f"{escape(NASTY)} + LFCC + Wav2Vec2",
    ]
    assert rows[7][1] == r"\textbf{99.0}$^{*}$"
    assert rows[8][1] == "81.0"
    assert rows[9][1] == "--"
    assert rows[10][1] == "60.0"  # significantly worse gets no star


def test_of_many_pairs_few_are_shown(areas):
    encoders = [encoder(f"e{n}", f"E{n}") for n in range(9)]
    spec = SPEC | {"encoders": [*SPEC["encoders"], *encoders]}
    many = [areas, *(areas.with_columns(encoder=pl.lit(e["name"])) for e in encoders)]
    table = fusion_table(
        pl.concat(many).unique(["encoder", "train", "test"], maintain_order=True),
        set_rows({f"e{n}+lfcc": 0.5 + n / 100 for n in range(9)}),
        typed(MatrixSpec, spec),
    )
    labels = [row[0] for row in body(table)]
    assert labels[2 + 1 + SHOWN + 1 :] == [f"E{n} + LFCC" for n in (8, 7, 6, 5, 4)]


def test_one_encoder_gives_a_table_without_sets(areas):
    spec = SPEC | {"encoders": SPEC["encoders"][:1]}
    rows = body(
        fusion_table(
            areas.filter(encoder="clip"), set_rows({}), typed(MatrixSpec, spec)
        )
    )
    assert len(rows) == 4


def test_files_are_about_the_first_head_and_the_common_clips(tmp_path, areas):
    from dfprobe.evaluation.tables.long_table import COUNTS, NUMBERS

    others = [*area_rows(head="other"), *area_rows(subset="all")]
    rows = [*area_rows(), *(row | {"auc": 0.123} for row in others)]
    long = pl.DataFrame(rows, infer_schema_length=None)
    extra = [name for name in (*COUNTS, *NUMBERS) if name not in long.columns]
    long.with_columns(pl.lit(None).alias(n) for n in extra).write_csv(
        tmp_path / "long.csv"
    )
    set_rows({"clip+lfcc": 0.81}).write_csv(tmp_path / "sets.csv")
    outs = [tmp_path / "matrix.tex", tmp_path / "fusion.tex"]
    write_tex_tables(
        tmp_path / "long.csv",
        tmp_path / "sets.csv",
        None,
        typed(MatrixSpec, SPEC),
        outs,
    )
    assert outs[0].read_text() == matrix_table(areas, typed(MatrixSpec, SPEC))
    assert body(outs[1].read_text())[-1][0].endswith("+ LFCC")
