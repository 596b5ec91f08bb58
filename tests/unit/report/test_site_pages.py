"""The pages of the report site."""

import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from dfprobe.report.explorer.scripts import call
from dfprobe.report.site.provenance import costs
from unit.report.test_clip_files import data
from unit.report.toy_run import (
    base_tables,
    explain_tables,
    fusion_tables,
    manifest,
    site,
)


@pytest.fixture
def results(tmp_path) -> Path:
    folder = tmp_path / "results"
    for corpus in ("one", "two"):
        clips = [
            {"clip_id": f"{n}", "label": n % 2, "split": split}
            for n, split in enumerate(["train", "val", "test", "test"])
        ]
        manifest(folder / f"manifests/{corpus}.parquet", clips)
    return folder


@pytest.fixture
def pages(results) -> Path:
    tables = [*base_tables(results), *fusion_tables(results), *explain_tables(results)]
    picture = results / "figures/overlays/two.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"PNG")
    return site(results, tables, [picture])


class Elements(HTMLParser):
    """All elements of a page with their attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_everything_that_a_page_names_lies_beside_it(pages):
    for page in ("index.html", "explorer.html"):
        for _, attributes in Elements(pages / page).found:
            for name in ("src", "href"):
                target = attributes.get(name) or "#"
                if target.startswith(("#", "data:")):
                    continue
                assert not re.match(r"\w+:|/", target), target
                assert (pages / target).is_file(), target


def test_own_files_name_no_address_on_the_network(pages):
    for name in ("index.html", "explorer.html", "data.js", "provenance.js"):
        assert "://" not in (pages / name).read_text("utf-8")
    for path in (pages / "assets").iterdir():
        if path.name != "plotly.min.js":
            assert "://" not in path.read_text("utf-8"), path.name


def test_sections_that_links_name_are_there_and_ids_are_unique(pages):
    elements = Elements(pages / "index.html")
    ids = [a["id"] for _, a in elements.found if "id" in a]
    assert len(set(ids)) == len(ids)
    links = {a["href"][1:] for a in elements.named("a") if a["href"].startswith("#")}
    assert len(links) == 8
    assert links <= set(ids)
    explorer = [
        a["id"] for _, a in Elements(pages / "explorer.html").found if "id" in a
    ]
    assert len(set(explorer)) == len(explorer)


def test_figures_have_words_for_those_who_do_not_see_them(pages):
    elements = Elements(pages / "index.html")
    assert [image["alt"] for image in elements.named("img")] == [
        "Heat maps over frames: two"
    ]
    plots = [a for a in elements.named("div") if a.get("class") == "plot"]
    assert len(plots) == 5
    assert all(len(plot["aria-label"]) > 20 for plot in plots)
    drawn = {a["data-chart"] for a in elements.named("figure") if "data-chart" in a}
    assert drawn == data(pages / "data.js")[1]["charts"].keys()


def test_controls_of_the_explorer_have_names(pages):
    text = (pages / "explorer.html").read_text("utf-8")
    for control in ("corpus", "label", "search", "shown", "scale"):
        assert re.search(
            rf"<label>[^<]*<(select|input) id=\"{control}\"|"
            rf"<label><input id=\"{control}\"",
            text,
        ), control
    for control in ("time", "frame-back", "frame-on"):
        assert re.search(rf'id="{control}"[^>]*aria-label=', text), control


def test_labels_are_text(pages):
    text = (pages / "index.html").read_text("utf-8")
    assert "CLIP &lt;b&gt;" in text
    assert "CLIP <b>" not in text
    charts = data(pages / "data.js")[1]["charts"]
    assert "CLIP &lt;b>" in charts["correlation"][0]["data"][0]["x"]


def test_a_cell_has_its_interval_its_clips_and_the_papers_value(pages):
    text = (pages / "index.html").read_text("utf-8")
    row = re.search(r'<th scope="row">LFCC</th>.*', text)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row.group())
    assert re.search(r"\d\d\.\d to \d\d\.\d", cells[1])
    assert "20 real, 21 fake" in cells[1]
    assert "paper" not in cells[1]
    assert "paper 71.3" in cells[2]


def test_each_head_has_its_matrix(pages):
    tables = {a.get("id") for a in Elements(pages / "index.html").named("table")}
    assert {"matrix-linear", "matrix-converged"} <= tables


def test_the_correlation_is_symmetric_and_the_gain_is_not(pages):
    charts = data(pages / "data.js")[1]["charts"]
    square = charts["correlation"][0]["data"][0]["z"]
    assert square == [list(column) for column in zip(*square, strict=True)]
    assert square[0][0] is None
    gains = charts["improvement"][0]
    assert gains["name"] == "FAVC-like → AV1M-like, mean rank"
    assert gains["data"][0]["z"] != [
        list(c) for c in zip(*gains["data"][0]["z"], strict=True)
    ]


def test_pairs_of_corpora_without_a_correlation_are_no_view(results):
    tables = fusion_tables(results)
    frame = pl.read_csv(tables[0])
    unknown = frame.with_columns(test=pl.lit("one"), pearson=pl.lit(None, pl.Float64))
    pl.concat([unknown, frame]).write_csv(tables[0])
    pages = site(results, [*base_tables(results), *tables])
    views = data(pages / "data.js")[1]["charts"]["correlation"]
    assert [view["name"] for view in views] == ["FAVC-like → AV1M-like"]


def test_the_largest_set_is_shown_with_its_gain(pages, results):
    sets = pl.read_csv(results / "fusion/sets.csv")
    best = sets.sort("auc", descending=True).row(0, named=True)
    text = (pages / "index.html").read_text("utf-8")
    part = text[text.index('id="sets"') :]
    assert f"{100 * best['auc']:.1f}" in part
    assert "+3.0" in part


def test_points_have_the_intervals_of_their_values(pages, results):
    charts = data(pages / "data.js")[1]["charts"]
    [localisation] = charts["localisation"]
    names = [trace["name"] for trace in localisation["data"]]
    assert names == ["audio", "visual", "audio-visual"]
    shapes = {trace["marker"]["symbol"] for trace in localisation["data"]}
    assert len(shapes) == 3
    for trace in localisation["data"]:
        assert trace["error_x"]["array"] == pytest.approx([5.0] * len(trace["x"]))
        assert trace["error_y"]["arrayminus"] == pytest.approx([5.0] * len(trace["x"]))
    [spatial] = charts["spatial"]
    assert spatial["data"][0]["error_x"]["array"] == pytest.approx([0.08, 0.08])


def test_sections_without_a_table_say_why(results):
    empty = fusion_tables(results)
    for path in empty:
        pl.read_csv(path).clear().write_csv(path)
    text = (site(results, [*base_tables(results), *empty]) / "index.html").read_text()
    assert "This run has no fusion of probes: it takes at least two encoders." in text
    assert "This run has no maps over frames: spatial is null." in text
    assert "no localisation in time" in text
    assert "anomaly is null" in text


def test_the_first_moments_are_shown_where_no_segment_is_known(results):
    explained = explain_tables(results)
    pages = site(results, [*base_tables(results), explained[1]])
    assert list(data(pages / "data.js")[1]["charts"]) == ["leading"]
    assert "no localisation in time" in (pages / "index.html").read_text("utf-8")


def test_audits_are_copied_and_their_warnings_shown(pages):
    assert (pages / "audit/one.html").is_file()
    text = (pages / "index.html").read_text("utf-8")
    assert text.count("! Silence tells &lt;fakes&gt;, often.") == 2
    assert "All files are whole" not in text


def test_costs_are_added_up_by_stage_and_encoder(pages, results):
    rows = {(row["stage"], row["encoder"]): row for row in costs(results)}
    features = rows["features", "lfcc"]
    assert (features["jobs"], features["seconds"], features["cpu_seconds"]) == (
        1,
        3.5,
        2.5,
    )
    assert features["memory_mb"] == 0
    assert rows["manifests", ""]["storage_mb"] > 0
    assert data(pages / "provenance.js") == ("provenance", costs(results))


def test_files_that_other_jobs_are_writing_do_not_count(pages, results):
    before = costs(results)
    (results / "benchmarks/features/lfcc/one/001.tsv").write_text("")
    store = results / "features/lfcc/one/000.zarr.zip"
    for name in (".000.zarr.zip.kept", ".000.zarr.zip.17.draft"):
        store.with_name(name).write_bytes(bytes(10**6))
    assert costs(results) == before


def test_the_splits_have_a_digest_that_knows_labels(results):
    def digests() -> list[str]:
        text = (site(results, base_tables(results)) / "index.html").read_text("utf-8")
        return re.findall(r"<td>([0-9a-f]{64})</td>", text)

    before = digests()
    clips = pl.read_parquet(results / "manifests/two.parquet")
    flipped = clips.with_columns(label=1 - pl.col("label"))
    flipped.write_parquet(results / "manifests/two.parquet")
    after = digests()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_only_the_costs_differ_between_two_runs(results):
    tables = [*base_tables(results), *fusion_tables(results), *explain_tables(results)]

    def content() -> dict[Path, bytes]:
        found = site(results, tables).rglob("*")
        return {path: path.read_bytes() for path in found if path.is_file()}

    before = content()
    slow = results / "benchmarks/features/lfcc/one/001.tsv"
    slow.write_text("s\tmax_rss\tcpu_time\n99\t1\t1\n")
    after = content()
    assert before.keys() == after.keys()
    assert [p.name for p in before if before[p] != after[p]] == ["provenance.js"]


def test_the_site_is_small(pages):
    sizes = {path: path.stat().st_size for path in pages.rglob("*") if path.is_file()}
    library = sizes.pop(pages / "assets/plotly.min.js")
    assert library < 6e6
    assert sum(sizes.values()) < 200_000


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(ValueError):
        call("x", float("nan"))
