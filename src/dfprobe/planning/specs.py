"""What the rules need to know of the config: names, and the specs of single jobs.

Every function of this package is called while Snakemake reads the Snakefile or plans,
also on each cluster job, so it must stay quick to import: no torch, no polars.
"""

from collections.abc import Iterable

from dfprobe.settings.config import Config
from dfprobe.settings.encoders import ComputedEncoder, FeatureFiles
from dfprobe.settings.heads import Head
from dfprobe.settings.specs import EncoderSpec
from dfprobe.settings.stage_specs.corpora import AuditSpec, DemoSpec, ManifestSpec
from dfprobe.settings.stage_specs.features import (
    CropsSpec,
    FeaturesSpec,
    FilesEncoder,
    FilesSpec,
)
from dfprobe.settings.stage_specs.heads import HeadSpec, LayersSpec, LayersTableSpec
from dfprobe.settings.stage_specs.labels import Labelled


def shards(config: Config, corpus: str) -> list[str]:
    """Names of a corpus's shards: ``000``, ``001``, ..."""
    return [f"{shard:03d}" for shard in range(config.corpora[corpus].shards)]


def used_corpora(config: Config) -> list[str]:
    """Corpora that are trained or tested on, in the order of the config."""
    used = {*config.train, *config.test}
    if config.anomaly is not None:
        used.add(config.anomaly.corpus)
    return [name for name in config.corpora if name in used]


def labelled_corpora(config: Config) -> list[str]:
    """Corpora that heads on clip labels are trained or tested on."""
    return [n for n in config.corpora if n in {*config.train, *config.test}]


def encoded_on(config: Config, corpus: str) -> list[str]:
    """Return the encoders whose features of a corpus are needed, in their order."""
    if corpus in {*config.train, *config.test}:
        return list(config.encoders)
    rows = config.anomaly.rows if config.anomaly is not None else ()
    streams = {name for row in rows for name in row.streams}
    return [name for name in config.encoders if name in streams]


def computed_encoders(config: Config) -> dict[str, ComputedEncoder]:
    """Return the encoders that read videos, by name."""
    return {
        name: entry
        for name, entry in config.encoders.items()
        if isinstance(entry, ComputedEncoder)
    }


def layered(config: Config) -> list[str]:
    """Return the encoders whose hidden layers are probed one by one."""
    return [n for n, e in computed_encoders(config).items() if e.layer == "all"]


def heads_of(config: Config, entry: str) -> list[str]:
    """Heads of an entry of ``heads``, one per seed: its name, then ``name-s44``, ..."""
    _, *others = config.heads[entry].seeds
    return [entry, *(f"{entry}-s{seed}" for seed in others)]


def main_head(config: Config) -> str:
    """Head of the matrix."""
    return next(iter(config.heads))


def demo_spec(config: Config, corpus: str) -> DemoSpec:
    """Spec of the generator of a demo corpus."""
    entry = config.corpora[corpus]
    if entry.demo is None:
        raise ValueError(f"the corpus {corpus} is not generated")
    return DemoSpec(layout=entry.layout, root=entry.root, demo=entry.demo)


def manifest_spec(config: Config, corpus: str) -> ManifestSpec:
    """Spec of the manifest stage."""
    return ManifestSpec.of(config.corpora[corpus])


def audit_spec(config: Config, corpus: str) -> AuditSpec:
    """Spec of the audit of a corpus."""
    return AuditSpec.of(config.corpora[corpus])


def crops_spec(config: Config) -> CropsSpec:
    """Spec of the crops stage."""
    return CropsSpec.of(config.crops, config)


def features_spec(config: Config, encoder: str) -> FeaturesSpec:
    """Spec of the features stage; the label changes tables, not numbers."""
    return FeaturesSpec.of(
        config.features,
        config,
        encoder=encoder_spec(config, encoder),
        trim=computed_encoders(config)[encoder].trim,
    )


def encoder_spec(config: Config, encoder: str) -> EncoderSpec:
    """Say how an encoder that reads videos is built."""
    entry = computed_encoders(config)[encoder]
    return EncoderSpec(
        name=encoder,
        family=entry.family,
        stream=entry.stream,
        weights=entry.weights,
        revision=entry.revision,
        layer=entry.layer,
        seed=entry.seed,
        options=entry.options,
    )


def files_spec(config: Config, encoder: str) -> FilesSpec:
    """Spec of the stage that takes feature files."""
    entry = config.encoders[encoder]
    if not isinstance(entry, FeatureFiles):
        raise ValueError(f"the encoder {encoder} has no feature files")
    files = FilesEncoder.of(entry, name=encoder)
    return FilesSpec.of(config.features, config, encoder=files)


def head_spec(config: Config, entry: str) -> HeadSpec:
    """Spec of the training of an entry of ``heads``."""
    return HeadSpec.of(config.heads[entry], config.training)


def layers_spec(config: Config, encoder: str) -> LayersSpec:
    """Spec of the probes of an encoder's layers."""
    probe = Head(kind="linear", setting="paper", seeds=(43,))
    head = HeadSpec.of(probe, config.training)
    return LayersSpec.of(config, encoder=encoder, head=head)


def layers_table_spec(config: Config, encoder: str) -> LayersTableSpec:
    """Spec of the table of an encoder's layers."""
    return LayersTableSpec.of(config, encoder=encoder)


def corpus_labels(config: Config) -> dict[str, str]:
    """Labels of the corpora that are used, by their names."""
    return {name: config.corpora[name].label for name in used_corpora(config)}


def labelled(config: Config, encoders: Iterable[str]) -> tuple[Labelled, ...]:
    """Names and labels of encoders, in the given order."""
    return tuple(Labelled(name=n, label=config.encoders[n].label) for n in encoders)


def joint_modality(config: Config, encoders: tuple[str, ...]) -> str:
    """Modality of encoders that are read together."""
    kinds = {config.encoders[name].modality for name in encoders}
    return kinds.pop() if len(kinds) == 1 else "audio-visual"
