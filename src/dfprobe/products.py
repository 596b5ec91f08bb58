"""Every path below ``results/``, built and parsed in one place.

A name that is not given stands as its wildcard, so that a rule reads as a path:
``features()`` is ``results/features/{encoder}/{corpus}/{shard}.zarr.zip``, and
``manifest("{test}")`` is the manifest of the corpus that a job tests on. Paths are
relative to the working directory, and strings as Snakemake takes them.
"""

from dataclasses import dataclass
from pathlib import Path

RESULTS = "results"
CODE = "results/code"  # stand-ins for the modules of the package, `stage_code`
FILE_HASHES = "results/file_hashes.json"
LOGS = "results/logs"
BENCHMARKS = "results/benchmarks"
EXTERNAL = "external"  # stands for the head in the path of a score file
MIX_HEAD = "layer_mix"

# Tables over all encoders, the pages that show them, and figures.
MATRIX = "results/xdata_matrix.csv"
LONG_TABLE = "results/xdata_long.csv"
PAIRS = "results/xdata_pairs.csv"
SEEDS = "results/seeds.csv"
ANOMALY = "results/anomaly.csv"
ANOMALY_LONG = "results/anomaly_long.csv"
DETECTORS = "results/detectors.csv"
DETECTORS_LONG = "results/detectors_long.csv"
CORRELATION = "results/fusion/correlation.csv"
FUSION_SETS = "results/fusion/sets.csv"
IMPROVEMENT = "results/fusion/improvement.csv"
LOCALISATION = "results/explain/localisation.csv"
LEADING = "results/explain/leading.csv"
SPATIAL = "results/explain/spatial.csv"
SPATIAL_CONFIDENCE = "results/explain/spatial_confidence.csv"
SPATIAL_POINTS = "results/explain/spatial_points.parquet"
SANITY = "results/explain/sanity.csv"
PAPER_TABLE = "results/paper_comparison.csv"
PAPER_PAGE = "results/paper_comparison.html"
SUMMARY = "results/summary.md"
SITE = "results/report/index.html"
MATRIX_FIGURE = "results/figures/xdata_matrix.png"
TRAINING_FIGURE = "results/figures/training_curves.png"
TRAINING_TABLE = "results/figures/training_curves.csv"
FUSION_FIGURE = "results/figures/fusion.png"
LOCALISATION_FIGURE = "results/figures/localisation.png"
LEADING_FIGURE = "results/figures/leading.png"
SPATIAL_FIGURE = "results/figures/spatial.png"


def demo_listing(corpus: str = "{corpus}") -> str:
    """List of the files of a generated corpus; they lie in a folder beside it."""
    return f"results/demo/{corpus}.tsv"


def manifest(corpus: str = "{corpus}") -> str:
    """Manifest of a corpus: one row per clip."""
    return f"results/manifests/{corpus}.parquet"


def facts(corpus: str = "{corpus}", shard: str = "{shard}") -> str:
    """Facts about the files of a shard, for the audit."""
    return f"results/facts/{corpus}/{shard}.parquet"


def audit_page(corpus: str = "{corpus}") -> str:
    """Audit of a corpus: shortcuts, broken files, overlap of splits."""
    return f"results/audit/{corpus}.html"


def audit_table(name: str, corpus: str = "{corpus}") -> str:
    """One of the tables of an audit."""
    return f"results/audit/{corpus}/{name}.csv"


def audit_figures(corpus: str = "{corpus}") -> str:
    """Folder of the figures of an audit."""
    return f"results/audit/{corpus}/figures"


def crops(corpus: str = "{corpus}", shard: str = "{shard}") -> str:
    """Landmarks, mouth patches and sound of the clips of a shard."""
    return f"results/crops/{corpus}/{shard}.h5"


def crop_index(corpus: str = "{corpus}", shard: str = "{shard}") -> str:
    """Status of each clip of a shard of crops."""
    return f"results/crops/{corpus}/{shard}.parquet"


def features(
    encoder: str = "{encoder}", corpus: str = "{corpus}", shard: str = "{shard}"
) -> str:
    """Rows of an encoder on the clips of a shard."""
    return f"results/features/{encoder}/{corpus}/{shard}.zarr.zip"


def heads_folder(head: str) -> str:
    """Folder of all files of a head, with one folder per encoder."""
    return f"results/heads/{head}"


def head(
    head: str = "{head}", encoder: str = "{encoder}", train: str = "{train}"
) -> str:
    """Trained head; a pair of encoders is named ``a+b``."""
    return f"{heads_folder(head)}/{encoder}/{train}.safetensors"


def history(
    head: str = "{head}", encoder: str = "{encoder}", train: str = "{train}"
) -> str:
    """Losses of a head per epoch of its training."""
    return f"{heads_folder(head)}/{encoder}/{train}.curve.csv"


def val_scores(
    head: str = "{head}", encoder: str = "{encoder}", train: str = "{train}"
) -> str:
    """Scores of a head on its validation clips."""
    return f"{heads_folder(head)}/{encoder}/{train}.val.parquet"


