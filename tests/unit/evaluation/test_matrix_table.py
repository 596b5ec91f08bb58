from pathlib import Path

import numpy as np
import polars as pl
import pytest
from toy_scores import (
    CLIPS,
    ENCODERS,
    HEAD,
    NO_AUDIO,
    NO_FACE,
    SPEC,
    UNLABELLED,
    make_tables,
)

from dfprobe.errors import DataError
from dfprobe.evaluation.tables.long_table import NUMBERS
from dfprobe.evaluation.tables.matrix import (
    Tables,
    make_matrix,
    pairs,
    read_long,
    read_matrix,
)
from dfprobe.evaluation.tables.pairs import PAIR_SCHEMA
from dfprobe.settings.stage_specs.tables import HeadName
from dfprobe.store.scores import read_scores, write_scores

PAIRS = [
    "favc->favc",
    "av1m->favc",
    "av1m->av1m",
    "favc->av1m",
    "favc->avlips",
    "av1m->avlips",
]


def make(run, scores=None):
    tables = make_tables(run, scores)
    return read_matrix(tables.matrix), read_long(tables.long)


def edit_manifest(run, corpus, **columns):
    """Set columns of a manifest to one value."""
    (path,) = (path for path in run.manifests if path.stem == corpus)
    values = {name: pl.lit(value, pl.String) for name, value in columns.items()}
    pl.read_parquet(path).with_columns(**values).write_parquet(path)


def pair_auc(labels, scores):
    """The definition: share of fake-real pairs won, ties half."""
    won = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float(((np.sign(won) + 1) / 2).mean())


def row_of(long, encoder, train, test, subset):
    rows = long.filter(
        pl.col("encoder") == encoder,
        pl.col("train") == train,
        pl.col("test") == test,
        pl.col("subset") == subset,
    )
    assert rows.height == 1
    return rows.row(0, named=True)


def test_rows_and_columns_are_those_of_the_paper(run):
    matrix, _ = make(run)
    assert matrix.columns == ["encoder", "label", "modality", *PAIRS, "mean_ood"]
    assert matrix["encoder"].to_list() == ["lfcc", "w2v", "clip"]
    assert matrix["label"].to_list() == ["LFCC", "Wav2Vec2 random", "CLIP"]
    assert [f"{train}->{test}" for train, test in pairs(SPEC.train, SPEC.test)] == PAIRS


def test_cells_are_on_the_clips_that_all_encoders_scored(run):
    matrix, long = make(run)
    table = read_scores(run.score_path("lfcc", "av1m", "favc"))
    lost = [*UNLABELLED, *NO_AUDIO, *NO_FACE]
    kept = table[[i for i in range(CLIPS) if i not in lost]]
    expected = pair_auc(kept["label"].to_numpy(), kept["score"].to_numpy())
    row = row_of(long, "lfcc", "av1m", "favc", "common")
    assert row["clips"] == CLIPS - len(lost) == row["real"] + row["fake"]
    assert row["auc"] == pytest.approx(expected, abs=1e-6)
    assert row["coverage"] == pytest.approx(56 / 59, abs=1e-6)
    assert matrix["av1m->favc"][0] == round(100 * expected, 1)


def test_mean_is_over_unrounded_pairs_of_different_corpora(run):
    matrix, long = make(run)
    areas = [
        100 * row_of(long, "clip", *pair, "common")["auc"]
        for pair in pairs(SPEC.train, SPEC.test)
        if pair[0] != pair[1]
    ]
    assert len(areas) == 4
    assert matrix["mean_ood"][2] == round(float(np.mean(areas)), 1)


def test_all_subset_has_the_encoder_s_own_clips(run):
    _, long = make(run)
    audio = row_of(long, "lfcc", "favc", "favc", "all")
    visual = row_of(long, "clip", "favc", "favc", "all")
    assert (audio["clips"], visual["clips"]) == (57, 58)
    assert audio["coverage"] == pytest.approx(57 / 59, abs=1e-6)
    assert visual["coverage"] == pytest.approx(58 / 59, abs=1e-6)


