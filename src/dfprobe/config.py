"""Check a configuration, fill in its defaults, and say what is wrong with it."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from dfprobe.corpora import layouts
from dfprobe.encoders import registry
from dfprobe.errors import ConfigError, near_match, unknown_name
from dfprobe.explain.spatial.supported import is_supported, supported_streams
from dfprobe.features.file_streams import MODALITIES, RATE_HZ
from dfprobe.heads.settings import OPTIONS, RESERVED, with_setting

SCHEMA = Path("workflow/schemas/config.schema.yaml")
_STORED = {"file", "hub"}  # kinds of weights that are named, not described


def complete_config(config: dict[str, Any], schema: Path) -> dict[str, Any]:
    """Return a checked copy of ``config`` with every default filled in.

    Parameters
    ----------
    config : dict
        The merged configuration, as Snakemake gives it.
    schema : Path
        JSON Schema in YAML.

    Raises
    ------
    ConfigError
        With one line for each problem: key path, value, what was expected, near match.
    """
    rules = yaml.safe_load(schema.read_text(encoding="utf-8"))
    full = deepcopy(config)
    _check(full, rules, "config")
    _fill_defaults(full, rules)
    _complete_corpora(full["corpora"])
    _complete_encoders(full["encoders"])
    _complete_heads(full)
    _complete_anomaly(full)
    _complete_spatial(full)
    _check_temporal(full)
    _check_external(full)
    _check_fusion(full)
    _check_references(full)
    return full


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration where there is no Snakemake to do it.

    Parameters
    ----------
    path : Path
        YAML, as for ``snakemake --configfile``.

    Raises
    ------
    ConfigError
        If there is no such file, or it is no configuration.
    """
    for needed in (path, SCHEMA):
        if not needed.is_file():
            raise ConfigError(
                f"{needed} is not there; run dfprobe in the folder that holds the "
                "Snakefile, or name the file with --configfile"
            )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no configuration: its top level is no mapping")
    return complete_config(content, SCHEMA)


def _check(value: Any, rules: dict[str, Any], where: str) -> None:
    errors = list(Draft202012Validator(rules).iter_errors(value))
    if errors:
        lines = [line for error in errors for line in _explain(error, where)]
        raise ConfigError("\n".join(sorted(lines)))


def _explain(error: ValidationError, where: str) -> Iterator[str]:
    """One sentence for each problem that a schema error holds."""
    path = ".".join([where, *map(str, error.absolute_path)])
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema.get("properties", {}))
        for key in sorted(set(error.instance) - set(known)):
            value = json.dumps(error.instance[key], default=str)
            yield (
                f"{path}.{key}: unknown key (its value is {value})"
                f"{near_match(key, known)} Known keys: {', '.join(known)}."
            )
    elif "propertyNames" in error.absolute_schema_path:
        yield (
            f"{path}: the name {error.instance!r} must consist of lower-case letters, "
            "digits, _ and -, and begin with a letter or digit."
        )
    elif error.validator == "required":
        missing = sorted(set(error.validator_value) - set(error.instance))
        yield f"{path}: the key {', '.join(missing)} is required and is not there."
    else:
        yield f"{path}: {_expectation(error)}, but it is {error.instance!r}."


def _expectation(error: ValidationError) -> str:
    allowed = error.validator_value
    sentences = {
        "enum": f"must be one of {allowed}",
        "type": f"must be of type {allowed}",
        "minimum": f"must be at least {allowed}",
        "maximum": f"must be at most {allowed}",
        "exclusiveMinimum": f"must be more than {allowed}",
        "pattern": f"must match {allowed}",
        "minItems": f"must have at least {allowed} entry",
        "minProperties": f"must have at least {allowed} entry",
        "uniqueItems": "must not name an entry twice",
        "oneOf": "must be `last`, `all` or a layer number (an integer from 0)",
    }
    return sentences.get(str(error.validator), error.message)


