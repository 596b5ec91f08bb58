"""Joining the score files of a corpus."""

import weakref

import polars as pl
import pytest

from dfprobe.evaluation.tables import corpus_scores
from dfprobe.evaluation.tables.corpus_scores import clip_facts, join_scores
from dfprobe.products import ScoreKey
from dfprobe.store.scores import write_scores

CLIPS = ["a", "b", "c"]
FACTS = pl.DataFrame({"clip_id": CLIPS, "speaker": CLIPS, "source": CLIPS})


@pytest.fixture
def files(tmp_path):
    """Score files of six encoders."""
    found = {}
    for number in range(6):
        key = ScoreKey("linear", f"encoder{number}", "favc", "av1m")
        found[key] = tmp_path / f"{number}.parquet"
        table = pl.DataFrame({"clip_id": CLIPS, "label": [0, 1, 1]})
        scores = pl.Series([0.5, float(number), None])
        state = {"status": pl.Series(["ok", "ok", "no_face"])}
        write_scores(
            table.with_columns(score=scores, manipulation=pl.lit("x"), **state),
            found[key],
        )
    return found


def test_one_file_is_in_memory_at_a_time(files, monkeypatch):
    read, tables, alive = corpus_scores.read_scores, [], []

    def counted(path):
        alive.append(sum(table() is not None for table in tables))
        table = read(path)
        tables.append(weakref.ref(table))
        return table

    monkeypatch.setattr(corpus_scores, "read_scores", counted)
    corpus = join_scores(files, "av1m", FACTS)
    assert max(alive) <= 1
    assert [column[1] for column in corpus.scores.values()] == list(range(6))
    assert corpus.common.tolist() == [True, True, False]


def test_a_corpus_without_crops_has_no_silence(tmp_path):
    manifest = tmp_path / "favc.parquet"
    FACTS.with_columns(split=pl.lit("train")).write_parquet(manifest)
    facts = clip_facts(manifest, [tmp_path / "crops/av1m/000.parquet"])  # not read
    assert facts["leading_silence_s"].to_list() == [None, None, None]