def test_subsets_compare_some_fakes_with_all_reals(run):
    _, long = make(run)
    common = row_of(long, "w2v", "favc", "favc", "common")
    lips = row_of(long, "w2v", "favc", "favc", "manipulation=lips")
    swap = row_of(long, "w2v", "favc", "favc", "manipulation=swap")
    silent = row_of(long, "w2v", "favc", "favc", "leading_silence")
    other = row_of(long, "w2v", "favc", "favc", "no_leading_silence")
    for row in (lips, swap, silent, other):
        assert row["real"] == common["real"]
    assert lips["fake"] + swap["fake"] == common["fake"]
    assert silent["fake"] + other["fake"] == common["fake"]
    # AUC is a mean over fakes, so the parts average to the whole.
    for one, two in ((lips, swap), (silent, other)):
        whole = (one["auc"] * one["fake"] + two["auc"] * two["fake"]) / common["fake"]
        assert whole == pytest.approx(common["auc"], abs=2e-6)


def test_subset_without_fakes_keeps_its_row(run):
    _, long = make(run)
    row = row_of(long, "lfcc", "favc", "avlips", "leading_silence")
    assert row["fake"] == 0 and row["real"] > 0
    metrics = ["auc", "auc_low", "auc_high", "ap", "eer"]
    assert [row[name] for name in metrics] == [None] * 5
    assert row["coverage"] is not None and row["interval"] == "DeLong 95%"


def test_coverage_by_class_counts_what_the_encoder_lost(run):
    _, long = make(run)
    audio = row_of(long, "lfcc", "favc", "favc", "all")  # loses one clip a class
    assert audio["coverage_real"] == pytest.approx(29 / 30, abs=1e-6)
    assert audio["coverage_fake"] == pytest.approx(28 / 29, abs=1e-6)
    visual = row_of(long, "clip", "favc", "favc", "all")  # loses a real
    assert visual["coverage_real"] == pytest.approx(29 / 30, abs=1e-6)
    assert visual["coverage_fake"] == 1


def test_failed_clips_count_as_chance_and_as_worst(run):
    _, long = make(run)
    for subset in ("all", "common"):  # both are about the encoder's own failures
        row = row_of(long, "lfcc", "favc", "favc", subset)
        area = row_of(long, "lfcc", "favc", "favc", "all")["auc"]
        known, pairs = 29 * 28, 30 * 29
        worst = area * known / pairs
        chance = worst + (pairs - known) / pairs / 2
        assert row["auc_failed_worst"] == pytest.approx(worst, abs=2e-6)
        assert row["auc_failed_chance"] == pytest.approx(chance, abs=2e-6)


