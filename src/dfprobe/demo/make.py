"""Entry: make one demo corpus in a native layout, resume it, keep it up to date."""

import hashlib
import importlib
import json
from pathlib import Path, PurePosixPath
from types import ModuleType

from dfprobe import recipes
from dfprobe.demo.film import make_source
from dfprobe.demo.plans.plan import SourcePlan
from dfprobe.demo.record import Record
from dfprobe.errors import ConfigError
from dfprobe.progress import Progress
from dfprobe.settings.corpora import Demo
from dfprobe.settings.corpus_layouts import generated
from dfprobe.store.files import write_whole
from dfprobe.store.listing import listing_text

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes


def make_demo(corpus_layout: str, root: Path, demo: Demo, listing: Path) -> None:
    """Make a demo corpus.

    Sources that stand from an earlier run with the same key are not made again; files
    of an earlier spec are removed if the generator wrote them. Beside the corpus root
    lie ``truth/`` (ground truth, see ``truth``), ``splits/`` (published lists, where
    the corpus has some) and the record. The ``listing`` of every file that was
    generated is written last.

    Raises
    ------
    ConfigError
        If the layout is not one that can be made.
    DataError
        If a file that the generator did not write stands in the way.
    """
    plans = _plans(corpus_layout, demo)
    truth = root.parent / "truth"
    wanted = {plan.name: _files(plan, root, truth) for plan in plans}
    texts: dict[Path, str] = planner(corpus_layout).lists(root, plans)
    media = [file for files in wanted.values() for file in files]
    root.mkdir(parents=True, exist_ok=True)
    record = Record(root.parent, root.name)
    record.remove_others([*media, *texts])
    recipe = json.dumps(recipes.demo())
    progress = Progress(f"demo {root.parent.name}", len(plans), unit="sources")
    for plan in plans:
        files, key = wanted[plan.name], _key(recipe, repr(plan))
        if not record.holds(plan.name, key, files):
            record.begin(plan.name, files)
            make_source(plan, root, truth)
            record.finish(plan.name, key, files)
        progress.step()
    _write_texts(record, texts)
    with write_whole(listing) as draft:
        text = listing_text(root.parent, [*media, *texts])
        draft.write_text(text, encoding="utf-8", newline="")


def _plans(layout: str, demo: Demo) -> list[SourcePlan]:
    if layout not in generated():
        raise ConfigError(
            f"Demo corpus: expected a layout of {', '.join(generated())}, got "
            f"{layout!r}."
        )
    sources = demo.sources.model_dump()
    plans: list[SourcePlan] = planner(layout).plan(demo.seed, sources)
    return plans


def planner(layout: str) -> ModuleType:
    """Import the module that plans corpora in a layout, one of `generated`."""
    return importlib.import_module(f"dfprobe.demo.plans.{layout}")


def _files(plan: SourcePlan, root: Path, truth: Path) -> list[Path]:
    """Every file that a source consists of."""
    files = []
    for clip in plan.clips:
        files.append(root / clip.path)
        files.append(truth / PurePosixPath(clip.path).with_suffix(".npz"))
        if clip.wav is not None:
            files.append(root / clip.wav)
    return files


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _write_texts(record: Record, texts: dict[Path, str]) -> None:
    """Write metadata and split lists; files that already say so are left untouched."""
    key = _key(*(f"{path.name}\n{text}" for path, text in texts.items()))
    if record.holds("lists", key, texts):
        return
    record.begin("lists", texts)
    for path, text in texts.items():
        with write_whole(path) as draft:
            draft.write_text(text, encoding="utf-8", newline="")
    record.finish("lists", key, texts)
