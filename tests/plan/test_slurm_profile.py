"""The SLURM profile speaks of rules that there are, and the rules name no cluster."""

import re

import yaml
from snakemake.settings.types import RerunTrigger

from dfprobe.housekeeping.state import RERUN_TRIGGERS
from small_run import ROOT

PROFILE, DEFAULT = (
    yaml.safe_load((ROOT / f"profiles/{name}/profile.yaml").read_text())
    for name in ("slurm", "default")
)
RULES = "\n".join(
    path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
)


def test_the_profile_names_rules_of_the_workflow():
    named = {*PROFILE["set-resources"], *PROFILE["groups"]}
    assert named - set(re.findall(r"^rule (\w+):", RULES, re.MULTILINE)) == set()


def test_the_packed_groups_are_the_ones_that_have_a_size():
    assert set(PROFILE["groups"].values()) == set(PROFILE["group-components"])


def test_status_counts_as_stale_what_a_run_with_either_profile_would_do():
    for profile in (PROFILE, DEFAULT):
        triggers = RerunTrigger.parse_choices_set(profile["rerun-triggers"])
        assert triggers == RERUN_TRIGGERS


def test_no_rule_names_a_cluster():
    assert re.findall(r"slurm|partition|runtime", RULES) == []
