"""Corpora: demo, manifest, audit."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import Stages, command, stage


def add(stages: Stages) -> None:
    """Add the subcommands."""
    demo = stage(stages, "demo", _demo, "generate a demo corpus")
    demo.add_argument("corpus", help="name of the corpus")

    manifest = stage(stages, "manifest", _manifest, "list the clips of a corpus")
    manifest.add_argument("corpus", help="name of the corpus, for messages")

    about = "what the files of a shard hold"
    facts = stage(stages, "audit-facts", _audit_facts, about, spec=False)
    facts.add_argument("manifest", type=Path, help="manifest (Parquet)")
    facts.add_argument("shard", help="shard, e.g. 000")

    page = stage(stages, "audit-corpus", _audit_corpus, "the audit of a corpus")
    page.add_argument("manifest", type=Path, help="manifest (Parquet)")
    page.add_argument("facts", type=Path, nargs="+", help="facts of all shards")

    about = "shortcuts, broken files and overlap of a corpus; no workflow"
    audit = command(stages, "audit", _audit, about)
    audit.add_argument("folder", type=Path, nargs="?", help="root of the corpus")
    audit.add_argument(
        "--layout", default="folder", help="its layout; default: videos without labels"
    )
    audit.add_argument(
        "--splits",
        type=Path,
        help="folder of published lists; without FOLDER they alone are audited",
    )
    audit.add_argument(
        "--out", type=Path, default=Path("audit"), help="folder to write; audit/"
    )


def _demo(args: argparse.Namespace) -> None:
    from dfprobe.demo.make import make_demo
    from dfprobe.settings.stage_specs.corpora import DemoSpec

    spec = DemoSpec.from_json(args.spec)
    make_demo(spec.layout, Path(spec.root), spec.demo, args.out)


def _manifest(args: argparse.Namespace) -> None:
    from dfprobe.corpora.manifest import make_manifest
    from dfprobe.settings.stage_specs.corpora import ManifestSpec

    spec = ManifestSpec.from_json(args.spec)
    make_manifest(args.corpus, spec, args.out)


def _audit_facts(args: argparse.Namespace) -> None:
    from dfprobe.audit.facts_table import make_facts

    make_facts(args.manifest, args.shard, args.out)


def _audit_corpus(args: argparse.Namespace) -> None:
    from dfprobe.report.pages.audit import audit_corpus
    from dfprobe.settings.stage_specs.corpora import AuditSpec

    spec = AuditSpec.from_json(args.spec)
    audit_corpus(args.manifest, args.facts, spec, args.out)


def _audit(args: argparse.Namespace) -> None:
    from dfprobe.commands.audit import audit

    audit(args.folder, args.layout, args.splits, args.out)
