"""Specs of the stages of a corpus: its generation, its manifest, its audit."""

from typing import Literal

from dfprobe.settings.corpora import Demo
from dfprobe.settings.model import Options
from dfprobe.settings.specs import Spec


class DemoSpec(Spec):
    """A corpus to generate, in a layout, below a root."""

    layout: str
    root: str
    demo: Demo


class ManifestSpec(Spec):
    """What decides which clips a corpus has; see `dfprobe.settings.corpora.Corpus`."""

    layout: str
    root: str
    splits: str | None
    fakes: Literal["any", "both"]
    shards: int
    content_key: Literal["stat", "hash"]
    options: Options


class AuditSpec(Spec):
    """What the audit of a corpus needs beside its manifest."""

    label: str
    layout: str
    root: str
    options: Options