def _fill_defaults(value: Any, rules: dict[str, Any]) -> None:
    """Set the keys that are absent, at every level, to their defaults."""
    if not isinstance(value, dict):
        return
    for key, sub in rules.get("properties", {}).items():
        if key not in value and "default" in sub:
            value[key] = deepcopy(sub["default"])
        if key in value:
            _fill_defaults(value[key], sub)
    entries = rules.get("additionalProperties")
    if isinstance(entries, dict):
        for entry in value.values():
            _fill_defaults(entry, entries)


def _complete_corpora(corpora: dict[str, dict[str, Any]]) -> None:
    for name, corpus in corpora.items():
        where = f"config.corpora.{name}"
        _check_name(corpus["layout"], layouts.layouts(), f"{where}.layout")
        rules = _options_schema(layouts.layout_options(corpus["layout"]))
        _check(corpus["options"], rules, f"{where}.options")
        _fill_defaults(corpus["options"], rules)
        corpus["label"] = corpus["label"] or name


def _complete_encoders(encoders: dict[str, dict[str, Any]]) -> None:
    for name, encoder in encoders.items():
        where = f"config.encoders.{name}"
        if encoder["source"] == "files":
            _complete_files(encoder, where)
        else:
            _complete_family(encoder, where)
        encoder["label"] = encoder["label"] or name


def _complete_family(encoder: dict[str, Any], where: str) -> None:
    """Fill in an encoder that computes its rows."""
    _refuse(encoder, ("root", "rate_hz", "first_row_s"), "`source: files`", where)
    family = encoder["family"]
    if family is None:
        raise ConfigError(f"{where}: the key family is required and is not there.")
    _check_name(family, registry.families(), f"{where}.family")
    streams = registry.streams(family)
    if encoder["stream"] is None and len(streams) == 1:
        (encoder["stream"],) = streams
    _check_name(encoder["stream"], streams, f"{where}.stream")
    encoder["weights"] = _weights(encoder, f"{where}.weights")
    rules = _options_schema(registry.family_options(family))
    _check(encoder["options"], rules, f"{where}.options")
    _fill_defaults(encoder["options"], rules)


def _complete_files(encoder: dict[str, Any], where: str) -> None:
    """Fill in an encoder whose rows are in files."""
    only = "an encoder with a `family`"
    refused = ("family", "weights", "revision", "options", "trim")
    _refuse(encoder, refused, only, where)
    if encoder["root"] is None:
        raise ConfigError(f"{where}: the key root is required and is not there.")
    _check_name(encoder["stream"], MODALITIES, f"{where}.stream")
    encoder["weights"] = "files"
    encoder["rate_hz"] = encoder["rate_hz"] or RATE_HZ
    encoder["first_row_s"] = encoder["first_row_s"] or 0.0


def _refuse(
    encoder: dict[str, Any], keys: Iterable[str], owner: str, where: str
) -> None:
    for key in keys:
        if encoder[key]:
            raise ConfigError(
                f"{where}.{key}: belongs to {owner}, but it is {encoder[key]!r}."
            )


def _weights(encoder: dict[str, Any], where: str) -> str:
    """Weights of an encoder, refused where its family has no such kind."""
    kinds, weights = registry.weights(encoder["family"]), encoder["weights"]
    if weights is None and list(kinds) == ["none"]:
        return "none"
    if weights is not None:
        named = weights if weights in ("none", "random") else None
        if named in kinds or (named is None and kinds.keys() & _STORED):
            return str(weights)
    allowed = [
        f"the name of a {about}" if kind in _STORED else f"`{kind}` ({about})"
        for kind, about in kinds.items()
    ]
    raise ConfigError(
        f"{where}: the family {encoder['family']} takes {' or '.join(allowed)}, "
        f"but it is {weights!r}."
    )


def _complete_heads(config: dict[str, Any]) -> None:
    for name, head in config["heads"].items():
        where = f"config.heads.{name}"
        rules = _options_schema(OPTIONS[head["kind"]])
        _check(head["options"], rules, f"{where}.options")
        _fill_defaults(head["options"], rules)
        if name in RESERVED:
            raise ConfigError(
                f"{where}: this name stands for other heads in paths; take another one "
                f"than {', '.join(RESERVED)}."
            )
        for place, encoder in enumerate(head["encoders"] or ()):
            _check_name(encoder, config["encoders"], f"{where}.encoders.{place}")
        head["encoders"] = head["encoders"] or list(config["encoders"])
        config["heads"][name] = with_setting(head)
    main = next(iter(config["heads"]))
    if set(config["heads"][main]["encoders"]) != set(config["encoders"]):
        raise ConfigError(
            f"config.heads.{main}.encoders: the first head gives the matrix, so it is "
            "trained on all encoders; leave the key out."
        )


