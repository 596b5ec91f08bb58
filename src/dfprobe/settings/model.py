"""The base of all settings: what a model of them refuses, and how it says so."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from dfprobe.errors import near_match, unknown_name

# Values of settings that a family, layout or head kind declares itself.
Options: TypeAlias = dict[str, Any]
# Hidden layer of an encoder: its number, or what the model returns, or all of them.
Layer: TypeAlias = int | Literal["last", "all"]

DEVICE = r"^(auto|cpu|cuda(:[0-9]+)?)$"
_TOLD = "told"  # type of the errors that are whole sentences
_EXPECTED = "expected"  # type of those that end in the value


class Settings(BaseModel):
    """A group of settings: frozen, without unknown keys; null is the same as absent."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True
    )
    # key -> what it belongs to, for keys of similar settings that are not known here
    elsewhere: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, data: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        """Word unknown keys, whose neighbours only the model knows; drop nulls."""
        if not isinstance(data, dict):
            return handler(data)
        unknown = [key for key in data if key not in cls.model_fields]
        problems = [
            InitErrorDetails(
                type=told(cls._about_unknown(key, data[key])),
                loc=(key if isinstance(key, str) else repr(key),),
                input=data[key],
            )
            for key in unknown
        ]
        given = {
            key: value
            for key, value in data.items()
            if key not in unknown and value is not None
        }
        try:
            checked = handler(given)
        except ValidationError as error:
            problems += [_detail(problem) for problem in error.errors()]
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return checked

    @classmethod
    def _about_unknown(cls, key: object, value: object) -> str:
        if key in cls.elsewhere:
            return f"belongs to {cls.elsewhere[str(key)]}, but it is {value!r}."
        known = sorted(cls.model_fields)
        return (
            f"unknown key (its value is {value!r}){near_match(str(key), known)} "
            f"Known keys: {', '.join(known) or 'none'}."
        )


def told(sentence: str) -> PydanticCustomError:
    """Error of a validator whose sentence follows the key path as it is."""
    return PydanticCustomError(_TOLD, "{about}", {"about": sentence})


def expected(what: str) -> PydanticCustomError:
    """Error of a validator that says what a value must be; the value is added."""
    return PydanticCustomError(_EXPECTED, "{about}", {"about": what})


def require_known(name: str, known: list[str]) -> None:
    """Refuse a name that is not known, or not given (empty) where one is needed."""
    if not name:
        raise told(f"must be given, one of {', '.join(sorted(known))}.")
    if name not in known:
        raise told(unknown_name("unknown name", name, known))


def known(names: Callable[[], list[str]]) -> AfterValidator:
    """Check of a text that must be one of some names."""

    def check(name: str) -> str:
        require_known(name, names())
        return name

    return AfterValidator(check)


def derived(description: str) -> Any:
    """Field of a text that is found out where it is not given; empty until then."""
    return Field("", description=description, json_schema_extra=_null_by_default)


def taken(from_others: Callable[[Options], Any], description: str) -> Any:
    """Field whose default comes from the fields before it."""
    return Field(
        default_factory=from_others,
        description=description,
        json_schema_extra=_null_by_default,
    )


def _null_by_default(schema: Options) -> None:
    schema["default"] = None


def _detail(problem: Any) -> InitErrorDetails:
    """Turn an error that was told back into one that can be raised."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in (_TOLD, _EXPECTED):
        kind = PydanticCustomError(kind, "{about}", context)
    detail = InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"])
    return detail | {"ctx": context} if context else detail


def _once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise expected("must not name an entry twice")
    return values


Name = Annotated[
    str,
    Field(
        pattern="^[a-z0-9][a-z0-9_-]*$", description="Names become parts of file names."
    ),
]
Once = AfterValidator(_once)
# YAML has lists, a frozen model has tuples; the entries are still taken strictly.
FromList = Field(strict=False)
Names = Annotated[tuple[str, ...], FromList, Field(min_length=1), Once]
Seeds = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...], FromList, Field(min_length=1), Once
]
