"""The table of facts: complete, and brought up to date."""

import shutil

import polars as pl
import pytest

from dfprobe import recipes
from dfprobe.audit import facts_table
from dfprobe.audit.facts_table import FACTS_SCHEMA, make_facts, update_facts
from unit.media.media_files import numbered_frame, write_clip


@pytest.fixture
def clips(tmp_path):
    good = write_clip(tmp_path / "b.mp4", [numbered_frame(n) for n in range(5)])
    shutil.copy(good, tmp_path / "a.mp4")
    (tmp_path / "c.mp4").write_text("no video")
    names = ["c", "a", "b", "d"]
    return pl.DataFrame(
        {
            "clip_id": names,
            "path": [str(tmp_path / f"{name}.mp4") for name in names],
            "content_key": ["1", "1", "1", "missing"],
            "shard": ["000", "000", "001", "000"],
        }
    )


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Names of the files that are read."""
    names = []
    original = facts_table.clip_facts

    def noting(path):
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(facts_table, "clip_facts", noting)
    return names


def test_every_clip_has_a_row_whatever_is_wrong_with_it(clips, tmp_path):
    out = tmp_path / "facts.parquet"
    update_facts("audit", clips, out)
    table = pl.read_parquet(out)
    assert table.schema == pl.Schema(FACTS_SCHEMA)
    assert dict(table.select("clip_id", "status").iter_rows()) == {
        "a": "no_audio",
        "b": "no_audio",
        "c": "unreadable",
        "d": "missing",
    }
    same = dict(table.select("clip_id", "sha256").iter_rows())
    assert same["a"] == same["b"] != same["c"]


def test_a_stage_reads_the_clips_of_its_shard(clips, tmp_path):
    manifest, out = tmp_path / "manifest.parquet", tmp_path / "mine/001.parquet"
    clips.write_parquet(manifest)
    make_facts(manifest, "001", out)
    assert pl.read_parquet(out)["clip_id"].to_list() == ["b"]


def test_only_changed_clips_are_read_again(clips, tmp_path, read):
    out = tmp_path / "facts.parquet"
    update_facts("audit", clips, out)
    assert sorted(read) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    read.clear()
    out.unlink()  # as Snakemake does before a job
    key = pl.when(pl.col("clip_id") == "b").then(pl.lit("2")).otherwise("content_key")
    update_facts("audit", clips.with_columns(content_key=key), out)
    assert read == ["b.mp4"]
    assert pl.read_parquet(out).height == 4


def test_a_killed_run_goes_on_where_it_was(clips, tmp_path, monkeypatch, read):
    out = tmp_path / "facts.parquet"
    original = facts_table.clip_facts

    def killed(path):
        if path.name == "c.mp4":
            raise KeyboardInterrupt
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(facts_table, "clip_facts", killed)
        with pytest.raises(KeyboardInterrupt):
            update_facts("audit", clips, out)
    assert not out.exists()
    read.clear()
    update_facts("audit", clips, out)
    assert read == ["c.mp4", "d.mp4"]
    assert pl.read_parquet(out)["clip_id"].to_list() == ["a", "b", "c", "d"]
    assert not out.with_name("facts.parquet.journal").exists()


def test_another_recipe_reads_all_anew(clips, tmp_path, monkeypatch, read):
    out = tmp_path / "facts.parquet"
    update_facts("audit", clips, out)
    read.clear()
    monkeypatch.setattr(recipes, "facts", lambda: {"facts": 2})
    update_facts("audit", clips, out)
    assert len(read) == 4
