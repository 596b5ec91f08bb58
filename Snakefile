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
#   curves/{head}/{row}/{real}/{test}.parquet      values over time
#   xdata_matrix.csv, xdata_long.csv, xdata_pairs.csv, summary.md, figures/
#   xdata_matrix_{head}.csv, seeds.csv             the other heads, the spread of seeds
#   anomaly.csv, detectors.csv                     the paper's Tables 4 and 3
#   layers/{encoder}.csv, figures/layers/          probes on each hidden layer
#   paper_comparison.csv, .html                    the paper's values beside ours
#   code/, logs/, benchmarks/                      code stamps, logs and costs of the jobs
from snakemake.utils import min_version

min_version("9.27")


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
include: "workflow/rules/audit.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        kept_products(),
        anomaly_products(),
        audit_products(),
        "results/xdata_matrix.csv",
        "results/xdata_long.csv",
        "results/xdata_pairs.csv",
        matrices(),
        "results/seeds.csv",
        anomaly_tables(),
        "results/detectors.csv",
        layer_products(),
        "results/paper_comparison.csv",
        "results/paper_comparison.html",
        "results/summary.md",
        "results/figures/xdata_matrix.png",
        "results/figures/xdata_matrix.svg",
        "results/figures/training_curves.png",
        "results/figures/training_curves.svg",
