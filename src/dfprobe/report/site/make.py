"""The report site: pages that open from disk, with all that they need beside them."""

import shutil
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import yaml

from dfprobe.audit.findings import read_findings
from dfprobe.report.explorer.choice import RULE
from dfprobe.report.explorer.scripts import Json, write_call
from dfprobe.report.markup import render
from dfprobe.report.palette import CLASSES, SERIES
from dfprobe.report.site.detectors import detector_grids
from dfprobe.report.site.explanations import explanation_charts, explanation_grids
from dfprobe.report.site.fusion import best_sets, fusion_charts
from dfprobe.report.site.matrix import facts, matrices
from dfprobe.report.site.provenance import costs, provenance_grids
from dfprobe.report.site.run_tables import Run, read_tables
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.report import SiteSpec
from dfprobe.store.files import write_whole

_LINKS = [
    ("Matrix", "#matrix"),
    ("Fusion", "#fusion"),
    ("When", "#when"),
    ("Where", "#where"),
    ("Detectors", "#detectors"),
    ("Audits", "#audits"),
    ("Provenance", "#provenance"),
    ("Clip explorer", "explorer.html"),
]
_SCRIPTS = ("site/site.js", "explorer/explorer.js")
_PLOTLY = "plotly.min.js"
_PICTURES = ("temporal", "spatial", "overlays")  # figures, or their folders


class Sources(NamedTuple):
    """Files that the site is made from."""

    tables: Sequence[Path]  # CSV files of the results
    audits: Sequence[Path]  # pages, {corpus}.html
    findings: Sequence[Path]  # {corpus}/findings.csv
    comparison: Path  # page of the comparison with the paper
    figures: Sequence[Path]  # of clips over time and of maps over frames
    manifests: Sequence[Path]
    stores: Sequence[Path]  # one of each encoder


def make_site(sources: Sources, spec: SiteSpec, out: Path) -> None:
    """Write the pages of the site and what they load, except for the clips.

    Parameters
    ----------
    out : Path
        ``index.html``. Beside it: ``explorer.html``, ``data.js``,
        ``provenance.js`` (times and sizes: all that differs from run to run),
        ``paper_comparison.html``, and the folders ``assets``, ``tables``, ``audit``,
        ``figures``.

    Raises
    ------
    DataError
        If a table cannot be read.
    """
    folder, results = out.parent, out.parents[1]
    (folder / "figures").mkdir(parents=True, exist_ok=True)  # also where none is
    run = Run(spec, read_tables(sources.tables, results))
    _copy_all(sources, results, folder)
    charts = fusion_charts(run) | explanation_charts(run)
    write_call(folder / "data.js", "data", {"charts": charts})
    write_call(folder / "provenance.js", "provenance", costs(results))
    write_call(folder / "explorer_data.js", "explorer", _explorer_data(run))
    _write(folder / "explorer.html", _explorer())
    _write(out, _report(run, sources, charts))


def _report(run: Run, sources: Sources, charts: dict[str, list[Json]]) -> str:
    pictures = [_below_figures(path) for path in sources.figures]
    findings = {path.parent.name: read_findings(path) for path in sources.findings}
    grids = explanation_grids(run) | detector_grids(run)
    grids |= provenance_grids(
        run, sources.manifests, sources.stores, run.spec.weights_notes
    )
    if "correlation" in charts:
        grids["fusion/sets"] = best_sets(run)
    return render(
        "report.html",
        title="dfprobe: report of a run",
        links=_LINKS,
        scripts=["assets/site.js", f"assets/{_PLOTLY}", "data.js", "provenance.js"],
        facts=facts(run),
        demo=run.spec.demo,
        matrices=matrices(run),
        grids=grids,
        charts=charts,
        figures={
            kind: [p for p in pictures if p.with_suffix("").parts[0] == kind]
            for kind in _PICTURES
        },
        audits=[
            (corpus, run.corpus(corpus), [f.text for f in found if f.warns])
            for corpus, found in findings.items()
        ],
        config=_settings(run),
    )


def _explorer() -> str:
    """Page of the explorer; its script fills it in."""
    scripts = ("assets/site.js", f"assets/{_PLOTLY}")
    return render(
        "explorer.html",
        title="Clip explorer",
        links=[("Report", "index.html")],
        scripts=[*scripts, "explorer_data.js", "assets/explorer.js"],
        rule=RULE,
    )


def _explorer_data(run: Run) -> Json:
    """Names and colours that the explorer shows."""
    return {
        "corpora": [{"name": n, "label": run.corpus(n)} for n in run.spec.test],
        "train": run.spec.corpora,
        "encoders": labels(run.spec.encoders),
        "colours": {
            "series": [look.colour for look in SERIES],
            "fake": CLASSES["fake"].colour,
        },
    }


def _copy_all(sources: Sources, results: Path, folder: Path) -> None:
    """Put copies of tables, pages, pictures and scripts into the site."""
    targets = {
        path: folder / "tables" / path.relative_to(results) for path in sources.tables
    }
    targets |= {path: folder / "audit" / path.name for path in sources.audits}
    targets |= {
        path: folder / "figures" / _below_figures(path) for path in sources.figures
    }
    targets[sources.comparison] = folder / sources.comparison.name
    for path, target in targets.items():
        _copy(path, target)
    with resources.as_file(
        resources.files("plotly") / "package_data" / _PLOTLY
    ) as script:
        _copy(script, folder / "assets" / _PLOTLY)
    _write(folder / "assets/style.css", render("style.css"))
    for name in _SCRIPTS:
        own = resources.files("dfprobe.report") / name
        _write(folder / "assets" / Path(name).name, own.read_text("utf-8"))


def _below_figures(path: Path) -> Path:
    """Path of a picture below the folder of all figures."""
    return Path(*path.parts[path.parts.index("figures") + 1 :])


def _copy(source: Path, target: Path) -> None:
    with write_whole(target) as draft:
        shutil.copyfile(source, draft)


def _write(path: Path, content: str) -> None:
    with write_whole(path) as draft:
        draft.write_text(content, encoding="utf-8")


def _settings(run: Run) -> str:
    """All settings as YAML."""
    settings = run.spec.config.model_dump(mode="json")
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
