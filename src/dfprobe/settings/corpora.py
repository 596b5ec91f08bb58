"""Settings of a corpus: where it lies, how it is split, whether it is generated."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from dfprobe.settings.corpus_layouts import generated, layout_options, layouts
from dfprobe.settings.model import Options, Settings, derived, known, told
from dfprobe.settings.options import options_of


class Sources(Settings):
    """Source recordings per split; each gives a real clip and its fakes."""

    train: int = Field(0, ge=0, description="Sources of the training split.")
    val: int = Field(0, ge=0, description="Sources of the validation split.")
    test: int = Field(0, ge=0, description="Sources of the test split.")


class Demo(Settings):
    """A corpus that is generated instead of read."""

    seed: int = Field(43, ge=0, description="Seed of faces, voices and manipulations.")
    sources: Sources = Sources()


class Corpus(Settings):
    """A data set."""

    layout: Annotated[str, known(layouts)] = Field(
        description="Layout on disk; a module of dfprobe.corpora."
    )
    root: str = Field(description="Folder of the corpus.")
    label: str = derived("Name in figures; null takes the key.")
    splits: str | None = Field(
        None,
        description="Folder with {train,val,test}_labels.csv in the published "
        "`path,label` form (or _metadata.csv, _split.csv, see docs/adding_a_corpus.md);"
        " null splits by the layout's own rule.",
    )
    fakes: Literal["any", "both"] = Field(
        "any",
        description="`both` keeps only fakes whose audio and video are manipulated, "
        "where the corpus says so (the paper's choice); `any` keeps all.",
    )
    shards: int = Field(
        1,
        ge=1,
        le=1000,
        description="Parts that are processed as one job each, a few hundred clips "
        "per part. Another number moves clips between parts and computes everything "
        "anew.",
    )
    content_key: Literal["stat", "hash"] = Field(
        "stat",
        description="How a changed file is noticed: `stat` by size and modification "
        "time, `hash` by content (reads every byte).",
    )
    watch: bool = Field(
        True,
        description="Look through the folder at every start for files that came, went "
        "or changed. Switch it off for very large or slow folders and run "
        "`snakemake --forcerun make_manifest` after a change.",
    )
    options: Annotated[Options, options_of("layout", layout_options)] = Field(
        {}, description="The layout's own settings."
    )
    demo: Demo | None = Field(
        None,
        description="Generate this corpus instead of reading one that is there; null "
        "reads.",
    )

    @field_validator("demo")
    @classmethod
    def _can_be_generated(cls, demo: Demo | None, info: ValidationInfo) -> Demo | None:
        layout = info.data.get("layout")
        if demo is not None and layout is not None and layout not in generated():
            raise told(
                f"no corpus can be generated in the layout {layout}; the generator "
                f"knows {', '.join(generated())}."
            )
        return demo
