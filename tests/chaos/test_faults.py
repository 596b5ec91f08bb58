"""Full disks, damaged and unreadable files, missing outputs, two runs at once.

The next run ends with the same bytes, or stops and says what to do; done so, the run
after it ends with the same bytes.
"""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from chaos.chaos_run import (
    assert_same,
    command,
    environment,
    products,
    snakemake,
)
from dfprobe.errors import DataError
from dfprobe.heads.files.head_file import read_head
from dfprobe.store.crops import CropReader
from dfprobe.store.features import FeatureReader
from dfprobe.store.files import kept
from dfprobe.store.parquet import read_parquet

CROPS = "results/crops/avlips_like/000.h5"
CROPS_INDEX = "results/crops/avlips_like/000.parquet"
STORE = "results/features/lfcc/avlips_like/000.zarr.zip"
HEAD = "results/heads/order/lfcc/favc_like.safetensors"
SCORES = "results/scores/linear/residual/favc_like/favc_like.parquet"
FLIPS = 25  # of each kind of file


def read_crops(path: Path) -> list:
    index = path.with_suffix(".parquet")
    with CropReader(path, index) as crops:
        clips = [crops.arrays(clip_id) for clip_id in crops.index["clip_id"]]
    return [{name: a.tobytes() for name, a in clip.items()} for clip in clips]


def read_store(path: Path) -> list:
    with FeatureReader(path) as store:
        rows = [store.clip(clip_id).tobytes() for clip_id in store.index["clip_id"]]
        return [store.attributes, store.index.rows(), rows]


def read_transformer(path: Path) -> list:
    tensors, metadata = read_head(path, "transformer")
    return [metadata, {name: a.tobytes() for name, a in tensors.items()}]


def read_rows(path: Path) -> list:
    return read_parquet(path).rows()


READERS = {
    CROPS: read_crops,
    STORE: read_store,
    HEAD: read_transformer,
    SCORES: read_rows,
}


@pytest.fixture(params=READERS, ids=["crops", "features", "head", "scores"])
def file(request, undisturbed, tmp_path) -> tuple[Path, Callable[[Path], list]]:
    """A copy of one product, and what reads it."""
    source = undisturbed / request.param
    copy = Path(shutil.copy(source, tmp_path))
    if request.param == CROPS:
        shutil.copy(undisturbed / CROPS_INDEX, tmp_path)
    return copy, READERS[request.param]


def test_a_flipped_bit_is_noticed_or_harmless(file):
    path, read = file
    content, expected = path.read_bytes(), read(path)
    rng = Random(43)
    ends = [rng.randrange(2000), len(content) - 1 - rng.randrange(2000)]
    places = [rng.randrange(len(content)) for _ in range(FLIPS)]
    noticed = 0
    for place in [*(place % len(content) for place in ends), *places]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert read(path) == expected, place
        except DataError as error:
            noticed += 1
            assert str(path) in str(error)
    assert noticed > FLIPS // 2


@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_truncated_file_is_refused_with_what_to_do(file, share):
    path, read = file
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(DataError, match=rf"{path.name}.*(Delete|delete)"):
        read(path)


def test_a_folder_in_place_of_a_file_is_named(file):
    path, read = file
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match=path.name):
        read(path)


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="no file that fails to be read"
)
def test_a_file_that_the_disk_fails_to_read_is_named(file):
    path, read = file
    path.unlink()
    path.symlink_to("/proc/self/mem")  # reading its start is an I/O error
    with pytest.raises(DataError, match=path.name):
        read(path)


def flip(path: Path) -> None:
    """Flip a byte in the middle as a failing disk does: no time stamp changes."""
    stamp = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    if kept(path).exists():  # the same file in a project that was not copied
        kept(path).unlink()
        os.link(path, kept(path))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_damage_stops_what_reads_it_and_is_made_good(project, expected):
    # What is damaged, and what is made from it and is not there.
    damaged = {
        "results/features/layered/favc_like/000.zarr.zip": "results/layers/layered",
        CROPS: STORE,
        "results/heads/linear/theirs/favc_like.safetensors": (
            "results/scores/linear/theirs/favc_like/avlips_like.parquet"
        ),
        SCORES: "results/spatial/residual/favc_like/favc_like.parquet",
    }
    for path, product in damaged.items():
        flip(project / path)
        remove(project / product)
    kept(project / STORE).unlink()
    stopped = snakemake(project)
    assert stopped.returncode == 1
    for path in damaged:
        assert said(stopped.stdout, path, "damaged after it was written", "Delete it")
        (project / path).unlink()  # as the message says
    run = snakemake(project)
    assert run.returncode == 0, run.stdout
    assert_same(products(project), expected)


def remove(path: Path) -> None:
    """Remove a product, be it a file or a folder that one job fills."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def said(text: str, path: str, *words: str) -> bool:
    """Whether one line of a log says all that."""
    return any(
        path in line and all(word in line for word in words)
        for line in text.splitlines()
    )


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Put a folder's content on a small disk of its own."""
    content = folder.with_name("content")
    folder.rename(content)
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode()}")
    try:
        shutil.copytree(content, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path, left: int) -> None:
    """Write until the disk has no more than some bytes left."""
    disk = os.statvfs(path.parent)
    with path.open("wb", buffering=0) as file:
        file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - left)))


STAGES = ["crops", "features", "heads"]


def test_a_disk_that_fills_up_stops_the_run_and_loses_nothing(project, expected):
    with small_disk(project / "results", 96):
        for path in (HEAD, STORE, CROPS):  # none needs one that is gone by then
            whole = project / path
            room = whole.stat().st_size // 2
            whole.unlink()
            kept(whole).unlink(missing_ok=True)
            fill(project / "results/ballast", room)
            stopped = snakemake(project, path)
            assert stopped.returncode == 1
            folder = str(Path(path).parent)  # the first of its outputs, or its journal
            assert said(stopped.stdout, folder, "the disk is full", "Make room")
            (project / "results/ballast").unlink()
        run = snakemake(project)
        assert run.returncode == 0, run.stdout
        assert_same(products(project), expected)


@pytest.mark.parametrize("path", [CROPS, STORE, HEAD], ids=STAGES)
def test_a_limit_on_the_size_of_files_does_the_same(project, expected, path):
    """What can be tried where nothing can be mounted."""
    whole = project / path
    size = whole.stat().st_size
    whole.unlink()
    kept(whole).unlink(missing_ok=True)
    limited = subprocess.run(
        command(path),
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1,) * 2),
    )
    assert limited.returncode == 1
    folder = str(Path(path).parent)
    assert said(limited.stdout, folder, "the disk is full", "Make room")
    run = snakemake(project, path)
    assert run.returncode == 0, run.stdout
    assert (project / path).read_bytes() == expected[path.removeprefix("results/")]


def test_two_runs_at_once_and_outputs_removed(project, expected):
    rng = Random(43)
    names = [name for name in expected if not Path(name).name.startswith(".")]
    # Of a folder that one job fills, Snakemake looks at the folder alone.
    apart = ("demo", "code", "report", "layers/layered/")
    made = [name for name in names if not name.startswith(apart)]
    for name in rng.sample(made, 6):
        (project / "results" / name).unlink()
    runs = [
        subprocess.Popen(
            command(),
            cwd=project,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [run.communicate()[0] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 1], outputs
    refused = next(o for o, r in zip(outputs, runs, strict=True) if r.returncode)
    # Snakemake plans before it locks: it may miss a file that the other run makes.
    sentences = ("Directory cannot be locked", "a concurrent process has deleted it")
    assert any(sentence in refused for sentence in sentences), refused
    assert_same(products(project), expected)
