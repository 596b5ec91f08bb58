"""Records as text: for the terminal, and for the documentation."""

from collections.abc import Iterable

from dfprobe.weights.records import Record, State, stored

_INDENT = " " * 21  # below the columns of state and size
_BROWSER = " (in a browser)"


def listing(records: Iterable[tuple[Record, State]]) -> str:
    """Lines for the terminal, three per record, at most 100 columns wide.

    State, size and name; licence; page that publishes them.
    """
    lines = [f"{'state':<12}{'size':>7}  name, licence, published on"]
    for record, state in records:
        lines += [
            f"{state:<12}{_size(record):>7}  {record.name}",
            f"{_INDENT}{record.licence or 'licence not known'}",
            f"{_INDENT}{record.published}{'' if record.can_be_fetched else _BROWSER}",
        ]
    return "\n".join(lines)


def check_report(records: Iterable[tuple[Record, State]]) -> str:
    """Lines for the terminal, two per record: state, and what it was compared with."""
    lines = [f"{'state':<12}name, compared with what is published"]
    for record, state in records:
        lines += [f"{state:<12}{record.name}", f"{'':<12}{_compared(record)}"]
    return "\n".join(lines)


def markdown(records: Iterable[Record]) -> str:
    """Table for the documentation, one row per record."""
    lines = [
        "| `weights` | what | input | licence | from |",
        "| --- | --- | --- | --- | --- |",
    ]
    for record in records:
        paper = (
            f"[arXiv {record.paper.arxiv}](https://arxiv.org/abs/{record.paper.arxiv})"
        )
        streams = ", ".join(record.streams)
        cells = (
            f"`{record.name}`",
            f"{record.title} ({paper}); `{record.family}`: {streams}",
            record.preprocessing,
            record.licence or "not known",
            _source(record),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _size(record: Record) -> str:
    """Size of what is there, else the published one, in GB."""
    path = None if record.is_hub else stored(record)
    size = path.stat().st_size if path else record.size_bytes
    return "?" if size is None else f"{size / 1e9:.2f} GB"


def _compared(record: Record) -> str:
    """Name what the record knows about the file with the tensors."""
    path = stored(record)
    if record.is_hub and path and path.name != record.hub_file:
        return f"nothing: {path.name} is cached, whose size and hash are not known"
    facts = {
        "size": record.size_bytes,
        "SHA-256": record.sha256,
        "first digits of the MD5": record.md5_start,
    }
    known = [name for name, value in facts.items() if value is not None]
    return ", ".join(known) or "nothing: neither its size nor its hash is known"


def _source(record: Record) -> str:
    size = f" ({record.size_bytes / 1e9:.2f} GB)" if record.size_bytes else ""
    if record.browser_url is None:
        return f"[fetch]({record.published}){size}"
    return f"[browser]({record.browser_url}), [page]({record.published}){size}"
