"""The SLURM profile speaks of rules that there are, and the rules name no cluster."""

import re

import yaml

from small_run import ROOT

PROFILE = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
RULES = "\n".join(
    path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
)


def test_the_profile_names_rules_of_the_workflow():
    named = {*PROFILE["set-resources"], *PROFILE["groups"]}
    assert named - set(re.findall(r"^rule (\w+):", RULES, re.MULTILINE)) == set()


def test_the_packed_groups_are_the_ones_that_have_a_size():
    assert set(PROFILE["groups"].values()) == set(PROFILE["group-components"])


def test_no_rule_names_a_cluster():
    assert re.findall(r"slurm|partition|runtime", RULES) == []
