"""The report site in a browser, opened from disk with the network off."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import PROGRAMS, Page, browser, program
from small_run import ODD_NAME
from unit.media.media_files import number_of, numbered_frame, write_clip
from unit.report.toy_run import (
    base_tables,
    clip_files,
    explain_tables,
    fusion_tables,
    manifest,
    site,
)

pytestmark = pytest.mark.skipif(
    program() is None, reason=f"none of {', '.join(PROGRAMS)} is installed"
)
HOSTILE = "<script>alert(1)</script>"
TONE = 0.5 * np.sin(np.arange(32_000, dtype=np.float32) * 0.4)[None]  # 2 s
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A site with three clips in one corpus and 1,200 in the other."""
    root = tmp_path_factory.mktemp("site")
    frames = [numbered_frame(n) for n in range(50)]
    video = str(write_clip(root / "clip.mp4", frames, sound=TONE))
    fake = {"label": 1, "manipulation": "lip swap", "path": video, "video_fake": True}
    clips = [
        {"clip_id": HOSTILE, "label": 0, "path": video, "audio_fake": False},
        {"clip_id": "cut", **fake, "video_fake_segments": [[0.4, 1.2]]},
        {"clip_id": "gone", "label": 1},
    ]
    many = [{"clip_id": f"{n:04d}", "label": n % 2} for n in range(1_200)]
    results = root / "results"
    manifest(results / "manifests/one.parquet", clips)
    manifest(results / "manifests/two.parquet", many)
    clip_files(results, "one", clips=24, frames=75)
    clip_files(results, "two", clips=2, frames=75)
    tables = [*base_tables(results), *fusion_tables(results), *explain_tables(results)]
    return site(results, tables)


@pytest.fixture(scope="module")
def started():
    with browser() as page:
        yield page


@pytest.fixture
def page(started):
    """The browser's page; afterwards it must have seen nothing wrong."""
    started.requests.clear()
    started.complaints.clear()
    started.size(*SIZES["desktop"])
    yield started
    started.run("0")  # lets it report what is left
    assert started.complaints == []
    kinds = {request.split(":")[0] for request in started.requests}
    assert kinds <= {"file", "data"}


def explorer(page: Page, folder: Path, where: str = "") -> None:
    page.open(f"{(folder / 'explorer.html').as_uri()}{where}")
    page.wait("document.querySelector('#clips tbody tr')")


def texts(page: Page, selector: str) -> list[str]:
    return page.run(
        f"[...document.querySelectorAll({selector!r})].map(e => e.textContent)"
    )


def test_the_matrix_sorts_and_filters(page, folder):
    page.open((folder / "index.html").as_uri())
    column = "#matrix-linear tbody td:nth-child(3)"
    button = "document.querySelectorAll('#matrix-linear thead button')[2]"
    before = texts(page, column)
    page.run(f"{button}.click()")
    values = [float(text[:4]) for text in texts(page, column)]
    assert values == sorted(values, reverse=True)
    page.run(f"{button}.click()")
    assert [float(text[:4]) for text in texts(page, column)] == values[::-1]
    assert sorted(texts(page, column)) == sorted(before)
    sort = "document.querySelector('#matrix-linear [aria-sort]').ariaSort"
    assert page.run(sort) == "ascending"

    page.run(
        "const i = document.querySelector('#provenance input[type=search]');"
        "i.value = 'features lfcc'; i.dispatchEvent(new Event('input'))"
    )
    shown = "#cost-table tbody tr:not([hidden]) th"
    assert texts(page, shown) == ["features"]


def test_one_head_is_seen_at_a_time_and_intervals_when_asked_for(page, folder):
    page.open((folder / "index.html").as_uri())
    seen = "e => document.getElementById(e).offsetParent !== null"
    ids = "['matrix-linear', 'matrix-converged']"
    assert page.run(f"{ids}.map({seen})") == [True, False]
    page.run(
        "const s = document.getElementById('head'); s.selectedIndex = 1;"
        "s.dispatchEvent(new Event('change'))"
    )
    assert page.run(f"{ids}.map({seen})") == [False, True]
    notes = (
        "getComputedStyle(document.querySelector('#matrix-converged .notes')).display"
    )
    assert page.run(notes) == "none"
    page.run("document.getElementById('notes').click()")
    assert page.run(notes) == "block"


def test_all_charts_are_drawn_with_labels_as_text(page, folder):
    page.open((folder / "index.html").as_uri())
    page.wait("document.querySelectorAll('.plot .main-svg').length >= 5")
    ticks = texts(page, "[data-chart=correlation] .ytick text")
    assert set(ticks) == {"LFCC", "AV-HuBERT (A)", "CLIP <b>", "AV-HuBERT (AV)"}
    backgrounds = (
        "[...document.querySelectorAll('.plot .main-svg')]"
        ".map(e => getComputedStyle(e).backgroundColor)"
    )
    assert set(page.run(backgrounds)) == {"rgba(0, 0, 0, 0)"}  # none covers another


