"""What the next run would do, asked of Snakemake in this process."""

from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    RerunTrigger,
    ResourceSettings,
)


def planned(project: Path, *configfiles: str) -> set[str]:
    """Jobs that the next run would do: rule, and wildcards as in its output."""
    profile = yaml.safe_load((project / "profiles/default/profile.yaml").read_text())
    triggers = RerunTrigger.parse_choices_set(profile["rerun-triggers"])
    settings = OutputSettings(quiet={Quietness.ALL}, dryrun=True)
    with SnakemakeApi(settings) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(
                configfiles=[project / name for name in configfiles]
            ),
            snakefile=project / "Snakefile",
            workdir=project,
        )
        workflow.dag(DAGSettings(rerun_triggers=triggers)).execute_workflow(
            executor="dryrun"
        )
        dag = workflow._workflow.dag
        jobs = list(dag.needrun_jobs(exclude_finished=False))
        names = [f"{j.rule.name} {'/'.join(j.wildcards)}".strip() for j in jobs]
        assert len(set(names)) == len(names)
        return set(names)
