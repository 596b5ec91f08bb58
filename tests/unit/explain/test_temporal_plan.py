"""What the planner asks for: files of the heads there are, corpora with segments."""

from copy import deepcopy

import pytest
import yaml

from dfprobe import products
from dfprobe.errors import ConfigError
from dfprobe.planning import temporal
from dfprobe.settings.complete import complete_config

CONFIG = yaml.safe_load(
    """
corpora:
  seg: { layout: av_deepfake1m, root: seg, label: Segments }
  lists: { layout: path_list, root: lists }
encoders:
  lfcc: { label: LFCC, family: lfcc }
  cut: { family: lfcc, trim: leading_silence }
  residual: { family: residual }
train: [lists]
test: [seg, lists]
heads:
  linear: { seeds: [43, 44] }
anomaly:
  corpus: seg
  test: [seg]
  rows: [{ streams: [lfcc] }, { streams: [residual, lfcc], label: Pair }]
"""
)


def completed(**changes):
    return complete_config(deepcopy(CONFIG) | changes)


def test_segments_are_known_by_the_layout():
    assert temporal.localised(completed()) == ["seg"]


def test_curves_of_all_heads_stand_beside_their_scores():
    curves = temporal.curve_files(completed())
    assert len(curves) == len(set(curves)) == 2 * 3 * 2 + 2 + 1
    assert products.curves("linear-s44", "cut", "lists", "seg") in curves
    assert products.curves("sync", "residual+lfcc", "seg", "seg") in curves
    assert products.curves("sync", "lfcc", "seg", "seg") not in curves
    scores = temporal.score_files(completed())
    assert [path.replace("/scores/", "/curves/") for path in scores] == curves


def test_the_spec_says_what_each_row_is():
    spec = temporal.tables_spec(completed())
    sums = {head.name: head.log_sum_exp for head in spec.heads}
    assert sums == {
        "linear": True,
        "linear-s44": True,
        "next_token": False,
        "sync": True,
    }
    about = {entry.name: entry for entry in spec.encoders}
    assert about["lfcc"].model_dump() == {
        "name": "lfcc",
        "label": "LFCC",
        "modality": "audio",
    }
    assert about["residual+lfcc"].label == "Pair"
    assert about["residual+lfcc"].modality == "audio-visual"


def test_without_anomaly_tasks_there_are_the_other_heads():
    curves = temporal.curve_files(completed(anomaly=None))
    assert len(curves) == 2 * 3 * 2


def test_panels_read_the_head_trained_on_the_same_corpus_if_there_is_one():
    curves = temporal.panel_curves(completed(), "seg")
    assert curves[0] == products.curves("linear", "lfcc", "lists", "seg")
    curves = temporal.panel_curves(completed(train=["seg", "lists"]), "seg")
    assert curves[0] == products.curves("linear", "lfcc", "seg", "seg")


def test_chosen_clips_reach_their_corpus_only():
    clips = [{"clip": "val/a/fake", "encoder": "lfcc"}]
    config = completed(temporal={"clips": {"seg": clips}})
    (chosen,) = temporal.panels_spec(config, "seg").clips
    assert [chosen.model_dump()] == clips
    assert temporal.panels_spec(config, "lists").clips == ()


@pytest.mark.parametrize(
    ("corpus", "encoder", "message"),
    [("seg", "lfc", r"temporal\.clips\.seg\.0"), ("sog", "lfcc", r"temporal\.clips")],
)
def test_unknown_names_are_refused(corpus, encoder, message):
    clips = {corpus: [{"clip": "a", "encoder": encoder}]}
    with pytest.raises(ConfigError, match=message):
        completed(temporal={"clips": clips})
