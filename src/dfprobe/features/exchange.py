"""Features from outside as an encoder's stores, and stores as feature files.

The layout of the files is the published one, see `dfprobe.features.feature_files`.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe import recipes
from dfprobe.clip_ids import check_plain
from dfprobe.errors import ClipError, DataError
from dfprobe.features.feature_files import find_file, read_rows, write_rows
from dfprobe.features.rows import Encoded
from dfprobe.features.update import FeatureProduct
from dfprobe.products import manifest_corpus
from dfprobe.settings.file_streams import MODALITIES, folder_of
from dfprobe.settings.stage_specs.features import FilesSpec
from dfprobe.status import Status
from dfprobe.store.features import Attributes, FeatureReader
from dfprobe.store.files import Row, write_whole
from dfprobe.store.hashes import key_of
from dfprobe.store.parquet import read_parquet
from dfprobe.store.shards import update_shard

_STREAMS = {modality: stream for stream, modality in MODALITIES.items()}

log = logging.getLogger("dfprobe")


def import_features(manifest: Path, shard: str, spec: FilesSpec, out: Path) -> None:
    """Bring the feature store of one shard up to date with feature files.

    Parameters
    ----------
    manifest, shard
        Manifest of the corpus (Parquet), named after it, and its shard, e.g. ``"000"``.
    spec : FilesSpec
        The encoder; ``{corpus}`` in its root stands for the name of the corpus.
    out : Path
        Feature store to write, see `dfprobe.store.features`.

    Raises
    ------
    DataError
        If the folder is not there or holds no file of any clip, or too many clips of
        the shard have none that can be used.
    """
    encoder, corpus = spec.encoder, manifest_corpus(manifest)
    root = Path(folder_of(encoder.root, corpus))
    if not root.is_dir():
        raise DataError(
            f"encoder {encoder.name}: expected a folder with feature files of the "
            f"corpus {corpus}, {root}, which is not there. Correct encoders."
            f"{encoder.name}.root in the config."
        )
    listed = read_parquet(manifest, columns=["clip_id", "split", "shard"])
    here = pl.col("shard") == shard
    stream = encoder.stream
    dim = _dim(pl.concat([listed.filter(here), listed.filter(~here)]), root, stream)
    update_shard(
        FeatureProduct(
            task=f"features {encoder.name} {corpus}/{shard}",
            files=(out,),
            clips=_clips(listed.filter(here), root),
            max_failed_share=spec.max_failed_share,
            dim=dim,
            dtype=spec.dtype,
            attributes=files_provenance(spec),
            encode=partial(_read, stream=stream, dim=dim),
        )
    )


def files_provenance(spec: FilesSpec) -> Attributes:
    """Attributes of a store of rows from outside, as `keys.provenance` of others."""
    encoder, settings = spec.encoder.model_dump(), {"dtype": spec.dtype}
    made_from = {
        "encoder": encoder | {"name": None},
        "settings": settings,
        "recipes": recipes.feature_files(),
    }
    return {
        "encoder": encoder,
        "encoder_key": key_of(made_from),
        "weights_hash": "files",
        "settings": settings,
        "crops": None,
        "layers": 1,
        "modality": MODALITIES[encoder["stream"]],
        "rate_hz": encoder["rate_hz"],
        "first_row_s": encoder["first_row_s"],
        "versions": {"numpy": np.__version__},
    }


def export_features(stores: list[Path], folder: Path) -> None:
    """Write the clips of feature stores as files in the published layout.

    Clips without rows get no file; how many there are, and why, is logged.

    Parameters
    ----------
    stores : list of Path
        ``.zarr.zip`` files of one encoder on one corpus.
    folder : Path
        Gets an npz for each clip, with the stored rows in the stored type.

    Raises
    ------
    DataError
        If a store cannot be read, or a clip is in two of them.
    """
    written: set[str] = set()
    statuses: Counter[str] = Counter()
    for path in stores:
        with FeatureReader(path) as reader:
            check_plain(reader.index["clip_id"], folder)
            statuses.update(reader.index["status"])
            clips = reader.index.filter(pl.col("rows") > 0)["clip_id"].to_list()
            double = written.intersection(clips)
            if double:
                raise DataError(
                    f"{path}: clip {min(double)} is in another of these stores too. "
                    "Export one encoder and one corpus per call."
                )
            written.update(clips)
            for clip_id in clips:
                _write(reader, clip_id, folder)
    failed = ", ".join(f"{n} {s}" for s, n in sorted(statuses.items()) if s != "ok")
    log.info("%s: %d files; no file: %s", folder, len(written), failed or "none")


def _write(reader: FeatureReader, clip_id: str, folder: Path) -> None:
    stream = _STREAMS[reader.attributes["modality"]]
    with write_whole(folder / f"{clip_id}.npz") as draft:
        write_rows(draft, reader.clip(clip_id), stream)


def _clips(listed: pl.DataFrame, root: Path) -> pl.DataFrame:
    """Clips with their files, whose size and time tell whether they have changed."""
    files = [find_file(root, split, clip_id) for clip_id, split in _ids(listed)]
    states = [None if file is None else file.stat() for file in files]
    keys = [
        Status.MISSING.value if s is None else f"{s.st_size}-{s.st_mtime_ns}"
        for s in states
    ]
    return listed.select(
        "clip_id",
        pl.Series("path", [file and str(file) for file in files], pl.String),
        pl.Series("content_key", keys, pl.String),
        pl.lit("").alias("crops_key"),
    )


def _dim(listed: pl.DataFrame, root: Path, stream: str) -> int:
    """Length of a row in the first file that can be read."""
    for clip_id, split in _ids(listed):
        file = find_file(root, split, clip_id)
        if file is not None:
            try:
                return read_rows(file, stream).shape[1]
            except ClipError as error:
                log.warning("%s", error)
    raise DataError(
        f"{root}: none of {listed.height} clips has a feature file that can be read. "
        f"Expected the path of the clip without its suffix, then .npz or .npy, such as "
        f"{root / listed['clip_id'][0]}.npz."
    )


def _ids(listed: pl.DataFrame) -> Iterator[tuple[str, str]]:
    yield from listed.select("clip_id", "split").iter_rows()


def _read(clips: pl.DataFrame, stream: str, dim: int) -> Iterator[Encoded]:
    for row in clips.iter_rows(named=True):
        try:
            yield Encoded(row, _rows(row, stream, dim))
        except ClipError as error:
            yield Encoded(row, np.empty((0, dim), np.float32), error=error)


def _rows(row: Row, stream: str, dim: int) -> np.ndarray:
    if row["path"] is None:
        raise ClipError(Status.MISSING, "there is no feature file of this clip")
    rows = read_rows(Path(row["path"]), stream)
    if rows.shape[1] != dim:
        raise ClipError(
            Status.UNREADABLE,
            f"{row['path']} holds rows of {rows.shape[1]}, other files rows of {dim}",
        )
    return rows
