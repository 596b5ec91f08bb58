"""Where the time of a finished run went, by stage, from the workflow's own tables.

Each job left a table in ``results/benchmarks``. Their seconds, processor seconds and
largest memory are summed up by stage; jobs ran side by side, so that the sum of the
seconds is more than the run took. ``--figure`` also draws them.
"""

import argparse
import sys
from pathlib import Path

import polars as pl

COLUMNS = ("s", "cpu_time", "max_rss")


def jobs(folder: Path) -> pl.DataFrame:
    """One row a job: its stage and what it took.

    Parameters
    ----------
    folder : Path
        ``results/benchmarks``.
    """
    rows = []
    for path in sorted(folder.rglob("*.tsv")):
        text = path.read_text(encoding="ascii").splitlines()
        if len(text) < 2:
            continue  # a job that was killed
        values = dict(zip(text[0].split("\t"), text[1].split("\t"), strict=True))
        stage = path.relative_to(folder).parts[0].removesuffix(".tsv")
        # NA: the job was over before it was looked at
        taken = (0.0 if values[c] == "NA" else float(values[c]) for c in COLUMNS)
        rows.append((stage, *taken))
    return pl.DataFrame(rows, schema=["stage", *COLUMNS], orient="row")


def by_stage(table: pl.DataFrame) -> pl.DataFrame:
    """Sums of each stage, the longest first."""
    return (
        table.group_by("stage")
        .agg(
            jobs=pl.len(),
            seconds=pl.col("s").sum(),
            cpu=pl.col("cpu_time").sum(),
            peak_mb=pl.col("max_rss").max(),
        )
        .sort(["seconds", "stage"], descending=[True, False])
    )


def draw(stages: pl.DataFrame, png: Path) -> None:
    """Bars of the seconds of each stage, processor time inside."""
    from matplotlib.figure import Figure

    from dfprobe.report.plots.save import save

    shown = stages.reverse()
    figure = Figure((7, 0.6 + 0.24 * shown.height), layout="constrained")
    axes = figure.subplots()
    names = [f"{stage} ({jobs})" for stage, jobs in shown[["stage", "jobs"]].rows()]
    axes.barh(names, shown["seconds"], color="#b3cde3", label="on the clock")
    axes.barh(names, shown["cpu"], height=0.35, color="#08519c", label="processor")
    axes.set_xlabel("seconds, summed over the jobs")
    axes.set_ylabel("stage (jobs)")
    axes.margins(y=0.01)
    axes.legend(loc="lower right")
    save(figure, png)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--figure", type=Path, help="PNG; SVG and PDF come beside it")
    parser.add_argument("--most", type=int, default=12, help="stages with a row each")
    args = parser.parse_args()
    table = jobs(args.tables)
    if table.is_empty():
        sys.exit(f"{args.tables} holds no table of a job. Run the workflow first.")
    stages = by_stage(table)
    if args.figure:
        draw(stages, args.figure)
    total = stages["seconds"].sum()
    print("| stage | jobs | seconds | share | CPU seconds | peak MB |")
    print("| :-- | --: | --: | --: | --: | --: |")
    rest = stages[args.most :]
    for stage, count, seconds, cpu, peak in stages[: args.most].iter_rows():
        share = seconds / total
        print(
            f"| {stage} | {count} | {seconds:.0f} | {share:.0%} | {cpu:.0f} "
            f"| {peak:.0f} |"
        )
    count, seconds, cpu = (rest[name].sum() for name in ("jobs", "seconds", "cpu"))
    peak = rest["peak_mb"].max() or 0
    print(
        f"| {rest.height} others | {count} | {seconds:.0f} | {seconds / total:.0%} "
        f"| {cpu:.0f} | {peak:.0f} |"
    )
    if args.figure:
        print(f"\n![The same as bars]({args.figure.name})")


if __name__ == "__main__":
    main()