def test_unseen_subsets_leave_out_who_was_trained_on(run):
    _, long = make(run)
    common = row_of(long, "w2v", "favc", "favc", "common")
    speaker = row_of(long, "w2v", "favc", "favc", "speaker_unseen")
    # Speakers 0 and 1 of ten; the lost clips are of others: 20, 5, 11, 12.
    lost = sum(i // 2 % 10 in (0, 1) for i in (*UNLABELLED, *NO_AUDIO, *NO_FACE))
    seen = sum(i // 2 % 10 in (0, 1) for i in range(CLIPS))
    assert speaker["clips"] == common["clips"] - (seen - lost)
    assert speaker["clusters"] == 8
    own = row_of(long, "w2v", "favc", "favc", "source_unseen")
    other = row_of(long, "w2v", "av1m", "favc", "source_unseen")
    assert own["clips"] == common["clips"] - 7  # eight, one of them unlabelled
    assert other["clips"] == common["clips"]  # sources have the name of their corpus
    # The names of speakers do not, so that they are seen across corpora too.
    across = row_of(long, "w2v", "av1m", "favc", "speaker_unseen")
    assert across["clips"] == speaker["clips"]


def test_unseen_subsets_are_empty_where_no_name_is_known(run):
    edit_manifest(run, "favc", speaker=None)
    _, long = make(run)
    for train, test in (("favc", "favc"), ("av1m", "favc"), ("favc", "av1m")):
        row = row_of(long, "lfcc", train, test, "speaker_unseen")
        assert (row["clips"], row["real"], row["fake"]) == (0, 0, 0)
        assert row["auc"] is None and row["coverage"] is None
        assert row_of(long, "lfcc", train, test, "source_unseen")["clips"] > 0


@pytest.mark.parametrize(
    ("unknown", "kind", "method"),
    [
        ([], "speaker", "bootstrap 95%"),
        (["speaker"], "source", "bootstrap 95%"),
        (
            ["speaker", "source"],
            None,
            "neither speaker nor source is known of all clips",
        ),
    ],
)
def test_clusters_are_speakers_or_else_sources(run, unknown, kind, method):
    edit_manifest(run, "favc", **dict.fromkeys(unknown))
    _, long = make(run)
    row = row_of(long, "lfcc", "favc", "favc", "common")
    assert (row["cluster"], row["cluster_interval"]) == (kind, method)
    if kind is None:
        assert row["clusters"] is None and row["auc_cluster_low"] is None
    else:
        assert row["auc_cluster_low"] < row["auc"] < row["auc_cluster_high"]
    assert row_of(long, "lfcc", "favc", "av1m", "common")["cluster"] == "speaker"


def test_a_single_speaker_has_no_interval_and_says_so(run):
    edit_manifest(run, "favc", speaker="id0")
    _, long = make(run)
    row = row_of(long, "lfcc", "favc", "favc", "common")
    assert (row["clusters"], row["cluster_interval"]) == (1, "too few speakers")
    assert row["auc_cluster_low"] is None
    assert 0 <= row["auc_low"] <= row["auc"]


def test_paired_tests_are_on_the_common_clips(run):
    tables = make_tables(run)
    table = pl.read_csv(tables.pairs, schema=PAIR_SCHEMA)
    assert table.height == 3 * len(PAIRS)
    assert table.select("encoder_a", "encoder_b").head(3).rows() == [
        ("lfcc", "w2v"),
        ("lfcc", "clip"),
        ("w2v", "clip"),
    ]
    long = read_long(tables.long)
    for row in table.iter_rows(named=True):
        areas = [
            row_of(long, row[name], row["train"], row["test"], "common")
            for name in ("encoder_a", "encoder_b")
        ]
        assert row["clips"] == areas[0]["clips"] == areas[1]["clips"]
        assert row["auc_a"] == areas[0]["auc"] and row["auc_b"] == areas[1]["auc"]
        assert 0 <= row["p"] <= row["p_holm"] <= 1


def test_scores_of_a_clip_that_no_manifest_lists_are_refused(run):
    path = run.manifests[0]
    pl.read_parquet(path).filter(pl.col("clip_id") != "favc/07").write_parquet(path)
    with pytest.raises(DataError, match="favc/07, which is not in the manifest"):
        make(run)


def test_every_row_is_in_the_order_of_the_configuration(run):
    _, long = make(run)
    keys = long.select("encoder", "train", "test").unique(maintain_order=True).rows()
    expected = [
        (name, *pair) for name in ENCODERS for pair in pairs(SPEC.train, SPEC.test)
    ]
    assert keys == expected
    assert long.height == len(expected) * 8
    inside = long.drop_nulls("auc")
    assert (inside["auc_low"] < inside["auc"]).all()
    assert (inside["auc"] < inside["auc_high"]).all()


def test_numbers_have_fixed_decimals_and_equal_input_gives_equal_bytes(run):
    tables = make_tables(run)
    first = [path.read_bytes() for path in tables[:3]]
    make_tables(run, scores=run.scores[::-1])
    assert [path.read_bytes() for path in tables[:3]] == first
    cells = pl.read_csv(tables.long, infer_schema=False).select(NUMBERS).rows()
    assert all(len(c.split(".")[1]) == 6 for row in cells for c in row if c)


def test_missing_and_unexpected_score_files_are_refused(run):
    with pytest.raises(DataError, match=r"encoder clip, .*avlips is missing"):
        make(run, scores=run.scores[:-1])
    stray = run.folder / "scores" / "linear" / "clip" / "lrs3" / "favc.parquet"
    with pytest.raises(DataError, match="not in the configuration"):
        make(run, scores=[*run.scores, stray])


def test_scores_of_other_clips_are_refused(run):
    path = run.score_path("clip", "av1m", "favc")
    write_scores(read_scores(path).head(CLIPS - 1), path)
    with pytest.raises(DataError, match="same test clips of favc"):
        make(run)


def test_one_undefined_pair_leaves_the_mean_empty(run):
    for path in run.scores:
        if path.stem == "avlips":
            table = read_scores(path).with_columns(label=pl.lit(0, pl.Int8))
            write_scores(table, path)
    matrix, _ = make(run)
    assert matrix["favc->avlips"].is_null().all()
    assert matrix["mean_ood"].is_null().all()
    assert matrix["favc->favc"].is_not_null().all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": pl.lit(None, pl.Float64)}, "belong together"),
        ({"score": pl.lit(np.nan)}, "belong together"),
        ({"status": pl.lit("no_face")}, "belong together"),
        ({"clip_id": pl.lit("same")}, "more than once"),
    ],
)
def test_score_file_that_contradicts_itself_is_refused(run, change, words):
    path = run.scores[0]
    read_scores(path).with_columns(**change).write_parquet(path)
    with pytest.raises(DataError, match=words):
        read_scores(path)


