# dfprobe: frozen encoders, thin heads, a cross-corpus matrix.
#
# Everything is written to one folder of results; src/dfprobe/products.py names each path.
from pathlib import Path

from snakemake.utils import min_version

from dfprobe.settings.reading import check_files

min_version("9.27")

# Snakemake takes the last of two keys without a word, and names no line of a mistake.
check_files(workflow.overwrite_configfiles or [Path("config.yaml")])


# A file on the command line is taken alone: merged with the default run, its corpora and
# encoders would come on top. (Values of --config are merged with either.)
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/corpora.smk"
include: "workflow/rules/crops.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/probes.smk"
include: "workflow/rules/anomaly.smk"
include: "workflow/rules/external.smk"
include: "workflow/rules/layers.smk"
include: "workflow/rules/fusion.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/spatial.smk"
include: "workflow/rules/temporal.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/documents.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        targets.kept(config),
        targets.audits(config),
        anomaly.files(config),
        tables.files(config),
        targets.layers(config),
        fusion.files(),
        temporal.files(config),
        spatial.files(config),
        targets.documents(config),
        site.files(config),
