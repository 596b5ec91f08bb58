"""The tables of the temporal explanations: where in time the heads see the fake."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from dfprobe.evaluation.statistics.metrics import auc_with_interval
from dfprobe.evaluation.tables.corpus_scores import CorpusScores, join_scores
from dfprobe.explain.temporal import leading, localisation
from dfprobe.explain.temporal.curves import read_curves
from dfprobe.products import ScoreKey, manifest_corpus, shard_corpus
from dfprobe.rates import SAMPLES_PER_FRAME
from dfprobe.settings.stage_specs.explanations import CurvesEncoder, LocalisationSpec
from dfprobe.store.csv_files import decimals, write_csv
from dfprobe.store.files import Row
from dfprobe.store.parquet import read_parquet
from dfprobe.store.scores import score_files

_NAMES = dict.fromkeys(
    ("head", "encoder", "label", "modality", "train", "test"), pl.String
)
_CLASSIFICATION = ("classification_auc", "classification_low", "classification_high")
LOCALISATION_SCHEMA = {
    **_NAMES,
    "subset": pl.String,
    **localisation.COUNTS,
    **dict.fromkeys((*localisation.NUMBERS, *_CLASSIFICATION), pl.Float64),
}
LEADING_SCHEMA = {
    **_NAMES,
    "class": pl.String,
    **dict.fromkeys(("clips", "left_out"), pl.Int64),
    **dict.fromkeys(leading.NUMBERS, pl.Float64),
}
_NEEDS = "the tables of temporal explanations need one for every head and test corpus"
_FACTS = (
    *("clip_id", "speaker", "source", "audio_fake", "video_fake"),
    *("audio_fake_segments", "video_fake_segments"),
)


def make_tables(
    curves: Sequence[Path],
    scores: Sequence[Path],
    manifests: Sequence[Path],
    crops: Sequence[Path],
    spec: LocalisationSpec,
    out_localisation: Path,
    out_leading: Path,
) -> None:
    """Write the tables of localisation and of the first moments.

    Parameters
    ----------
    curves, scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet`` of the same heads.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the test corpora.
    crops : sequence of Path
        ``.../{corpus}/{shard}.parquet``, indexes of the crops of the test corpora.
    spec : LocalisationSpec
        The heads, their encoders and pairs of encoders, and the test corpora.
    out_localisation : Path
        CSV to write, columns of `LOCALISATION_SCHEMA`: a row for each head, encoder,
        training corpus, localised corpus and subset of the fakes.
    out_leading : Path
        CSV to write, columns of `LEADING_SCHEMA`: a row for each head that takes the
        log-sum-exp, encoder, pair of corpora and class.

    Raises
    ------
    DataError
        If a file is missing or unexpected, or the files are not of the same clips.
    """
    encoders = {entry.name: entry for entry in spec.encoders}
    summed = {head.name for head in spec.heads if head.log_sum_exp}
    expected = {test: list(_keys(spec, test)) for test in spec.test}
    wanted = [key for keys in expected.values() for key in keys]
    score_of = score_files(scores, wanted, _NEEDS)
    curve_of = score_files(curves, wanted, _NEEDS)
    facts = temporal_facts(manifests, crops)
    placed: list[Row] = []
    first: list[Row] = []
    for test, keys in expected.items():
        if not keys:
            continue
        files = {key: score_of[key] for key in keys}
        corpus = join_scores(files, test, facts[test])
        for key in keys:
            about = encoders[key.encoder]
            names = _names(key, about)
            values = read_curves(curve_of[key], corpus.clips)
            if test in spec.localised:
                area = _classification(corpus, key)
                rows = localisation.localise(corpus.clips, corpus.common, values)
                placed += [names | row | area for row in rows]
            if key.head in summed:
                rows = leading.lead(corpus.clips, corpus.common, values)
                first += [names | row for row in rows]
    numbers = (*localisation.NUMBERS, *_CLASSIFICATION)
    _write(placed, LOCALISATION_SCHEMA, numbers, out_localisation)
    _write(first, LEADING_SCHEMA, leading.NUMBERS, out_leading)


def temporal_facts(
    manifests: Sequence[Path], crops: Sequence[Path]
) -> dict[str, pl.DataFrame]:
    """Read what is known of the test clips of each corpus.

    Returns
    -------
    dict of str to pl.DataFrame
        ``clip_id, speaker, source, audio_fake, video_fake, audio_fake_segments,
        video_fake_segments`` of the manifest; ``frames`` (at 25 a second; null if the
        clip has neither video nor sound) and ``leading_silence_s`` of the crops.
    """
    facts = {}
    for path in manifests:
        clips = read_parquet(path, columns=["split", *_FACTS])
        clips = clips.filter(pl.col("split") == "test").drop("split")
        corpus = manifest_corpus(path)
        indexes = [crop for crop in crops if shard_corpus(crop) == corpus]
        media = _media_facts(indexes, clips["clip_id"])
        facts[corpus] = clips.join(media, on="clip_id", how="left")
    return facts


def read_localisation(path: Path) -> pl.DataFrame:
    """Read the table of localisation."""
    return pl.read_csv(path, schema=LOCALISATION_SCHEMA)


def read_leading(path: Path) -> pl.DataFrame:
    """Read the table of the first moments."""
    return pl.read_csv(path, schema=LEADING_SCHEMA)


def _media_facts(indexes: Sequence[Path], clip_ids: pl.Series) -> pl.DataFrame:
    schema = pl.Schema(
        {
            "clip_id": pl.String,
            "frames": pl.Int64,
            "samples": pl.Int64,
            "leading_silence_s": pl.Float64,
        }
    )
    tables = [
        read_parquet(path, columns=list(schema))
        .cast(schema)
        .filter(pl.col("clip_id").is_in(clip_ids.implode()))
        for path in indexes
    ]
    # A clip without video is as long as its sound.
    heard = pl.col("samples") // SAMPLES_PER_FRAME
    return (
        pl.concat(tables)
        .with_columns(frames=pl.coalesce("frames", heard))
        .drop("samples")
    )


def _keys(spec: LocalisationSpec, test: str) -> Iterator[ScoreKey]:
    for head in spec.heads:
        if test in head.test:
            for encoder in head.encoders:
                for train in head.train:
                    yield ScoreKey(head.name, encoder, train, test)


def _names(key: ScoreKey, about: CurvesEncoder) -> dict[str, str]:
    return {
        "head": key.head,
        "encoder": key.encoder,
        "label": about.label,
        "modality": about.modality,
        "train": key.train,
        "test": key.test,
    }


def _classification(corpus: CorpusScores, key: ScoreKey) -> dict[str, float | None]:
    """AUC of the clip scores on the clips that all heads could score."""
    values = corpus.scores[key][corpus.common]
    found = auc_with_interval(corpus.labels[corpus.common], values)
    return dict(zip(_CLASSIFICATION, found, strict=True))


def _write(
    rows: list[Row],
    schema: Mapping[str, Any],
    numbers: Sequence[str],
    out: Path,
) -> None:
    table = pl.DataFrame(rows, schema=schema)
    write_csv(table.with_columns(decimals(numbers, "{:.6f}")), out)
