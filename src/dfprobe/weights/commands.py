"""``dfprobe weights``: list, check and fetch published weights."""

import sys
from collections.abc import Sequence

from dfprobe.errors import EncoderError, near_match
from dfprobe.weights.fetch import fetch
from dfprobe.weights.records import (
    Record,
    fault,
    record_name,
    records,
    state,
    weights_folder,
)
from dfprobe.weights.table import check_report, listing


def run(action: str, names: Sequence[str]) -> None:
    """Run ``list``, ``check`` or ``fetch`` on records; no name stands for all of them.

    Raises
    ------
    EncoderError
        If a name is not a record; if weights that were checked are wrong, or were named
        and are missing; if weights could not be fetched.
    """
    commands = {"list": _list, "check": _check, "fetch": _fetch}
    commands[action](names)


def _list(names: Sequence[str]) -> None:
    table = listing((record, state(record)) for record in _selected(names))
    place = f"Checkpoint files go below {weights_folder()} (DFPROBE_WEIGHTS)."
    _print(f"{table}\n\n{place}")


def _check(names: Sequence[str]) -> None:
    faults = [(record, fault(record, hashed=True)) for record in _selected(names)]
    _print(check_report((r, wrong.state if wrong else "found") for r, wrong in faults))
    # Nobody needs all weights: that some are missing matters where they are named.
    problems = [
        wrong.message
        for _, wrong in faults
        if wrong and (names or wrong.state != "missing")
    ]
    if problems:
        raise EncoderError("\n".join(problems))


def _fetch(names: Sequence[str]) -> None:
    if not names:
        raise EncoderError(
            "name the weights to fetch, as 'dfprobe weights' lists them: 'dfprobe "
            "weights fetch NAME ...'"
        )
    failures = []
    for record in _selected(names):
        try:
            fetch(record)
        except EncoderError as error:
            failures.append(str(error))
    if failures:
        raise EncoderError("\n".join(failures))


def _selected(names: Sequence[str]) -> list[Record]:
    known = records()
    for name in names:
        if record_name(name) not in known:
            raise EncoderError(
                f"dfprobe has no record of weights named {name!r}"
                f"{near_match(name, known)} 'dfprobe weights' lists the records"
            )
    return [known[record_name(name)] for name in names] or list(known.values())


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
