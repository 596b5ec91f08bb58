"""Names and labels in an order, which JSON with sorted keys would lose in a dict."""

from collections.abc import Iterable

from dfprobe.settings.specs import Spec


class Labelled(Spec):
    """Something that tables and figures show: its name in paths, its label there."""

    name: str
    label: str


def labels(entries: Iterable[Labelled]) -> dict[str, str]:
    """Labels by names, in the order of the entries."""
    return {entry.name: entry.label for entry in entries}
