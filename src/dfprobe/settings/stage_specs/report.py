"""Specs of the report site."""

from dfprobe.settings.config import Config
from dfprobe.settings.specs import Spec
from dfprobe.settings.stage_specs.tables import MatrixSpec, WeightsNote


class ClipsSpec(Spec):
    """Clips of a test corpus on the site; see `dfprobe.settings.stages.Report`."""

    clips: int
    frames: int


class SiteSpec(MatrixSpec):
    """The pages: rows and columns, whether all is generated, and all settings."""

    demo: bool
    config: Config
    weights_notes: tuple[WeightsNote, ...] = ()
