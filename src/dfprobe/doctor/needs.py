"""What a run needs from the machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from dfprobe import products
from dfprobe.doctor.findings import Finding
from dfprobe.errors import DataError
from dfprobe.media.faces import predictor_file
from dfprobe.weights.records import weights_folder

HEADERS = ("need", "found")


def check_needs() -> Iterator[Finding]:
    """Look for the landmark model, a GPU, and folders with space."""
    try:
        yield Finding(("face landmark model", predictor_file().name))
    except DataError as error:
        yield Finding(("face landmark model", "missing"), str(error), ok=False)
    cuda = torch.cuda.is_available()
    yield Finding(
        ("GPU", torch.cuda.get_device_name() if cuda else "none: CPU is used")
    )
    yield Finding(("weights folder", str(weights_folder())))
    from huggingface_hub import constants

    yield Finding(("Hugging Face cache", constants.HF_HUB_CACHE))
    yield _results_folder(Path(products.RESULTS))


def _results_folder(folder: Path) -> Finding:
    existing = folder if folder.exists() else Path()
    if not os.access(existing, os.W_OK):
        problem = (
            f"the folder {folder} cannot be written to; run in a folder of your own"
        )
        return Finding(("results folder", "read only"), problem, ok=False)
    free = shutil.disk_usage(existing).free / 1e9
    return Finding(("results folder", f"{folder}, {free:.0f} GB free"))
