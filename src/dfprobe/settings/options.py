"""Models of options that a family, layout or head kind declares as a literal."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
)

from dfprobe.errors import ConfigError
from dfprobe.settings.messages import sentences
from dfprobe.settings.model import FromList, Options, Settings

Declared = dict[str, Options]  # option -> a property of JSON Schema

_TYPES = {"integer": int, "number": float, "string": str, "boolean": bool}
_LIMITS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "minItems": "min_length",
}


def options_model(owner: str, declared: Declared) -> type[Settings]:
    """Make the model of some options.

    Parameters
    ----------
    owner : str
        Name of what declares them, for the name of the model.
    declared : dict
        Option -> ``type`` (``integer``, ``number``, ``string``, ``boolean``, ``array``,
        or one of them with ``null``), ``default``, ``description``, and as needed
        ``enum``, ``minimum``, ``maximum``, ``exclusiveMinimum``, ``items``,
        ``minItems``: the words of JSON Schema.
    """
    fields: Options = {
        name: (
            _type(rules),
            Field(
                rules["default"],
                description=rules.get("description"),
                **{_LIMITS[key]: rules[key] for key in _LIMITS if key in rules},
            ),
        )
        for name, rules in declared.items()
    }
    return create_model(f"{owner}_options", __base__=Settings, **fields)


def complete(model: type[Settings], options: Options) -> Options:
    """Check options and add the defaults of those that are not given.

    Raises
    ------
    pydantic.ValidationError
        If an option is not known or has a value that it cannot have.
    """
    return model.model_validate(options).model_dump()


def options_of(field: str, model: Callable[[str], type[Settings]]) -> AfterValidator:
    """Completion of options of which another field, checked before, names the owner."""

    def check(options: Options, info: ValidationInfo) -> Options:
        if field not in info.data:
            return options
        return complete(model(info.data[field]), options)

    return AfterValidator(check)


def complete_or_refuse(model: type[Settings], options: Options, owner: str) -> Options:
    """`complete`, outside of the check of a configuration.

    Raises
    ------
    ConfigError
        With one line per problem, which begins with the owner of the options.
    """
    try:
        return complete(model, options)
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, f"{owner}, options"))) from None


def _type(rules: Options) -> Any:
    if "enum" in rules:
        return Literal[tuple(rules["enum"])]
    if isinstance(rules["type"], list):
        kind, null = rules["type"]
        if null != "null":
            raise ValueError(f"the second of the types {rules['type']} must be 'null'")
        return _TYPES[kind] | None
    if rules["type"] == "array":
        items = (_type(rules["items"]), ...)
        return Annotated[tuple.__class_getitem__(items), FromList]
    return _TYPES[rules["type"]]
