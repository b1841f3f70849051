"""The lecture in two languages, and its interactive figure in a browser."""

import json
import re
import shutil
import subprocess
from collections import Counter
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from babel.messages.pofile import read_po
from scipy.special import softmax

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "learn" / "index.rst", *sorted(DOCS.glob("learn/plot_*.py"))]
LANGUAGES = ["en", "ko"]
FIGURE = (DOCS / "softmax_figure.html").read_text(encoding="utf-8")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def read_catalog():
    with open(DOCS / "locale" / "ko" / "LC_MESSAGES" / "lecture.po", "rb") as file:
        return read_po(file)


CATALOG = read_catalog()
MESSAGES = [message for message in CATALOG if message.id]


def labels(language):
    path = DOCS / "locale" / language / "figures.json"
    return json.loads(path.read_text(encoding="utf-8"))


def paragraphs_of(path):
    """Return the titles and paragraphs of a page, each as one line; no directives."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        first = re.match(r'r"""(.*?)"""', text, re.DOTALL)[1]
        comments = re.findall(r"^# %%\n((?:#.*\n)+)", text, re.MULTILINE)
        text = "\n\n".join([first, *(re.sub("^# ?", "", c, flags=re.MULTILINE) for c in comments)])
    text = re.sub(r"^\.\. .*\n(?:\n|  .*\n)*", "\n", text, flags=re.MULTILINE)
    text = re.sub(r"^([=-])\1+$", "\n", text, flags=re.MULTILINE)  # underlines of titles
    text = re.sub(r"^(\S.*)\n(?=    )", r"\1\n\n", text, flags=re.MULTILINE)  # definition lists
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_paragraph_has_a_translation(path):
    translated = {" ".join(message.id.split()) for message in MESSAGES}
    paragraphs = paragraphs_of(path)
    assert len(paragraphs) > 10
    assert [text for text in paragraphs if text not in translated] == []


def test_catalog_is_complete():
    assert len(MESSAGES) > 150
    assert not CATALOG.obsolete
    assert [message.id for message in MESSAGES if message.fuzzy or not message.string] == []


def test_prose_is_korean():
    prose = [m for m in MESSAGES if re.search(r"^[A-Z\d].* ", m.id) and "\\" not in m.id]
    assert len(prose) > 50
    assert [m.id for m in prose if not re.search("[가-힣]", m.string)] == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.id[:40])
def test_translations_keep_formulas_links_and_numbers(message):
    roles = r":[\w:]+:`(?:[^`<]*<)?([^`<>]+)>?`|(?<![:`\w])`([^`]+)`"
    numbers = r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?"

    def count(pattern, text):
        return Counter(re.findall(pattern, text))

    korean, english = message.string, message.id
    assert count(roles, korean) == count(roles, english)
    korean_rest, english_rest = (re.sub(roles, "", text) for text in (korean, english))
    assert count(numbers, korean_rest) >= count(numbers, english_rest)  # "zero" may be 0
    for markup in (r"\*\*", r"(?<!\*)\*(?!\*)"):
        assert count(markup, korean) == count(markup, english)


def test_tables_of_labels_have_the_same_keys():
    english, korean = map(labels, LANGUAGES)
    assert list(english) == list(korean)
    assert len(set(english.values())) == len(english)
    for key, label in english.items():
        assert sorted(re.findall(r"{\d}|\$.*?\$", label)) == sorted(
            re.findall(r"{\d}|\$.*?\$", korean[key])
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_of_the_interactive_figure_exist(language):
    assert set(re.findall(r"{{(\w+)}}", FIGURE)) <= set(labels(language))


def shown(html):
    """Return the raw outputs, their sum, softmax and its sum, as the figure shows them."""
    output = re.search(r"<output.*?</output>", html, re.DOTALL)[0]
    texts = re.findall(r'<span class="number">(.*?)</span>', output)
    parts = [text.replace("\N{MINUS SIGN}", "-").split(", ") for text in texts]
    return [np.array(part, dtype=float) for part in parts]


def test_the_figure_without_javascript():
    z, z_sum, a, a_sum = shown(FIGURE)
    np.testing.assert_allclose(a, softmax(z), atol=5e-4)
    assert z_sum == z.sum()
    assert a_sum == 1
    bars = re.findall(r'<rect x="\d+" y="([\d.]+)" width="40" height="([\d.]+)"', FIGURE)
    y, height = np.array(bars, dtype=float).T
    np.testing.assert_allclose(y[:3], 90 - 14 * np.maximum(z, 0), atol=0.05)
    np.testing.assert_allclose(height[:3], 14 * np.abs(z), atol=0.05)
    np.testing.assert_allclose(height[3:], 140 * softmax(z), atol=0.05)
    np.testing.assert_allclose(y[3:] + height[3:], 160, atol=0.05)


STEPS = """
<script>
const set = (id, value) => {
  const input = document.getElementById(id);
  input.value = value;
  input.dispatchEvent(new Event("input"));
};
const results = [];
for (const [z, T, clicks] of SETTINGS) {
  document.querySelector("button[data-reset]").click();
  z.forEach((value, k) => set(`softmax-z${k + 1}`, value));
  set("softmax-T", T);
  for (const step of clicks) document.querySelector(`button[data-add="${step}"]`).click();
  const bars = [...document.querySelectorAll(".probabilities rect")];
  results.push({
    html: document.querySelector("output").outerHTML,
    heights: bars.map((bar) => Number(bar.getAttribute("height"))),
    disabled: [...document.querySelectorAll("button[data-add]")].map((b) => b.ariaDisabled),
  });
}
document.title = JSON.stringify([results, document.querySelector(".controls").hidden]);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no browser")
def test_the_figure_in_a_browser(tmp_path):
    settings = [
        ([2, 1, -1], 1, []),
        ([0.5, 0.2, 0.1], 1, []),
        ([0.5, 0.2, 0.1], 1, [1, 1, 1]),
        ([0.5, 0.2, 0.1], 1, [-1]),
        ([5, -5, 0], 0.2, [1]),  # beyond the ends of the sliders: no change
        ([-5, 4.9, 4.7], 5, []),
        ([-3.3, -3.3, -3.3], 2.4, []),
    ]
    path = tmp_path / "figure.html"
    page = f"<!doctype html><title></title>{FIGURE}{STEPS}"
    path.write_text(page.replace("SETTINGS", json.dumps(settings)), encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={tmp_path}/user", "--dump-dom",
        path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    title = re.search("<title>(.*?)</title>", done.stdout.decode(), re.DOTALL)[1]
    results, hidden = json.loads(unescape(title))
    assert not hidden
    for (z, T, clicks), result in zip(settings, results, strict=True):
        z_shown, z_sum, a, a_sum = shown(result["html"])
        moved = np.array(z) + (0 if max(np.abs(z)) == 5 else sum(clicks))
        np.testing.assert_allclose(z_shown, moved, atol=1e-12)
        np.testing.assert_allclose(z_sum, moved.sum(), atol=1e-9)
        exact = softmax(moved / T)
        np.testing.assert_allclose(a, exact, atol=5.0001e-4)
        np.testing.assert_allclose(np.array(result["heights"]) / 140, exact, atol=1e-12)
        assert a_sum == 1
        up, down = moved.max() + 1 > 5, moved.min() - 1 < -5
        assert result["disabled"] == [str(up).lower(), str(down).lower()]
