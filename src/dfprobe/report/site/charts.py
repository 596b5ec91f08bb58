"""Charts as plain Plotly figures: tidy rows in, JSON out; the page adds the theme."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dfprobe.report.explorer.scripts import Json
from dfprobe.report.palette import DIVERGING, look


class Estimate(NamedTuple):
    """A value and its interval, whose ends are None where there is none."""

    value: float
    low: float | None
    high: float | None


class Point(NamedTuple):
    """A mark of a chart; its group sets colour and shape."""

    label: str
    group: str
    x: Estimate
    y: Estimate | None = None


def heat_map(
    name: str,
    labels: Sequence[str],
    values: Sequence[Sequence[float | None]],
    notes: Sequence[Sequence[str]],
    title: str,
) -> Json:
    """Square of values by row and column, its colours centred at 0.

    ``name`` is that of the view, ``labels`` are those of the rows and of the columns,
    ``title`` is that of the scale of colours. ``values`` (None where undefined) and
    ``notes``, shown when a cell is pointed at, are by row and column.
    """
    known = [abs(value) for row in values for value in row if value is not None]
    reach = max(known, default=1.0) or 1.0
    stops = [place / (len(DIVERGING) - 1) for place in range(len(DIVERGING))]
    trace = {
        "type": "heatmap",
        "x": list(map(_shown, labels)),
        "y": list(map(_shown, labels)),
        "z": values,
        "text": notes,
        "hovertemplate": "%{y}, %{x}: %{z:.3g}<br>%{text}<extra></extra>",
        "colorscale": list(map(list, zip(stops, DIVERGING, strict=True))),
        "zmin": -reach,
        "zmax": reach,
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"title": {"text": title, "side": "right"}, "thickness": 12},
    }
    height = 110 + 30 * len(labels) + 6 * max(map(len, labels), default=0)
    grid = {"type": "category", "showgrid": False}
    axes = {
        "xaxis": _axis("", tickangle=-60, **grid),
        "yaxis": _axis("", autorange="reversed", **grid),
    }
    return {"name": name, "data": [trace], "layout": {"height": height, **axes}}


def scatter(name: str, points: Sequence[Point], titles: tuple[str, str]) -> Json:
    """Points (with ``y``) in per cent, with the dotted line of equal values.

    ``name`` is that of the view, ``titles`` are those of the axes.
    """
    traces = [
        trace
        | {
            "y": [point.y.value for point in members if point.y],
            "text": [_shown(point.label) for point in members],
            "hovertemplate": "%{text}<br>%{x:.1f}, %{y:.1f}<extra></extra>",
            "error_y": _errors([point.y for point in members if point.y]),
        }
        for trace, members in _traces(points)
    ]
    even = {"type": "line", "line": {"dash": "dot", "width": 1}}
    layout = {
        "height": 460,
        "xaxis": _axis(titles[0], range=[-2, 102]),
        "yaxis": _axis(titles[1], range=[-2, 102]),
        "shapes": [even | {"x0": 0, "x1": 100, "y0": 0, "y1": 100}],
        "legend": {"orientation": "h", "y": 1.12},
    }
    return {"name": name, "data": traces, "layout": layout}


def dots(name: str, points: Sequence[Point], title: str) -> Json:
    """One line per label with a dot for each group; intervals where there are any.

    ``name`` is that of the view, ``title`` that of the axis of values.
    """
    traces = [
        trace
        | {
            "y": [_shown(point.label) for point in members],
            "hovertemplate": "%{y}: %{x:.3g}<extra>" + trace["name"] + "</extra>",
        }
        for trace, members in _traces(points)
    ]
    labels = {point.label for point in points}
    layout = {
        "height": 150 + 30 * len(labels),
        "xaxis": _axis(title),
        "yaxis": _axis("", type="category", autorange="reversed"),
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
    }
    return {"name": name, "data": traces, "layout": layout}


def _traces(points: Sequence[Point]) -> Iterator[tuple[Json, list[Point]]]:
    """One trace of marks per group, without what differs from chart to chart."""
    for place, group in enumerate(dict.fromkeys(point.group for point in points)):
        members = [point for point in points if point.group == group]
        colour, _, symbol = look(group, place)
        trace = {
            "type": "scatter",
            "mode": "markers",
            "name": _shown(group),
            "x": [point.x.value for point in members],
            "marker": {"color": colour, "symbol": symbol, "size": 10},
            "error_x": _errors([point.x for point in members]),
        }
        yield trace, members


def _errors(estimates: Sequence[Estimate]) -> Json:
    def reach(value: float, end: float | None) -> float:
        return 0.0 if end is None else abs(round(end - value, 3))

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(value, high) for value, _, high in estimates],
        "arrayminus": [reach(value, low) for value, low, _ in estimates],
        "thickness": 1,
        "width": 2,
    }


def _shown(label: str) -> str:
    """Text that Plotly, which knows some tags, shows as it is."""
    return label.replace("<", "&lt;")


def _axis(title: str, **settings: Any) -> Json:
    return {"title": {"text": title}, "automargin": True, "zeroline": False, **settings}
