"""Peak memory and time of the stages that read the results of all encoders at once.

A tree of ``results/`` is made up that has the files of the paper's run (14 encoders,
all heads and pairs of corpora) and its numbers of clips: manifests, crop indexes,
scores and values over time, no features. Each stage then reads it in a process of its
own. ``--whole`` takes all 1,146,760 clips of AV-Deepfake1M (57,340 of them tested on)
for the 30,632 of the paper. A stage over the limit of memory ends the command with
status 1. The AUCs are those of made-up scores.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import yaml
from published_sizes import PAPER, WHOLE_AV1M, Corpus

from dfprobe.evaluation.tables.fusion import make_fusion
from dfprobe.evaluation.tables.fusion_tables import Tables as FusionTables
from dfprobe.evaluation.tables.matrix import Tables, make_matrix
from dfprobe.explain.temporal.tables import make_tables
from dfprobe.planning import fusion, heads, site, tables, temporal
from dfprobe.products import ScoreKey
from dfprobe.report.explorer.clips import make_clips
from dfprobe.report.pages.summary import write_summary
from dfprobe.settings.complete import complete_config, read_config
from dfprobe.settings.config import Config
from dfprobe.store.scores import write_scores

LIMIT_GB = 2.0
PAPER_CONFIG = Path("config/paper.yaml")
RATE_HZ = 25.0
_KINDS = ("real", "fake_video_fake_audio")


class Measured(NamedTuple):
    """What one stage took."""

    cpu_seconds: float
    peak_gb: float


def write_tree(config: Config, corpora: dict[str, Corpus]) -> None:
    """Write all files that the stages read below the working directory."""
    random = np.random.default_rng(43)
    tested: dict[str, pl.DataFrame] = {}
    for name, corpus in corpora.items():
        clips = _manifest(name, corpus, random)
        _write(clips, f"results/manifests/{name}.parquet")
        for (shard,), part in clips.group_by("shard"):
            index = _crop_index(part, corpus, random)
            _write(index, f"results/crops/{name}/{shard}.parquet")
        tested[name] = clips.filter(split="test")
        _write_curves(tested[name], corpus, random, f"curves-{name}.parquet")
        if corpus.train:
            val = clips.filter(split="val" if corpus.val else "test").head(5_000)
            for path in heads.of_matrix(config).val_scores():
                if Path(path).name == f"{name}.val.parquet":
                    _write_scores(val, random, path)
    for path in map(Path, temporal.score_files(config)):
        _write_scores(tested[path.stem], random, path)
    for path in map(Path, temporal.curve_files(config)):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(f"curves-{path.stem}.parquet", path)  # the same bytes, read anew


def _manifest(name: str, corpus: Corpus, random: np.random.Generator) -> pl.DataFrame:
    number, fake = pl.int_range(corpus.clips), pl.col("label") == 1
    splits = [
        pl.repeat(split, getattr(corpus, split), eager=True)
        for split in ("train", "val", "test")
    ]
    labels = (random.random(corpus.clips) < corpus.fakes).astype(np.int8)
    table = pl.DataFrame({"split": pl.concat(splits), "label": labels})
    none = pl.lit([], dtype=pl.List(pl.List(pl.Float64)))
    segments = pl.when(fake).then(pl.lit([[1.16, 1.72]])).otherwise(none)
    speaker = pl.format("id{}", 10_000 + number % 1_657)
    clip_id = pl.format(
        "{}/{}/-bCdEf{}/clip", pl.lit(name), speaker, 10_000_000 + number
    )
    return table.with_columns(
        clip_id=clip_id,
        path=pl.format("data/{}.mp4", clip_id),
        manipulation=pl.when(fake).then(pl.lit(_KINDS[1])).otherwise(pl.lit(_KINDS[0])),
        audio_fake=fake,
        video_fake=fake,
        audio_fake_segments=segments,
        video_fake_segments=segments,
        speaker=speaker,
        source=pl.format("-bCdEf{}", number // 4),
        shard=pl.format("{}", number % corpus.shards),
    ).sort("clip_id")


def _crop_index(
    clips: pl.DataFrame, corpus: Corpus, random: np.random.Generator
) -> pl.DataFrame:
    return clips.select(
        "clip_id",
        status=pl.lit("ok"),
        frames=pl.lit(_rows(corpus), dtype=pl.Int64),
        samples=pl.lit(int(corpus.mean_s * 16_000), dtype=pl.Int64),
        leading_silence_s=pl.Series(random.exponential(0.02, clips.height)),
    )


def _write_scores(
    clips: pl.DataFrame, random: np.random.Generator, path: str | Path
) -> None:
    scores = random.normal(clips["label"].to_numpy(), 1.0)
    table = clips.select("clip_id", "label", "manipulation", status=pl.lit("ok"))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_scores(table.with_columns(score=pl.Series(scores)), Path(path))


def _write_curves(
    clips: pl.DataFrame, corpus: Corpus, random: np.random.Generator, path: str
) -> None:
    rows = _rows(corpus)
    values = random.normal(size=(clips.height, rows)).astype(np.float32)
    curves = pl.Series(values, dtype=pl.Array(pl.Float32, rows)).arr.to_list()
    clock = {"rate_hz": pl.lit(RATE_HZ), "first_row_s": pl.lit(0.0)}
    _write(clips.select("clip_id", curve=curves, **clock), path)


def _rows(corpus: Corpus) -> int:
    return int(corpus.mean_s * RATE_HZ)


def _write(table: pl.DataFrame, path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(path)


def matrix(config: Config) -> None:
    """Make the matrix of all heads."""
    others = [Path(f"results/xdata_matrix_{head}.csv") for head in [*config.heads][1:]]
    names = ("xdata_matrix", "xdata_long", "xdata_pairs")
    make_matrix(
        _labelled_scores(config),
        _manifests(config),
        _indexes(),
        tables.matrix_spec(config),
        Tables(*(Path(f"results/{name}.csv") for name in names), others),
    )


def fuse(config: Config) -> None:
    """Make the tables of correlation and late fusion."""
    make_fusion(
        _matrix_scores(config),
        [Path(path) for path in heads.of_matrix(config).val_scores()],
        _manifests(config),
        fusion.fusion_spec(config),
        FusionTables(*(Path(f"results/fusion-{name}.csv") for name in "abc")),
    )


def localise(config: Config) -> None:
    """Make the tables of the temporal explanations."""
    make_tables(
        [Path(path) for path in temporal.curve_files(config)],
        [Path(path) for path in temporal.score_files(config)],
        _manifests(config),
        _indexes(),
        temporal.tables_spec(config),
        Path("results/localisation.csv"),
        Path("results/leading.csv"),
    )


def summarise(config: Config) -> None:
    """Write the summary; it reads the tables of `matrix`."""
    write_summary(
        Path("results/xdata_matrix.csv"),
        Path("results/xdata_long.csv"),
        _manifests(config),
        _indexes(),
        _matrix_scores(config),
        tables.matrix_spec(config),
        Path("results/summary.md"),
    )


def show_clips(config: Config) -> None:
    """Write the clips of AV-Deepfake1M for the report; its videos are not there."""
    make_clips(
        Path("results/manifests/av1m.parquet"),
        [Path(path) for path in site.probes(config, "av1m").scores()],
        [Path(path) for path in site.probes(config, "av1m").curves()],
        site.clips_spec(config),
        Path("results/report/clips/av1m/index.js"),
    )


STAGES: dict[str, Callable[[Config], None]] = {
    "make_matrix": matrix,
    "make_fusion": fuse,
    "make_localisation": localise,
    "write_summary": summarise,
    "make_report_clips": show_clips,
}


def _labelled_scores(config: Config) -> list[Path]:
    paths = map(Path, temporal.score_files(config))
    return [path for path in paths if ScoreKey.of(path).head in config.heads]


def _matrix_scores(config: Config) -> list[Path]:
    head = heads.of_matrix(config).name
    return [p for p in _labelled_scores(config) if ScoreKey.of(p).head == head]


def _manifests(config: Config) -> list[Path]:
    return [Path(f"results/manifests/{name}.parquet") for name in config.corpora]


def _indexes() -> list[Path]:
    return sorted(Path("results/crops").glob("*/*.parquet"))


def _shortened(config: Config, encoders: int | None) -> Config:
    """Keep the first encoders; heads on real clips need others, and go."""
    if encoders is None:
        return config
    given = yaml.safe_load(PAPER_CONFIG.read_text(encoding="utf-8"))
    names = list(given["encoders"])[:encoders]
    given["encoders"] = {name: given["encoders"][name] for name in names}
    for head in given["heads"].values():
        if "encoders" in head:
            head["encoders"] = [name for name in head["encoders"] if name in names]
    for key in ("anomaly", "fusion", "temporal", "spatial"):
        given.pop(key, None)
    return complete_config(given)


def measure(stage: str, config: Config) -> Measured:
    """Run one stage in this process."""
    start = time.process_time()
    STAGES[stage](config)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Measured(time.process_time() - start, peak_kb * 1024 / 1e9)


def run(config: Config, corpora: dict[str, Corpus], stages: Iterable[str]) -> bool:
    """Make the tree, measure each stage, print the table; whether all were in limit."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        pool.apply(write_tree, (config, corpora))
    kept = True
    for stage in stages:
        with context.Pool(1) as pool:
            took = pool.apply(partial(measure, stage), (config,))
        kept &= took.peak_gb < LIMIT_GB
        print(f"| {stage} | {took.cpu_seconds:.1f} | {took.peak_gb:.2f} |", flush=True)
    return kept


def main() -> None:
    """Parse the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--whole", action="store_true", help="all clips of AV-Deepfake1M"
    )
    parser.add_argument(
        "--stages", nargs="+", choices=STAGES, default=list(STAGES), metavar="STAGE"
    )
    parser.add_argument(
        "--folder", type=Path, help="with room: 1 GB, 3 GB with --whole"
    )
    parser.add_argument(
        "--encoders", type=int, help="of the 14: the first ones, for a shorter run"
    )
    arguments = parser.parse_args()
    config = _shortened(read_config(PAPER_CONFIG), arguments.encoders)
    corpora = PAPER | ({"av1m": WHOLE_AV1M} if arguments.whole else {})
    print(f"Limit: {LIMIT_GB:.0f} GB.\n\n| stage | CPU seconds | peak GB |")
    print("| :-- | --: | --: |")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        os.chdir(folder)
        kept = run(config, corpora, arguments.stages)
        os.chdir("/")
    sys.exit(not kept)


if __name__ == "__main__":
    main()
