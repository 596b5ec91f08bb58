"""A small run's score files, manifests and crop indexes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.evaluation.tables.matrix import Tables, make_matrix
from dfprobe.settings.stage_specs.tables import EncoderRow, HeadName, MatrixSpec
from dfprobe.store.scores import write_scores

_ENCODERS = (
    ("lfcc", "LFCC", "audio", "none"),
    ("w2v", "Wav2Vec2 random", "audio", "random"),
    ("clip", "CLIP", "visual", "org/clip"),
)
_NAMES = ("name", "label", "modality", "weights")
ENCODERS: dict[str, EncoderRow] = {
    row[0]: EncoderRow(**dict(zip(_NAMES, row, strict=True)), untrimmed=None)
    for row in _ENCODERS
}
HEAD = HeadName(name="linear", entry="linear", seed=43, encoders=tuple(ENCODERS))
SPEC = MatrixSpec(
    heads=(HEAD,),
    encoders=tuple(ENCODERS.values()),
    corpora={},
    train=("favc", "av1m"),
    test=("favc", "av1m", "avlips"),
)
CLIPS = 60  # a test corpus
TRAINING = 8  # clips of a training corpus
SPEAKERS = 10  # of a test corpus, the first two of which are trained on
UNLABELLED, NO_AUDIO, NO_FACE = (5,), (11, 12), (20,)


class Run(NamedTuple):
    folder: Path
    scores: list[Path]
    manifests: list[Path]
    crops: list[Path]

    def score_path(self, encoder: str, train: str, test: str) -> Path:
        return self.folder / "scores" / "linear" / encoder / train / f"{test}.parquet"


def make_tables(run: Run, scores: list[Path] | None = None) -> Tables:
    """Write the tables of a run."""
    names = ("xdata_matrix.csv", "xdata_long.csv", "xdata_pairs.csv")
    tables = Tables(*(run.folder / name for name in names))
    make_matrix(scores or run.scores, run.manifests, run.crops, SPEC, tables)
    return tables


def make_run(folder: Path) -> Run:
    run = Run(folder, [], [], [])
    rng = np.random.default_rng(11)
    for test in SPEC.test:
        clips = _clips(test)
        run.manifests.append(folder / "manifests" / f"{test}.parquet")
        run.crops.append(folder / "crops" / test / "000.parquet")
        for path in (run.manifests[-1], run.crops[-1]):
            path.parent.mkdir(parents=True, exist_ok=True)
        listed = clips.drop("leading_silence_s", "status")
        listed = pl.concat([listed, _training_clips(listed)])
        listed.write_parquet(run.manifests[-1])
        clips.select("clip_id", "status", "leading_silence_s").write_parquet(
            run.crops[-1]
        )
        for encoder, entry in ENCODERS.items():
            for train in SPEC.train:
                table = _scored(clips, entry.modality, rng)
                run.scores.append(run.score_path(encoder, train, test))
                write_scores(table, run.scores[-1])
    return run


def _clips(test: str) -> pl.DataFrame:
    """Even clips are real; fakes are lip-synced or swapped; some begin silent."""
    position = np.arange(CLIPS)
    fake = position % 2 == 1
    silence = np.where(fake & (position % 4 == 1), 0.04, 0.001)
    if test == "avlips":
        silence[:] = 0.0
    table = pl.DataFrame(
        {
            "clip_id": [f"{test}/{i:02d}" for i in position],
            "split": ["test"] * CLIPS,
            "label": [None if i in UNLABELLED else int(i % 2) for i in position],
            "manipulation": np.where(
                fake, np.where(position % 6 == 1, "lips", "swap"), "real"
            ),
            "leading_silence_s": [
                None if i in NO_AUDIO else float(s)
                for i, s in zip(position, silence, strict=True)
            ],
            "speaker": [f"id{i // 2 % SPEAKERS}" for i in position],
            "source": [f"{test}/{i // 2}" for i in position],
            "status": [
                "no_audio" if i in NO_AUDIO else "no_face" if i in NO_FACE else "ok"
                for i in position
            ],
        },
        schema_overrides={"label": pl.Int8},
    )
    return table


def _training_clips(test_clips: pl.DataFrame) -> pl.DataFrame:
    """Clips of the speakers 0 and 1, and of the sources 0 to 3 of the same corpus."""
    return test_clips.head(TRAINING).with_columns(
        clip_id=pl.lit("train/") + pl.col("clip_id"),
        split=pl.lit("train"),
        speaker=pl.col("speaker").replace({"id2": "id0", "id3": "id1"}),
    )


def _scored(
    clips: pl.DataFrame, modality: str, rng: np.random.Generator
) -> pl.DataFrame:
    failed = {"audio": "no_audio", "visual": "no_face"}[modality]
    signal = clips["label"].fill_null(0).to_numpy()
    scores = pl.Series("score", rng.standard_normal(CLIPS) + 1.5 * signal)
    lost = pl.col("status") == failed
    return clips.with_columns(
        status=pl.when(lost).then("status").otherwise(pl.lit("ok")),
        score=pl.when(~lost).then(scores),
    )
