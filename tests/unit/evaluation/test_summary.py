import re

import polars as pl
import pytest
from toy_scores import ENCODERS, SPEC, make_tables

from dfprobe.evaluation.tables.matrix import pairs, read_long, read_matrix
from dfprobe.report.pages.summary import (
    markdown_table,
    random_gains,
    write_summary,
)


@pytest.fixture
def report(run):
    return written(run)


def written(run):
    return report_on(run, make_tables(run))


def report_on(run, tables, spec=SPEC):
    out = run.folder / "summary.md"
    inputs = (tables.matrix, tables.long, run.manifests, run.crops, run.scores)
    write_summary(*inputs, spec, out)
    return out.read_text()


def section(report, title):
    return report.split(f"## {title}\n")[1].split("\n## ")[0]


def test_sections_come_in_order(report):
    titles = [line[3:] for line in report.splitlines() if line.startswith("## ")]
    assert titles == [
        "Matrix",
        "What stands out",
        "Leading silence",
        "Leading silence alone",
        "Coverage",
        "Failed clips",
    ]


def test_random_weights_are_named_as_control(report):
    assert "Wav2Vec2 random has random weights: a control" in section(report, "Matrix")


def test_high_and_chance_cells_are_those_of_the_matrix(run):
    tables = make_tables(run)
    table = read_matrix(tables.matrix).with_columns(
        pl.Series("favc->favc", [99.9, 45.0, 44.9]),
        pl.Series("av1m->favc", [80.0, 80.1, 55.0]),
        *(pl.lit(60.0).alias(f"{p}") for p in ("av1m->av1m", "favc->av1m")),
        *(pl.lit(None, pl.Float64).alias(f"{p}->avlips") for p in ("favc", "av1m")),
    )
    table.write_csv(tables.matrix)
    text = section(report_on(run, tables), "What stands out")
    assert "of the 6 cells" in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if "|" in line]
    assert rows[0] == [
        *("label", "above 80", "near chance"),
        *("highest", "where", "lowest", "where lowest"),
    ]
    assert rows[2:] == [
        ["LFCC", "1", "0", "99.9", "favc->favc", "60.0", "av1m->av1m"],
        ["Wav2Vec2 random", "1", "1", "80.1", "av1m->favc", "45.0", "favc->favc"],
        ["CLIP", "0", "1", "60.0", "av1m->av1m", "44.9", "favc->favc"],
    ]


def test_an_encoder_without_any_value_keeps_its_row(run):
    tables = make_tables(run)
    empty = [
        pl.lit(None, pl.Float64).alias(f"{a}->{b}")
        for a, b in pairs(SPEC.train, SPEC.test)
    ]
    read_matrix(tables.matrix).with_columns(empty).write_csv(tables.matrix)
    text = section(report_on(run, tables), "What stands out")
    assert "| LFCC | 0 | 0 | - | - | - | - |" in text


def test_trimmed_clips_stand_beside_whole_ones(run):
    tables = make_tables(run)
    changes = {"untrimmed": "lfcc", "label": "Trimmed"}
    trimmed = ENCODERS | {"w2v": ENCODERS["w2v"].model_copy(update=changes)}
    spec = SPEC.model_copy(update={"encoders": tuple(trimmed.values())})
    text = section(report_on(run, tables, spec), "Trimmed clips")
    long = read_long(tables.long).filter(
        pl.col("train") == "favc", pl.col("test") == "av1m"
    )
    areas = {
        (encoder, subset): 100 * area
        for encoder, subset, area in long.select("encoder", "subset", "auc")
        .drop_nulls()
        .rows()
    }
    cells = []
    for subset in ("common", "leading_silence"):
        whole, cut = areas["lfcc", subset], areas["w2v", subset]
        cells += [f"{value:.1f}" for value in (whole, cut, cut - whole)]
    assert f"| Trimmed | favc->av1m | {' | '.join(cells)} |" in text
    assert "| Trimmed | 6 |" in text  # means over the pairs
    # avlips has no fake that begins with silence.
    assert re.search(r"Trimmed \| favc->avlips \|.*\| - \| - \| - \|", text)


def test_without_trimmed_clips_there_is_no_such_section(report):
    assert "Trimmed" not in report


def test_silence_table_has_the_encoders_that_hear(report, run):
    text = section(report, "Leading silence")
    assert "CLIP" not in text
    assert "| Wav2Vec2 random | random | favc->av1m |" in text
    assert "avlips" not in text  # has no fake that begins silent
    long = read_long(run.folder / "xdata_long.csv").filter(
        pl.col("encoder") == "lfcc", pl.col("train") == "favc", pl.col("test") == "av1m"
    )
    areas = dict(long.select("subset", "auc").iter_rows())
    silent, other = areas["leading_silence"], areas["no_leading_silence"]
    cells = f"{100 * silent:.1f} | {100 * other:.1f} | {100 * (silent - other):.1f}"
    assert f"| LFCC | none | favc->av1m | {cells} |" in text


def test_without_an_encoder_that_hears_there_is_no_table_of_silence(run):
    visual = SPEC.model_copy(update={"encoders": (ENCODERS["clip"],)})
    text = section(report_on(run, make_tables(run), visual), "Leading silence")
    assert text.strip() == (
        "No test corpus has fakes both with and without leading silence."
    )


def test_random_encoders_that_profit_from_silence_are_named_with_their_gain():
    means = pl.DataFrame(
        {
            "label": ["LFCC", "A random", "B random", "C random"],
            "weights": ["none", "random", "random", "random"],
            "difference": [9.0, 18.25, -1.0, 3.0],
        }
    )
    sentence = random_gains(means)
    assert "A random (+18.2 points) and C random (+3.0 points) score" in sentence
    assert "LFCC" not in sentence and "B random" not in sentence
    assert random_gains(means.filter(pl.col("difference") < 0)) == ""


def test_silence_alone_separates_the_silent_half(report):
    text = section(report, "Leading silence alone")
    # Silent fakes win every pair, the others tie: (14 + 14 / 2) / 28 of 57 heard clips.
    assert "| favc | 57 | 75.0 |" in text
    assert "| avlips | 57 | 50.0 |" in text


def test_coverage_and_failures_are_counted(report):
    coverage = section(report, "Coverage")
    assert "| favc | 56 | 28 | 28 | 94.9 | 96.6 | 98.3 |" in coverage
    failures = section(report, "Failed clips")
    assert "| av1m | no_audio | 2 |" in failures
    assert "| av1m | no_audio | 2 | 2 |" in failures  # both audio encoders
    assert "| av1m | no_face | 1 | 1 |" in failures


def test_run_without_failures_says_so(run):
    for path in [*run.crops, *run.scores]:
        table = pl.read_parquet(path).with_columns(status=pl.lit("ok"))
        if "score" in table.columns:
            table = table.with_columns(pl.col("score").fill_null(0.0))
        table.write_parquet(path)
    assert section(written(run), "Failed clips").count("None.") == 2


def test_equal_input_gives_equal_bytes(run):
    assert written(run) == written(run)


def test_markdown_table():
    table = pl.DataFrame({"name": ["a", None], "AUC": [50.25, -0.04]})
    assert markdown_table(table) == (
        "| name | AUC |\n| :-- | --: |\n| a | 50.2 |\n| - | 0.0 |"
    )
