"""Settings of the heads that are trained on clip labels."""

from typing import Annotated, Any, Literal

from pydantic import Field

from dfprobe.settings.head_kinds import PRESETS, kind_options, kinds
from dfprobe.settings.model import (
    FromList,
    Names,
    Once,
    Options,
    Seeds,
    Settings,
    known,
    taken,
)
from dfprobe.settings.options import options_of

LearningRates = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...], FromList, Field(min_length=1), Once
]


def _rates(before: Options) -> tuple[float, ...]:
    """Step sizes of the setting; a Transformer diverges at the probe's larger rate."""
    setting = before.get("setting", "paper")
    if before.get("kind") == "transformer":
        setting = "paper"
    return PRESETS[setting].learning_rates


def _of_the_setting(name: str) -> Any:
    return lambda before: getattr(PRESETS[before.get("setting", "paper")], name)


class Head(Settings):
    """One entry of `heads`: a head per seed, encoder and training corpus."""

    kind: Annotated[str, known(kinds)] = Field(
        "linear",
        description="`linear` is the paper's probe; `transformer` reads the rows in "
        "their order.",
    )
    setting: Literal["paper", "converged"] = Field(
        "paper",
        description="`paper`: Adam at 0.001, at most 100 epochs, patience 10. "
        "`converged`: from 0.01 and from 0.1 (a Transformer: 0.001), less whenever the "
        "validation loss stops falling, until it stays. The keys below win over it.",
    )
    seeds: Seeds = Field(
        (43,),
        description="One head per seed; all tables have them, seeds.csv their "
        "spread. Linear probes of one entry are trained in one pass, with the clips in "
        "the order of the first seed.",
    )
    learning_rates: LearningRates = taken(
        _rates,
        "Step sizes of Adam; of several, the one of the lowest validation loss is "
        "kept. Null takes the setting's.",
    )
    max_epochs: Annotated[int, Field(ge=1)] = taken(
        _of_the_setting("max_epochs"), "Epochs at most; null takes the setting's."
    )
    patience: Annotated[int, Field(ge=1)] = taken(
        _of_the_setting("patience"),
        "Epochs without a lower validation loss before training stops; null takes the "
        "setting's.",
    )
    schedule: Literal["none", "plateau"] = taken(
        _of_the_setting("schedule"),
        "`plateau` lowers the learning rate when the validation loss stops falling; "
        "null takes the setting's.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        description="`balanced` weights the loss so that both classes count alike; the "
        "paper does not.",
    )
    encoders: Names | tuple[()] = Field(
        (), description="Encoders it is trained on; null takes all."
    )
    options: Annotated[Options, options_of("kind", kind_options)] = Field(
        {},
        description="The size of a Transformer (width, layers, heads, feed_forward, "
        "dropout).",
    )
