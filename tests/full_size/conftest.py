"""The tests of this folder run only where it is named: `make test-full`.

They write checkpoints of up to 9 GB. Their figures stand at the end of the run.
"""

from pathlib import Path

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path, config):
    """Leave the folder out unless the command line names it, or something in it."""
    folder = config.invocation_params.dir
    named = [(folder / arg.split("::")[0]).resolve() for arg in config.args]
    if any(path == HERE or HERE in path.parents for path in named):
        return None
    return True


def pytest_terminal_summary(terminalreporter):
    """Print what the tests have recorded, one line an encoder."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports(
        "failed"
    )
    for report in reports:
        if report.when == "call" and report.user_properties:
            figures = [f"{name} {figure}" for name, figure in report.user_properties]
            terminalreporter.write_line(", ".join(figures))
