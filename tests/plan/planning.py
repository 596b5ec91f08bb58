"""What the next run would do, asked of Snakemake in this process."""

from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)


def planned(project: Path, *configfiles: str) -> set[str]:
    """Jobs that the next run would do: rule, and wildcards as in its output."""
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
        workflow.dag(DAGSettings()).execute_workflow(executor="dryrun")
        dag = workflow._workflow.dag
        jobs = list(dag.needrun_jobs(exclude_finished=False))
        names = [f"{j.rule.name} {'/'.join(j.wildcards)}".strip() for j in jobs]
        assert len(set(names)) == len(names)
        return set(names)