def _complete_anomaly(config: dict[str, Any]) -> None:
    anomaly = config["anomaly"]
    if anomaly is None:
        return
    _check_name(anomaly["corpus"], config["corpora"], "config.anomaly.corpus")
    for place, name in enumerate(anomaly["test"]):
        _check_name(name, config["test"], f"config.anomaly.test.{place}")
    encoders = config["encoders"]
    for place, row in enumerate(anomaly["rows"]):
        for name in row["streams"]:
            _check_name(name, encoders, f"config.anomaly.rows.{place}.streams")
        labels = [encoders[name]["label"] for name in row["streams"]]
        row["label"] = row.get("label") or " + ".join(labels)


def _complete_spatial(config: dict[str, Any]) -> None:
    spatial = config["spatial"]
    if spatial is None:
        return
    where = "config.spatial"
    spatial["train"] = spatial["train"] or config["train"][-1]
    _check_name(spatial["train"], config["train"], f"{where}.train")
    for place, name in enumerate(spatial["test"]):
        _check_name(name, config["test"], f"{where}.test.{place}")
    linear = [head for head in config["heads"].values() if head["kind"] == "linear"]
    trained = linear[0]["encoders"] if linear else []
    for place, name in enumerate(spatial["encoders"]):
        _check_name(name, config["encoders"], f"{where}.encoders.{place}")
        entry = config["encoders"][name]
        if not is_supported(entry["family"], entry["stream"]):
            raise ConfigError(
                f"{where}.encoders.{place}: the rows of {name!r} (family "
                f"{entry['family']}, stream {entry['stream']}) cannot be traced back "
                f"to places in the frame; this can be done for {supported_streams()}."
            )
        if name not in trained:
            raise ConfigError(
                f"{where}.encoders.{place}: maps explain the first head of kind "
                f"linear, and {name!r} has none; add it to that head's encoders."
            )


def _check_temporal(config: dict[str, Any]) -> None:
    for corpus, clips in config["temporal"]["clips"].items():
        where = f"config.temporal.clips.{corpus}"
        _check_name(corpus, config["test"], where)
        for place, entry in enumerate(clips):
            _check_name(entry["encoder"], config["encoders"], f"{where}.{place}")


def _check_external(config: dict[str, Any]) -> None:
    for name, detector in config["external"].items():
        for corpus in detector["scores"]:
            _check_name(corpus, config["test"], f"config.external.{name}.scores")


def _check_fusion(config: dict[str, Any]) -> None:
    fusion = config["fusion"]
    for place, names in enumerate(fusion["sets"]):
        for name in names:
            _check_name(name, config["encoders"], f"config.fusion.sets.{place}")
    if fusion["figure"] is not None:
        for key in ("train", "test"):
            name = fusion["figure"][key]
            _check_name(name, config[key], f"config.fusion.figure.{key}")


def _options_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _check_references(config: dict[str, Any]) -> None:
    for key in ("train", "test"):
        for place, name in enumerate(config[key]):
            _check_name(name, config["corpora"], f"config.{key}.{place}")
    window_s, overlap_s = (config["features"][k] for k in ("window_s", "overlap_s"))
    if overlap_s >= window_s:
        raise ConfigError(
            f"config.features.overlap_s: must be less than window_s ({window_s}), but "
            f"it is {overlap_s}."
        )


def _check_name(name: str | None, known: Iterable[str], where: str) -> None:
    known = sorted(known)
    if name is None:
        raise ConfigError(f"{where}: must be given, one of {', '.join(known)}.")
    if name not in known:
        raise ConfigError(unknown_name(f"{where}: unknown name", name, known))
