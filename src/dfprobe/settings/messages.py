"""What is wrong with settings, in sentences: key path, value, what was expected."""

import datetime
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

_KEY = "[key]"  # ends the place of an error about the name of an entry
_RULES = {
    "missing": "the key {key} is required and is not there.",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of keys to values",
}


def sentences(error: ValidationError, where: str) -> list[str]:
    """One sentence for each problem; ``where`` begins the key paths: ``config``."""
    return sorted(set(_sentences(error, where)))


def quoting(value: object) -> str:
    """Advice about a name or text that YAML took for something else, or nothing."""
    if isinstance(value, bool):
        words = "yes, on and true" if value else "no, off and false"
        return f" YAML reads {words} without quotes as a truth value: put it in quotes."
    if isinstance(value, int | float):
        return f" YAML reads it as a number: put it in quotes, '{value}'."
    if isinstance(value, datetime.date):
        return f" YAML reads it as a date: put it in quotes, '{value}'."
    return ""


def _sentences(error: ValidationError, where: str) -> Iterator[str]:
    for problem in error.errors():
        if problem["type"] == "default_factory_not_called":
            continue  # follows from another problem
        *parents, last = place = problem["loc"] or (where,)
        value, rule = problem["input"], problem["msg"]
        if problem["type"] in _RULES:
            rule = _RULES[problem["type"]].format(key=last, **problem.get("ctx", {}))
        path = ".".join([where, *map(str, problem["loc"])])
        above = ".".join([where, *map(str, parents)])
        if last == _KEY:
            owner = ".".join([where, *map(str, place[:-2])])
            yield f"{owner}: the name {value!r} {_about_name(value)}"
        elif problem["type"] == "missing":
            yield f"{above}: {rule}"
        elif problem["type"] == "told":
            yield f"{path}: {rule}"
        else:
            advice = quoting(value) if problem["type"] == "string_type" else ""
            yield f"{path}: {rule}, but it is {_shown(value)}.{advice}"


def _about_name(value: object) -> str:
    if not isinstance(value, str):
        return f"must be a string.{quoting(value)}"
    return (
        "must consist of lower-case letters, digits, _ and -, and begin with a letter "
        "or digit."
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
