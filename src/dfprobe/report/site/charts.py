"""Charts as plain Plotly figures: tidy rows in, JSON out; the page adds the theme."""

from collections.abc import Mapping, Sequence
from typing import Any

View = dict[str, Any]

# Diverging, told apart with any colour vision: as the figure of the matrix.
_DIVERGING = [
    [0.0, "#542788"],
    [0.25, "#b2abd2"],
    [0.5, "#f7f7f7"],
    [0.75, "#fdb863"],
    [1.0, "#b35806"],
]
# Okabe and Ito's colours, and a shape for each: never colour alone.
STYLES = {
    "audio": ("#0072b2", "circle"),
    "visual": ("#d55e00", "square"),
    "audio-visual": ("#009e73", "diamond"),
}
_OTHER = ("#cc79a7", "x")
_SERIES = [
    ("#0072b2", "circle"),
    ("#d55e00", "square"),
    ("#009e73", "diamond"),
    ("#cc79a7", "x"),
    ("#e69f00", "triangle-up"),
    ("#56b4e9", "star"),
]


def heat_map(
    name: str,
    labels: Sequence[str],
    values: Sequence[Sequence[float | None]],
    notes: Sequence[Sequence[str]],
    axes: tuple[str, str, str],
    middle: float = 0.0,
) -> View:
    """Square of values by row and column.

    Parameters
    ----------
    name : str
        Name of the view.
    labels : sequence of str
        Of the rows and of the columns.
    values : (rows, columns)
        None where there is none.
    notes : (rows, columns) of str
        What a cell says when it is pointed at.
    axes : (str, str, str)
        Titles of columns, rows and colours.
    middle : float
        Value of the colours' middle.
    """
    known = [abs(v - middle) for row in values for v in row if v is not None]
    reach = max(known, default=1.0) or 1.0
    trace = {
        "type": "heatmap",
        "x": list(map(_shown, labels)),
        "y": list(map(_shown, labels)),
        "z": values,
        "text": notes,
        "hovertemplate": "%{y}, %{x}: %{z:.3g}<br>%{text}<extra></extra>",
        "colorscale": _DIVERGING,
        "zmin": middle - reach,
        "zmax": middle + reach,
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"title": {"text": axes[2], "side": "right"}, "thickness": 12},
    }
    layout = {
        "height": 110 + 30 * len(labels) + 6 * max(map(len, labels), default=0),
        "xaxis": _axis(axes[0], type="category", tickangle=-60),
        "yaxis": _axis(axes[1], type="category", autorange="reversed"),
    }
    return {"name": name, "data": [trace], "layout": layout}


def scatter(
    name: str,
    points: Sequence[Mapping[str, Any]],
    axes: tuple[str, str],
) -> View:
    """Points with intervals, shape and colour by modality.

    Parameters
    ----------
    name : str
        Name of the view.
    points : sequence of mapping
        ``label``, ``group``; ``x, y`` with ``x_low``, ``x_high``, ``y_low``, ``y_high``
        (None where there is no interval).
    axes : (str, str)
        Titles.
    """
    traces = []
    for group in dict.fromkeys(point["group"] for point in points):
        members = [point for point in points if point["group"] == group]
        colour, symbol = STYLES.get(group, _OTHER)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": _shown(group),
                "x": [point["x"] for point in members],
                "y": [point["y"] for point in members],
                "text": [_shown(point["label"]) for point in members],
                "hovertemplate": "%{text}<br>%{x:.1f}, %{y:.1f}<extra></extra>",
                "marker": {"color": colour, "symbol": symbol, "size": 10},
                "error_x": _errors(members, "x"),
                "error_y": _errors(members, "y"),
            }
        )
    even = {
        "type": "line",
        "x0": 0,
        "x1": 100,
        "y0": 0,
        "y1": 100,
        "line": {"dash": "dot", "width": 1},
    }
    layout = {
        "height": 460,
        "xaxis": _axis(axes[0]),
        "yaxis": _axis(axes[1]),
        "shapes": [even],
        "legend": {"orientation": "h", "y": 1.12},
    }
    return {"name": name, "data": traces, "layout": layout}


def _errors(points: Sequence[Mapping[str, Any]], axis: str) -> dict[str, Any]:
    def reach(point: Mapping[str, Any], end: str) -> float:
        value = point[f"{axis}_{end}"]
        return 0.0 if value is None else abs(round(value - point[axis], 3))

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(point, "high") for point in points],
        "arrayminus": [reach(point, "low") for point in points],
        "thickness": 1,
        "width": 2,
    }


def dots(name: str, points: Sequence[Mapping[str, Any]], title: str) -> View:
    """One line a label with a dot for each group; intervals where there are any.

    Parameters
    ----------
    name : str
        Name of the view.
    points : sequence of mapping
        ``label``, ``group``, ``x``, ``x_low``, ``x_high``.
    title : str
        Of the axis of values.
    """
    groups = list(dict.fromkeys(point["group"] for point in points))
    labels = list(dict.fromkeys(point["label"] for point in points))
    traces = []
    for place, group in enumerate(groups):
        members = [point for point in points if point["group"] == group]
        colour, symbol = _SERIES[place % len(_SERIES)]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": _shown(group),
                "x": [point["x"] for point in members],
                "y": [_shown(point["label"]) for point in members],
                "hovertemplate": "%{y}: %{x:.3g}<extra>" + _shown(group) + "</extra>",
                "marker": {"color": colour, "symbol": symbol, "size": 10},
                "error_x": _errors(members, "x"),
            }
        )
    layout = {
        "height": 150 + 30 * len(labels),
        "xaxis": _axis(title),
        "yaxis": _axis("", type="category", autorange="reversed"),
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
    }
    return {"name": name, "data": traces, "layout": layout}


def _shown(label: str) -> str:
    """Text that Plotly, which knows some tags, shows as it is."""
    return label.replace("<", "&lt;")


def _axis(title: str, **settings: Any) -> dict[str, Any]:
    return {"title": {"text": title}, "automargin": True, "zeroline": False, **settings}
