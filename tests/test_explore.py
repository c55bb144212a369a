"""The app: it follows a slider in time, says what it shows, and does so in a real browser."""

import re
import time
from urllib.parse import urlsplit

import nbformat
import numpy as np
import pytest
from checkout import ROOT
from server import options, serious, serving
from test_own_activation import EXAMPLE

from nearopt.network import tanh
from nearopt.rank.count import exact_rank
from panels import ACTIVATIONS, DEVIATION, LARGEST, Setting, generic_rank, panels, redraw

NOTEBOOK = ROOT / "explore/explore.ipynb"


@pytest.fixture(scope="module")
def figure():
    return panels()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_setting_fills_its_panels_and_is_put_in_words(figure, activation):
    setting = Setting(4, 6, activation=activation, teachers=5)
    words = redraw(figure, setting)
    rank = generic_rank(activation, 4, 6)
    size = f"{activation}, 4 inputs, 6 hidden units: 30 parameters, rank {rank}. "
    assert words.startswith(f"{size}Gradient descent at a rate of")
    spectral, counting, descending = figure.axes
    assert spectral.get_title() == f"Spectrum of 5 teachers, {activation}"
    assert counting.lines[-1].get_ydata()[0] == rank
    prediction, descent = (line.get_xydata() for line in descending.lines)
    predicted = np.interp(descent[:, 0], *prediction.T)
    seen = predicted > 1e-10 * predicted[0]
    # What the second order leaves out is of the relative size of the deviation, a hundredth.
    np.testing.assert_allclose(descent[seen, 1], predicted[seen], rtol=10 * DEVIATION)


@pytest.mark.parametrize("activation", ["cubic", "erf", "ReLU"])
def test_the_law_is_that_of_the_draws(figure, activation):
    assert "No law" not in redraw(figure, Setting(14, 14, activation=activation))
    law, draws = (stairs.get_data() for stairs in figure.axes[0].patches)
    shares = [np.cumsum(side.values * np.diff(side.edges)) for side in (law, draws)]
    assert np.abs(np.subtract(*shares)).max() < 0.06


def test_without_a_law_the_reason_is_told(figure):
    words = redraw(figure, Setting(4, 6, activation="erf"))
    assert "No law is drawn: input_dim and hidden_dim must be at least 5" in words


def test_ranks_are_those_that_exact_counting_finds():
    rng = np.random.default_rng(3)
    for name in ("linear", "quadratic", "cubic"):
        counted = exact_rank(ACTIVATIONS[name], 4, 6, rng=rng).value
        assert generic_rank(name, 4, 6) == counted


def test_of_an_activation_without_theory_the_rank_is_counted_and_said_to_be(figure, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "own.py:own", tanh)
    words = redraw(figure, Setting(4, 6, activation="own.py:own"))
    assert "own.py:own, 4 inputs, 6 hidden units: 30 parameters, rank 30 in floats, not" in words
    counting = figure.axes[1]
    assert counting.get_title() == "Rank in floats, not proved, own.py:own"
    assert [line.get_label() for line in counting.lines] == ["parameters", "one teacher"]


def test_a_rate_above_the_critical_one_is_told(figure):
    assert "diverges" in redraw(figure, Setting(4, 6, activation="erf", rate=1.9))


@pytest.mark.parametrize("activation", ["linear", "erf", "ReLU"])
def test_above_the_critical_rate_the_loss_is_seen_to_grow(figure, activation):
    words = redraw(figure, Setting(4, 6, activation=activation, rate=1.2))
    assert "1.20 of the critical one, above which it leaves the teacher" in words
    axes = figure.axes[2]
    low, high = axes.get_ylim()
    prediction, descent = (line.get_ydata() for line in axes.lines)
    assert low < prediction.min()
    assert max(prediction.max(), descent.max()) < high


def test_a_network_too_large_to_follow_is_refused(figure):
    with pytest.raises(ValueError, match=f"510 parameters .* {LARGEST}"):
        redraw(figure, Setting(50, 10))


def test_the_notebook_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.fixture
def app(request, tmp_path):
    """The address of the app as `make explore` starts it, with less patience for closed pages."""
    (tmp_path / "sine.py").write_text(EXAMPLE)
    own = {"ACTIVATION": f"{tmp_path}/sine.py:sine"} if hasattr(request, "param") else {}
    given = " ".join(options("explore"))
    for word, soon in (("timeout=600", "timeout=15"), ("interval=60", "interval=1")):
        assert word in given
        given = given.replace(word, soon)
    command = ["voila", *given.split(), str(NOTEBOOK)]
    with serving(tmp_path, command, JUPYTER_PATH=str(ROOT / "explore"), **own) as address:
        yield address


@pytest.mark.slow
def test_a_reader_moves_sliders_on_any_screen_and_leaves(app, chromium):
    assert re.match(r"http://(127\.0\.0\.1|localhost):\d+", app)
    page, asked, said = chromium.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    # What a browser shows of a console, but for what voila says of a slow machine.
    page.on("console", lambda m: "still executing" in m.text or said.append((m.type, m.text)))
    page.on("pageerror", lambda error: said.append(("error", str(error))))
    page.goto(app, timeout=60_000)
    page.wait_for_selector(
        "text=linear, 10 inputs, 20 hidden units: 220 parameters", timeout=60_000
    )
    page.wait_for_selector("img[alt='Spectrum of 50 teachers, linear']")
    page.get_by_role("slider", name="hidden units").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=231 parameters, rank 10", timeout=20_000)
    page.get_by_label("activation").select_option("erf")
    page.wait_for_selector("text=Drawing ...")
    page.wait_for_selector("text=231 parameters, rank 231", timeout=20_000)
    page.wait_for_selector("img[alt$=' teachers, erf']")
    assert page.locator("img[alt$=', linear']").count() == 0
    assert not serious(page)
    reach = """Math.max(...[...document.querySelectorAll('img, select, .slider')].map(
        part => part.getBoundingClientRect().right))"""
    for width in (360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"innerWidth == {width}")
        assert width / 2 < page.evaluate(reach) <= width
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.emulate_media(color_scheme="dark")
    assert "invert" in page.evaluate("getComputedStyle(document.documentElement).filter")
    assert not [text for kind, text in said if kind != "debug"]
    assert any(urlsplit(url).path.endswith("/static/index.css") for url in asked)
    outside = [url for url in asked if urlsplit(url).scheme not in {"blob", "data"}]
    assert {urlsplit(url).hostname for url in outside} == {urlsplit(app).hostname}
    kernel = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
    address = f"{app}api/kernels/{page.evaluate(kernel)}"
    assert page.request.get(address).ok
    page.goto("about:blank")
    deadline = time.monotonic() + 60
    while page.request.get(address).ok and time.monotonic() < deadline:
        time.sleep(0.5)
    assert page.request.get(address).status == 404
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("app", ["own"], indirect=True)
def test_the_app_begins_with_an_activation_of_one_s_own(app, chromium):
    page = chromium.new_page()
    page.goto(app, timeout=60_000)
    words = "text=sine.py:sine, 10 inputs, 20 hidden units: 220 parameters, rank"
    assert "in floats, not proved" in page.locator(words).first.inner_text(timeout=60_000)
    page.wait_for_selector("img[alt='Rank in floats, not proved, sine.py:sine']")
    assert page.get_by_label("activation").input_value() == "sine.py:sine"
    page.get_by_label("activation").select_option("erf")
    page.wait_for_selector("text=220 parameters, rank 220. ", timeout=20_000)
    page.close()