def test_score_file_without_a_column_is_refused(run):
    path = run.scores[0]
    read_scores(path).drop("score").write_parquet(path)
    with pytest.raises(DataError, match="no column score"):
        read_scores(path)


def test_every_head_has_its_matrix_and_all_share_their_clips(run):
    """A second head, on one encoder, that failed on a clip of its own."""
    lost = "avlips/30"
    scores = list(run.scores)
    for path in run.scores:
        if path.parts[-3] == "clip":
            head = path.parents[3] / "order" / Path(*path.parts[-3:])
            table = read_scores(path)
            bad = pl.col("clip_id") == lost
            table = table.with_columns(
                score=pl.when(~bad).then(-pl.col("score")),
                status=pl.when(bad).then(pl.lit("non_finite")).otherwise("status"),
            )
            write_scores(table, head)
            scores.append(head)
    other = HeadName(name="order", entry="order", seed=43, encoders=("clip",))
    spec = SPEC.model_copy(update={"heads": (HEAD, other)})
    names = ("m.csv", "l.csv", "p.csv", "o.csv")
    matrix, long, pairs_, order = (run.folder / name for name in names)
    tables = Tables(matrix, long, pairs_, [order])
    make_matrix(scores, run.manifests, run.crops, spec, tables)
    assert read_matrix(matrix)["encoder"].to_list() == ["lfcc", "w2v", "clip"]
    [other] = read_matrix(order).iter_rows(named=True)
    first = read_matrix(matrix).row(2, named=True)
    for name in ("favc->favc", "av1m->favc"):
        assert other[name] == pytest.approx(100 - first[name], abs=0.1)
    common = read_long(long).filter(subset="common", test="avlips")
    assert set(common["head"]) == {"linear", "order"}
    assert common["clips"].n_unique() == 1
    alone = make_tables(run).long
    before = read_long(alone).filter(subset="common", test="avlips")
    assert common["clips"][0] == before["clips"][0] - 1
