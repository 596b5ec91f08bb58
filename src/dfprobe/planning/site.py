"""What the rules of the report site need to know at planning time."""

from dfprobe.planning import spatial, specs, tables, temporal, weight_files
from dfprobe.settings.config import Config
from dfprobe.settings.stage_specs.report import ClipsSpec, SiteSpec


def clips_spec(config: Config) -> ClipsSpec:
    """Spec of the clips of a test corpus; no label is in it."""
    return ClipsSpec(clips=config.report.clips, frames=config.report.frames)


def site_spec(config: Config) -> SiteSpec:
    """Spec of the pages: labels, rows and columns, and all settings."""
    corpora = [config.corpora[name] for name in specs.used_corpora(config)]
    return SiteSpec(
        **dict(tables.matrix_spec(config)),
        demo=all(entry.demo is not None for entry in corpora),
        config=config,
        weights_notes=weight_files.notes(config),
    )


def table_files(config: Config) -> list[str]:
    """Tables that the pages show, as far as the run makes them."""
    heads = [head for entry in config.heads for head in specs.heads_of(config, entry)]
    anomaly = [] if config.anomaly is None else ["anomaly"]
    frames = [] if config.spatial is None else ["spatial", "sanity"]
    names = [
        *("xdata_matrix", "xdata_long", *(f"xdata_matrix_{h}" for h in heads[1:])),
        *("seeds", "detectors", "paper_comparison", *anomaly),
        *(f"fusion/{name}" for name in ("correlation", "sets", "improvement")),
        *(f"explain/{name}" for name in ("localisation", "leading", *frames)),
    ]
    return [f"results/{name}.csv" for name in names]


def probe_files(config: Config, kind: str, test: str) -> list[str]:
    """Scores or curves of all probes of the matrix on a test corpus."""
    head = specs.main_head(config)
    return [
        f"results/{kind}/{head}/{encoder}/{train}/{test}.parquet"
        for encoder in config.encoders
        for train in config.train
    ]


def stores(config: Config) -> list[str]:
    """One feature store of each encoder."""
    corpus = config.train[0]
    shard = specs.shards(config, corpus)[0]
    return [
        f"results/features/{encoder}/{corpus}/{shard}.zarr.zip"
        for encoder in config.encoders
    ]


def products(config: Config) -> list[str]:
    """Pages, and what the explorer reads first of each test corpus."""
    clips = [f"results/report/clips/{test}/index.js" for test in config.test]
    return ["results/report/index.html", *clips]


def figures(config: Config) -> list[str]:
    """Figures of explanations that stand in the pages as pictures."""
    tests = temporal.localised(config)
    pictures = [f"results/figures/temporal/{test}.png" for test in tests]
    if config.spatial is not None:
        overlays = spatial.overlay_files(config, "png")
        pictures += ["results/figures/spatial.png", *overlays]
    return pictures
