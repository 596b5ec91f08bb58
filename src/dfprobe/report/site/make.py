"""The report site: pages that open from disk, with all that they need beside them."""

import shutil
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from dfprobe.report.explorer.choice import RULE
from dfprobe.report.explorer.scripts import write_call
from dfprobe.report.markup import page, render, section, text
from dfprobe.report.palette import CLASSES, SERIES
from dfprobe.report.site.audit_section import audit_section
from dfprobe.report.site.detectors_section import detectors_section
from dfprobe.report.site.explain_section import when_section, where_section
from dfprobe.report.site.fusion_section import fusion_section
from dfprobe.report.site.matrix_section import facts, matrix_section
from dfprobe.report.site.provenance import costs, provenance_section
from dfprobe.report.site.run_tables import Run, read_tables
from dfprobe.store.files import write_whole

_TITLE = "dfprobe: report of a run"
_SECTIONS = [
    ("Matrix", "#matrix"),
    ("Fusion", "#fusion"),
    ("When", "#when"),
    ("Where", "#where"),
    ("Detectors", "#detectors"),
    ("Audits", "#audits"),
    ("Provenance", "#provenance"),
]
_EXPLORER = ("Clip explorer", "explorer.html")
_SCRIPTS = ("site/site.js", "explorer/explorer.js")
_PLOTLY = "plotly.min.js"
_IN_TIME = "temporal"  # folder of the pictures of clips over time


class Sources(NamedTuple):
    """Files that the site is made from.

    Parameters
    ----------
    tables : sequence of Path
        CSV files of the results.
    audits : sequence of Path
        Pages of the audits, ``{corpus}.html``.
    findings : sequence of Path
        Their findings, ``{corpus}/findings.csv``.
    comparison : Path
        Page of the comparison with the paper.
    figures : sequence of Path
        Pictures of clips over time (``figures/temporal``) and of maps over frames.
    manifests : sequence of Path
        Manifests of the corpora.
    stores : sequence of Path
        One feature store of each encoder.
    """

    tables: Sequence[Path]
    audits: Sequence[Path]
    findings: Sequence[Path]
    comparison: Path
    figures: Sequence[Path]
    manifests: Sequence[Path]
    stores: Sequence[Path]


def make_site(sources: Sources, spec: dict[str, Any], out: Path) -> None:
    """Write the pages of the site and what they load, except for the clips.

    Parameters
    ----------
    sources : Sources
        What it is made from.
    spec : dict
        See `dfprobe.planning.site.site_spec`.
    out : Path
        ``results/report/index.html``. Beside it: ``explorer.html``, ``data.js``,
        ``provenance.js`` (times and sizes: all that differs from run to run),
        ``paper_comparison.html``, and the folders ``assets``, ``tables``, ``audit``,
        ``figures``.

    Raises
    ------
    DataError
        If a table cannot be read.
    """
    folder, results = out.parent, out.parents[1]
    labels = {entry["name"]: entry["label"] for entry in spec["encoders"]}
    (folder / "figures").mkdir(parents=True, exist_ok=True)  # also where none is
    run = Run(spec | {"encoders": labels}, read_tables(sources.tables, results))
    _copy_all(sources, results, folder)
    body, charts = _body(run, sources)
    scripts = ["assets/site.js", f"assets/{_PLOTLY}", "data.js", "provenance.js"]
    write_call(folder / "data.js", "data", {"charts": charts})
    write_call(folder / "provenance.js", "provenance", costs(results))
    _write(folder / "explorer.html", _explorer(run, folder))
    _write(out, page(_TITLE, [*_SECTIONS, _EXPLORER], body, scripts))


def _body(run: Run, sources: Sources) -> tuple[list[str], Mapping[str, Any]]:
    pictures = [_below_figures(path) for path in sources.figures]
    in_time = [path for path in pictures if path.parts[0] == _IN_TIME]
    with_charts = [
        fusion_section(run),
        when_section(run, in_time),
        where_section(run, [path for path in pictures if path not in in_time]),
    ]
    charts = {name: views for _, found in with_charts for name, views in found.items()}
    findings = {path.parent.name: path for path in sources.findings}
    parts = [
        f"<h1>{_TITLE}</h1>",
        _headline(run),
        matrix_section(run),
        *(html for html, _ in with_charts),
        _to_explorer(),
        detectors_section(run),
        audit_section(run, findings),
        provenance_section(run, sources.manifests, sources.stores),
    ]
    return parts, charts


def _headline(run: Run) -> str:
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in facts(run)
    )
    demo = ""
    if run.spec["demo"]:
        demo = text(
            "All corpora of this run are demo corpora, drawn and spoken by a program: "
            "the numbers show that the workflow works, and say nothing about the "
            "published weights."
        )
    return f'<dl class="facts">{items}</dl>{demo}'


def _to_explorer() -> str:
    name, target = _EXPLORER
    sentence = text(
        "Scores of every test clip; for some of each corpus the frames, the sound, the "
        "fake parts and the curves of all probes, to step through."
    )
    return section(
        "clips", name, [sentence, f'<p><a class="big" href="{target}">Open</a></p>']
    )


def _explorer(run: Run, folder: Path) -> str:
    """Page of the explorer; its script fills it in."""
    data = {
        "corpora": [{"name": n, "label": run.corpus(n)} for n in run.spec["test"]],
        "train": run.spec["corpora"],
        "encoders": run.spec["encoders"],
        "colours": {
            "series": [look.colour for look in SERIES],
            "fake": CLASSES["fake"].colour,
        },
    }
    write_call(folder / "explorer_data.js", "explorer", data)
    scripts = [
        "assets/site.js",
        f"assets/{_PLOTLY}",
        "explorer_data.js",
        "assets/explorer.js",
    ]
    parts = [
        "<h1>Clip explorer</h1>",
        '<noscript><p class="absent">The explorer needs JavaScript.</p></noscript>',
        resources.files("dfprobe.report.explorer")
        .joinpath("explorer_body.html")
        .read_text("utf-8"),
        text(f"Which clips have details (frames, sound, curves): {RULE}", quiet=True),
    ]
    return page("Clip explorer", [("Report", "index.html")], parts, scripts)


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