def scores(
    head: str = "{head}",
    encoder: str = "{encoder}",
    train: str = "{train}",
    test: str = "{test}",
) -> str:
    """Scores of a head on the clips of a test corpus."""
    return f"results/scores/{head}/{encoder}/{train}/{test}.parquet"


def curves(
    head: str = "{head}",
    encoder: str = "{encoder}",
    train: str = "{train}",
    test: str = "{test}",
) -> str:
    """Logits of a head over the time of the clips of a test corpus."""
    return f"results/curves/{head}/{encoder}/{train}/{test}.parquet"


def external_scores(
    detector: str = "{detector}",
    trained_on: str = "{detector_train}",
    test: str = "{test}",
) -> str:
    """Scores of another detector on the clips of a test corpus."""
    return scores(EXTERNAL, detector, trained_on, test)


def layers_table(encoder: str = "{layered}") -> str:
    """AUC of the probes on the hidden layers of an encoder."""
    return f"results/layers/{encoder}.csv"


def layers_folder(encoder: str = "{layered}") -> str:
    """Folder of the heads on the hidden layers of an encoder, and their scores."""
    return f"results/layers/{encoder}"


def maps(
    encoder: str = "{encoder}", train: str = "{train}", test: str = "{test}"
) -> str:
    """Heat maps over frames of a test corpus."""
    return f"results/spatial/{encoder}/{train}/{test}.parquet"


def matrix(head: str) -> str:
    """Matrix of a head other than the first."""
    return f"results/xdata_matrix_{head}.csv"


def tex_table(name: str) -> str:
    """Table for papers, in LaTeX."""
    return f"results/tables/{name}.tex"


def layers_figure(encoder: str = "{layered}") -> str:
    """Figure of the probes on the hidden layers of an encoder."""
    return f"results/figures/layers/{encoder}.png"


def panels_figure(test: str = "{test}") -> str:
    """Figure of clips of a test corpus over time."""
    return f"results/figures/temporal/{test}.png"


def overlays_figure(test: str = "{test}") -> str:
    """Figure of maps over frames of a test corpus."""
    return f"results/figures/overlays/{test}.png"


def vectors(figure: str) -> list[str]:
    """Return a figure as SVG and PDF, which are written beside the PNG."""
    return [f"{figure.removesuffix('.png')}.{kind}" for kind in ("svg", "pdf")]


def report_clips(test: str = "{test}") -> str:
    """Index of the clips of a test corpus, for the clip explorer."""
    return f"results/report/clips/{test}/index.js"


def report_part(name: str) -> str:
    """File or folder of the report site, beside its first page."""
    return f"results/report/{name}"


def log(job: str) -> str:
    """Log of a job, e.g. of ``crops/{corpus}/{shard}``."""
    return f"{LOGS}/{job}.log"


def benchmark(job: str) -> str:
    """Time and memory of a job, as Snakemake measures them."""
    return f"{BENCHMARKS}/{job}.tsv"


# Products that stand for one encoder, corpus or head each, and so outlive its name in a
# configuration. Generated corpora are not among them: they are data.
NAMED = (
    *(manifest(), facts(), audit_page(), crops(), crop_index(), features()),
    *(head(), history(), val_scores(), scores(), external_scores(), curves()),
    *(layers_table(), maps(), report_clips()),
    *(layers_figure(), *vectors(layers_figure())),
    *(panels_figure(), *vectors(panels_figure())),
    *(overlays_figure(), *vectors(overlays_figure())),
)


@dataclass(frozen=True, order=True)
class HeadKey:
    """Which head a file beside it belongs to: itself, its losses, its validation."""

    head: str
    encoder: str
    train: str

    @classmethod
    def of(cls, path: Path) -> "HeadKey":
        """Key of ``.../{head}/{encoder}/{train}.{anything}``."""
        head, encoder = path.parts[-3:-1]
        return cls(head, encoder, path.name.split(".")[0])


@dataclass(frozen=True, order=True)
class ScoreKey:
    """What a score file holds: a head on an encoder, trained and tested on corpora."""

    head: str
    encoder: str
    train: str
    test: str

    @classmethod
    def of(cls, path: Path) -> "ScoreKey":
        """Key of ``.../{head}/{encoder}/{train}/{test}.parquet``."""
        head, encoder, train = path.parts[-4:-1]
        return cls(head, encoder, train, path.stem)


@dataclass(frozen=True)
class MapsKey:
    """What a file of maps holds: an encoder, and the corpora of its probe and clips."""

    encoder: str
    train: str
    test: str

    @classmethod
    def of(cls, path: Path) -> "MapsKey":
        """Key of ``.../{encoder}/{train}/{test}.parquet``."""
        encoder, train = path.parts[-3:-1]
        return cls(encoder, train, path.stem)


def manifest_corpus(path: Path) -> str:
    """Corpus of a manifest ``.../{corpus}.parquet``."""
    return path.stem


def shard_corpus(path: Path) -> str:
    """Corpus of one file per shard: ``.../{corpus}/{shard}.h5``."""
    return path.parent.name


def layer_head(layer: int) -> str:
    """Name of the head on one hidden layer: ``layer-00``, ``layer-01``, ..."""
    return f"layer-{layer:02d}"
