# dfprobe: frozen encoders, thin heads, a cross-corpus matrix.
#
# Everything that is made lies under results/, one folder a stage:
#
#   demo/{corpus}.tsv                              generated corpora and their file lists
#   manifests/{corpus}.parquet                     one row a clip
#   facts/{corpus}/{shard}.parquet                 what the files hold
#   audit/{corpus}.html + folder of tables         shortcuts, broken files, overlap
#   crops/{corpus}/{shard}.h5 + .parquet           landmarks, mouth patches, 16 kHz audio
#   features/{encoder}/{corpus}/{shard}.zarr.zip   rows of one encoder
#   heads/{head}/{encoder}/{train}.safetensors     a trained head, its curve beside it
#   scores/{head}/{encoder}/{train}/{test}.parquet clip scores; of a pair: encoder a+b
#   curves/{head}/{encoder}/{train}/{test}.parquet values over time, laid out as scores
#   xdata_matrix.csv, xdata_long.csv, xdata_pairs.csv, summary.md, figures/
#   xdata_matrix_{head}.csv, seeds.csv             the other heads, the spread of seeds
#   anomaly.csv, detectors.csv                     the paper's Tables 4 and 3
#   layers/{encoder}.csv, figures/layers/          probes on each hidden layer
#   fusion/                                        correlation, late fusion of encoders
#   tables/                                        tables for papers (LaTeX)
#   paper_comparison.csv, .html                    the paper's values beside ours
#   spatial/{encoder}/{train}/{test}.parquet       maps of explained frames
#   explain/spatial.csv, sanity.csv, ...           what the maps are worth
#   figures/spatial.png, figures/overlays/         the same as pictures
#   report/index.html, explorer.html, clips/        the report site, see docs/report.md
#   code/, logs/, benchmarks/                      code stamps, logs and costs of the jobs
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
include: "workflow/rules/layers.smk"
include: "workflow/rules/fusion.smk"
include: "workflow/rules/spatial.smk"
include: "workflow/rules/temporal.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/site.smk"


rule all:
    default_target: True
    input:
        kept_products(),
        anomaly_products(),
        fusion.products(config),
        temporal_products(),
        audit_products(),
        "results/xdata_matrix.csv",
        "results/xdata_long.csv",
        "results/xdata_pairs.csv",
        matrices(),
        "results/seeds.csv",
        anomaly_tables(),
        "results/detectors.csv",
        layer_products(),
        spatial.spatial_products(config),
        "results/paper_comparison.csv",
        "results/paper_comparison.html",
        "results/summary.md",
        site.products(config),
        "results/figures/xdata_matrix.png",
        "results/figures/xdata_matrix.svg",
        "results/figures/xdata_matrix.pdf",
        "results/figures/training_curves.png",
        "results/figures/training_curves.svg",
        "results/figures/training_curves.pdf",
        "results/figures/training_curves.csv",
