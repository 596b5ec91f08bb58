"""The report site."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import Stages, many, needed, some, stage


def add(stages: Stages) -> None:
    """Add the subcommands."""
    clips = stage(stages, "report-clips", _clips, "clips of a test corpus for the site")
    clips.add_argument("manifest", type=Path, help="manifest (Parquet)")
    many(clips, "--scores", "score files of the head of the matrix")
    many(clips, "--curves", "curves of the same probes, in the same order")

    site = stage(stages, "report-site", _site, "the pages of the report site")
    many(site, "--tables", "tables of the run (CSV)")
    many(site, "--audits", "pages of the audits")
    many(site, "--findings", "findings of the audits (CSV)")
    needed(site, "--comparison", "paper_comparison.html")
    some(site, "--figures", "pictures of maps over frames (PNG)")
    many(site, "--manifests", "manifests of the corpora")
    many(site, "--stores", "one feature store of each encoder")


def _clips(args: argparse.Namespace) -> None:
    from dfprobe.report.explorer.clips import make_clips
    from dfprobe.settings.stage_specs.report import ClipsSpec

    spec = ClipsSpec.from_json(args.spec)
    make_clips(args.manifest, args.scores, args.curves, spec, args.out)


def _site(args: argparse.Namespace) -> None:
    from dfprobe.report.site.make import Sources, make_site
    from dfprobe.settings.stage_specs.report import SiteSpec

    given = vars(args)
    sources = Sources(**{name: given[name] for name in Sources._fields})
    spec = SiteSpec.from_json(args.spec)
    make_site(sources, spec, args.out)
