import polars as pl
import pytest

from dfprobe.heads.files.history import Stopping
from dfprobe.report.plots.save import save
from dfprobe.report.plots.training_curves import training_curves_figure

STOPPING = {"linear": Stopping(5, 2), "transformer": Stopping(9, 2)}


def curve(head, val_losses, encoder="CLIP", train="FAVC"):
    return pl.DataFrame(
        {
            "encoder": encoder,
            "train": train,
            "head": head,
            "epoch": range(1, len(val_losses) + 1),
            "train_loss": [loss / 2 for loss in val_losses],
            "val_loss": val_losses,
        }
    )


def draw(*curves):
    return training_curves_figure(pl.concat(curves), STOPPING)


def marks(axes, marker):
    return [line.get_xydata()[0] for line in axes.lines if line.get_marker() == marker]


def test_a_panel_an_encoder_and_training_corpus():
    figure = draw(
        *(
            curve("linear", [0.5, 0.4], encoder, train)
            for encoder in ("CLIP", "LFCC")
            for train in ("FAVC", "AV1M")
        )
    )
    assert [axes.get_title() for axes in figure.axes] == [
        "CLIP\ntrained on FAVC",
        "CLIP\ntrained on AV1M",
        "LFCC\ntrained on FAVC",
        "LFCC\ntrained on AV1M",
    ]


def test_a_pair_without_heads_leaves_its_place_empty():
    figure = draw(
        curve("linear", [0.5], "CLIP", "FAVC"), curve("linear", [0.5], "LFCC", "AV1M")
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["CLIP\ntrained on FAVC", "LFCC\ntrained on AV1M"]


def test_training_is_dashed_and_validation_solid():
    axes = draw(curve("linear", [0.5, 0.4, 0.3])).axes[0]
    train, val = (line for line in axes.lines if len(line.get_xdata()) == 3)
    assert (train.get_linestyle(), val.get_linestyle()) == ("--", "-")
    assert list(train.get_ydata()) == [0.25, 0.2, 0.15]
    assert list(val.get_ydata()) == [0.5, 0.4, 0.3]
    assert axes.get_yscale() == "log"


def test_the_best_epoch_is_marked():
    axes = draw(curve("linear", [0.5, 0.3, 0.4])).axes[0]
    [best] = marks(axes, "o")
    assert list(best) == [2, 0.3]


@pytest.mark.parametrize(
    ("losses", "limited"),
    [
        ([0.5, 0.4, 0.3, 0.2, 0.1], True),
        ([0.5, 0.4, 0.3, 0.1, 0.2], True),
        ([0.5, 0.4, 0.1, 0.3, 0.2], False),  # patience ran out at the last epoch
        ([0.5, 0.1, 0.2, 0.3], False),
    ],
)
def test_a_training_that_reached_the_limit_has_a_note(losses, limited):
    axes = draw(curve("linear", losses)).axes[0]
    note = "ended at the limit: linear (5)" if limited else ""
    assert axes.get_xlabel() == note
    assert [list(end) for end in marks(axes, "x")] == [[5, losses[-1]]] * limited


def test_each_head_has_its_colour_and_its_own_limit():
    losses = [0.5, 0.4, 0.3, 0.2, 0.1]
    figure = draw(curve("linear", losses), curve("transformer", losses))
    axes = figure.axes[0]
    assert axes.get_xlabel() == "ended at the limit: linear (5)"
    assert len({line.get_color() for line in axes.lines}) == 2
    [legend] = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[:2] == ["linear", "transformer"]


def test_many_encoders_stand_in_two_blocks():
    figure = draw(*(curve("linear", [0.5], f"E{i}", "FAVC") for i in range(17)))
    columns = {axes.get_subplotspec().colspan.start for axes in figure.axes}
    assert columns == {0, 1}


def test_equal_tables_give_equal_bytes(tmp_path):
    paths = [tmp_path / f"{name}.png" for name in ("one", "two")]
    for path in paths:
        save(draw(curve("linear", [0.5, 0.4, 0.3])), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
