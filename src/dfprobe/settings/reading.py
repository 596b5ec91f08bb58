"""Configuration files in YAML: what the parser refuses, and what it lets pass silently.

The parser takes the last of two keys of the same name, and reads names such as ``no``,
``1`` or ``2024-01-01`` as truth values, numbers and dates. Both are refused here, with
file and line.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dfprobe.errors import ConfigError

_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a configuration file.

    Raises
    ------
    ConfigError
        If it is not YAML, does not hold keys and values, or has a key twice or a key
        that is not a string: one line per problem.
    """
    text = _text(path)
    try:
        check_keys(path, text)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} cannot be read as YAML: {_reason(error)}") from None
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path} is not a configuration: its top level must be keys with values"
        )
    return content


def check_files(paths: Iterable[Path]) -> None:
    """Refuse, as `read_yaml`, what Snakemake refuses in other words or takes silently.

    Files that are not there are left to Snakemake.
    """
    for path in paths:
        if path.is_file():
            read_yaml(path)


def check_keys(path: Path, text: str) -> None:
    """Refuse keys that stand twice in a mapping, or are not strings.

    Raises
    ------
    ConfigError
        With one line per problem: file, line, key.
    yaml.YAMLError
        If the text is not YAML.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    wrong = [f"{path}, {problem}" for problem in _key_problems(root, set())]
    if wrong:
        raise ConfigError("\n".join(wrong))


def _key_problems(node: yaml.Node | None, seen: set[int]) -> Iterator[str]:
    if node is None or id(node) in seen:  # an alias names the node that was seen
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _key_problems(entry, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield f"line {line}: a key must be a string, but it is a list or mapping."
        elif key.tag not in (_TEXT, _MERGE):
            yield (
                f"line {line}: the key {key.value} is not a string for YAML, which "
                f"reads it as {_kind(key.tag)}. Put it in quotes: '{key.value}'."
            )
        elif key.value in first:
            yield (
                f"line {line}: the key {key.value!r} is there twice; it is also in "
                f"line {first[key.value]}. Remove one of them."
            )
        else:
            first[key.value] = line
        yield from _key_problems(value, seen)


def _kind(tag: str) -> str:
    names = {
        "bool": "a truth value",
        "int": "a number",
        "float": "a number",
        "timestamp": "a date",
        "null": "nothing",
    }
    kind = tag.removeprefix("tag:yaml.org,2002:")
    return names.get(kind, f"a value of type {kind}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} cannot be read as YAML: byte {error.start} is not UTF-8"
        ) from None


def _reason(error: yaml.YAMLError) -> str:
    """One sentence: line, column, what the parser found."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    context = f" {error.context}" if error.context else ""
    return f"line {mark.line + 1}, column {mark.column + 1}:{context} {error.problem}"
