"""``dfprobe score``: videos and trained probes in, scores out."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dfprobe.errors import DataError
from dfprobe.progress import Progress
from dfprobe.score.probes import find_heads, load_readers
from dfprobe.score.scoring import score_video
from dfprobe.score.tables import (
    CALIBRATION,
    Table,
    check_format,
    row_of,
    write_curve,
    write_scores,
)
from dfprobe.score.videos import find_videos, relative_names
from dfprobe.status import Status
from dfprobe.store.files import Row


def score(
    names: Sequence[Path], heads: Sequence[str], out: Path | None, curves: Path | None
) -> None:
    """Score videos without labels and without the workflow; print a table.

    Parameters
    ----------
    names : sequence of Path
        Videos, folders and lists, see `find_videos`.
    heads : sequence of str
        Head files, or encoders, see `find_heads`.
    out : Path or None
        ``.csv`` or ``.json`` file to write.
    curves : Path or None
        Folder for one file per clip and probe, with the logit of every row.

    Raises
    ------
    ConfigError, DataError, EncoderError
        If nothing can be scored; DataError also after all was written, if a clip has
        no score.
    """
    if out is not None:
        check_format(out)
    videos = find_videos(names)
    readers = load_readers(find_heads(heads))
    table = Table([named for reader in readers for named in reader.probes])
    progress = Progress("score", len(videos))
    rows: list[Row] = []
    _print(table.header())
    for video, name in zip(videos, relative_names(videos), strict=True):
        for result in score_video(video, readers):
            _print(table.line(result))
            if curves is not None and result.status is Status.OK:
                write_curve(result, curves, name)
            rows.append(row_of(result))
        progress.step()
    _print(f"probability = {CALIBRATION}")
    if out is not None:
        write_scores(rows, out)
    _check_all_scored(rows)


def _check_all_scored(rows: Sequence[Row]) -> None:
    failed = {row["clip"] for row in rows if row["status"] != Status.OK}
    if failed:
        clips = len({row["clip"] for row in rows})
        raise DataError(
            f"{len(failed)} of {clips} clips have no score from every probe; the "
            "table says why."
        )


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