def test_three_clips_open_and_their_frames_step(page, folder):
    explorer(page, folder)
    now = "document.getElementById('now').textContent"
    name = "document.getElementById('clip').textContent"
    buttons = "document.querySelectorAll('#clips button')"
    assert texts(page, "#clips button") == [HOSTILE, "cut", "gone"]
    for place, clip in enumerate([HOSTILE, "cut", "gone"]):
        page.run(f"{buttons}[{place}].click()")
        page.wait(f"{name} === {clip!r}")
    assert "video, missing" in page.run("document.getElementById('truth').textContent")
    assert page.run("document.getElementById('frame').hidden")

    page.press("ArrowLeft", shift=True)
    page.wait(f"{name} === 'cut'")
    truth = page.run("document.getElementById('truth').textContent")
    assert "video: fake 0.40 to 1.20 s; sound: not known" in truth
    assert page.run(now) == "Frame 1 of 50, 0.00 s"
    for _ in range(13):
        page.press("ArrowRight")
    assert page.run(now) == "Frame 14 of 50, 0.52 s"
    assert number_of(seen_frame(page)) == 13
    page.press("ArrowLeft")
    assert page.run("document.getElementById('time').value") == "12"
    assert page.run("document.getElementById('plot').layout.shapes[0].x0") == 0.48
    assert number_of(seen_frame(page)) == 12
    assert page.run("document.querySelectorAll('script:not([src])').length") == 0


def seen_frame(page: Page) -> np.ndarray:
    """What the page shows as the video frame, (48, 128, 3)."""
    page.run("document.getElementById('frame').scrollIntoView()")
    box = page.run(
        "(({x, y, width, height}) => [x, y, width, height])"
        "(document.getElementById('frame').getBoundingClientRect())"
    )
    x, y, width, height = box
    with Image.open(io.BytesIO(page.picture())) as image:
        frame = image.convert("RGB").crop((x, y, x + width, y + height))
    return np.asarray(frame.resize((128, 48)))


def test_the_first_clip_is_open_from_the_start(page, folder):
    explorer(page, folder)
    page.wait("!document.getElementById('viewer').hidden")
    first = page.run("document.querySelector('#clips tbody th').textContent")
    assert page.run("document.getElementById('clip').textContent") == first


def test_curves_are_logits_or_probabilities_of_the_chosen_probes(page, folder):
    explorer(page, folder, "#one/001")
    page.wait("document.getElementById('plot').data")
    curves = (
        "document.getElementById('plot').data.filter(t => t.mode === 'lines' && t.name)"
    )
    assert page.run(f"{curves}.length") == 3
    page.run("document.querySelectorAll('#probes input')[1].click()")
    assert page.run(f"{curves}.length") == 2
    assert page.run(f"{curves}[1].name") == "CLIP &lt;b>, trained on FAVC-like"
    logits = np.array(page.run(f"{curves}[0].y"))
    page.run(
        "const s = document.getElementById('scale'); s.value = 'probability';"
        "s.dispatchEvent(new Event('change'))"
    )
    probabilities = page.run(f"{curves}[0].y")
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-2 * logits)))


def test_a_long_list_is_read_in_parts(page, folder):
    explorer(page, folder, "#two")
    page.run("document.getElementById('shown').click()")
    page.wait("document.querySelectorAll('#clips tbody tr').length === 25")
    read = [request for request in page.requests if "/list-" in request]
    assert [request.rsplit("/", 1)[1] for request in read] == ["list-000.js"]
    first = "document.querySelector('#clips tbody th').textContent"
    for number in range(25, 501, 25):
        page.run("document.getElementById('on').click()")
        page.wait(f"{first} === '{number:04d}'")
    page.run("Promise.all([1, 2].map(() => dfprobe.load('two/list-001')))")
    assert sum("list-001.js" in request for request in page.requests) == 1
    assert not any("list-002.js" in request for request in page.requests)
    page.run(
        "const s = document.getElementById('search'); s.value = '1199';"
        "s.dispatchEvent(new Event('input'))"
    )
    page.wait("document.querySelectorAll('#clips tbody tr').length === 1")
    assert texts(page, "#clips tbody th") == ["1199"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["index.html", "explorer.html#one/001"])
def test_pages_fit_the_screen(page, folder, size, name):
    page.size(*SIZES[size])
    page.open(f"{folder.as_uri()}/{name}")
    page.wait("document.querySelector('.main-svg')")
    width = page.run("document.documentElement.scrollWidth")
    assert width <= SIZES[size][0]


def test_the_site_of_a_run_opens(page, finished_project):
    folder = finished_project / "results/report"
    page.open((folder / "index.html").as_uri())
    assert page.run("document.querySelectorAll('#matrix-linear tbody tr').length") == 2
    explorer(page, folder, "#odd")
    page.wait("document.querySelectorAll('#clips tbody tr').length === 11")
    assert ODD_NAME in texts(page, "#clips button")
