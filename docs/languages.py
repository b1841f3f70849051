"""The lecture in Korean: labels of figures, the second build, and the links between both.

The text of the pages is in ``locale/ko/LC_MESSAGES/lecture.po``. The labels of all figures are in
``locale/<language>/figures.json``, with the same keys in each language. The programs of the pages
are not run again for the translation: each figure is saved with English and with Korean labels.
"""

import json
import re
import subprocess
import sys
from functools import cache
from html import escape
from importlib.metadata import files
from pathlib import Path, PurePosixPath

import matplotlib.pyplot as plt
from babel.messages.pofile import read_po
from docutils import nodes
from docutils.parsers.rst import Directive
from fontTools import subset
from matplotlib import font_manager
from matplotlib.text import Text
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.nodes import extract_messages
from sphinx_gallery.directives import imgsgnode
from sphinx_gallery.scrapers import figure_rst, matplotlib_scraper

DOCS = Path(__file__).parent
LECTURE = "generated/learn/"  # the documents of the lecture
WEB_FONTS = {"hangul.woff": "NanumGothic.ttf", "hangul-bold.woff": "NanumGothicBold.ttf"}
NAMES = {"en": "English", "ko": "한국어"}
logger = logging.getLogger(__name__)


@cache
def labels(language):
    """Return the labels of figures, by key."""
    return json.loads((DOCS / "locale" / language / "figures.json").read_text("utf-8"))


@cache
def catalog():
    """Return the translations of the text."""
    with open(DOCS / "locale" / "ko" / "LC_MESSAGES" / "lecture.po", "rb") as file:
        return read_po(file)


def translate_label(text):
    """Return an English label in Korean; {0} and {1} in the tables are any text."""
    for key, english in labels("en").items():
        pattern = re.sub(r"\\{\d\\}", "(.+)", re.escape(english))
        if found := re.fullmatch(pattern, text):
            return labels("ko")[key].format(*found.groups())
    if re.search("[a-z]{2}", re.sub(r"\$.*?\$", "", text)):  # a word, not a number or a formula
        raise ExtensionError(f"{text!r} is not in docs/locale/en/figures.json")
    return text


@cache
def hangul_font(name="NanumGothic.ttf"):
    """Return the path of a font of koreanize-matplotlib; to import that is not necessary."""
    return next(path for path in files("koreanize-matplotlib") if path.name == name).locate()


def translate_figure(figure):
    """Replace the labels of a figure by Korean ones."""
    font_manager.fontManager.addfont(hangul_font())
    font = font_manager.FontProperties(fname=hangul_font()).get_name()
    for text in figure.findobj(Text):
        english = text.get_text()
        korean = translate_label(english)
        if korean != english:
            text.set_text(korean)
            text.set_fontfamily([font, "DejaVu Sans"])


def titles_and_axes(figure):
    """Return the labels that describe a figure to those who do not see it."""
    found = [figure.get_suptitle()]
    for ax in figure.axes:
        found += [ax.get_title(), ax.get_ylabel(), ax.get_xlabel()]
    return "; ".join(dict.fromkeys(label for label in found if label))


def scrape(block, block_vars, gallery_conf):
    """Save the figures of a block, those of the lecture in both languages."""
    if Path(block_vars["src_file"]).parent.name != "learn":
        return matplotlib_scraper(block, block_vars, gallery_conf)
    rst = ""
    paths = block_vars["image_path_iterator"]
    for number, path in zip(plt.get_fignums(), paths, strict=False):  # paths are without end
        figure = plt.figure(number)
        figure.savefig(path)
        rst += figure_rst([path], gallery_conf["src_dir"], titles_and_axes(figure))
        translate_figure(figure)
        figure.savefig(in_korean(path))
    plt.close("all")
    return rst


def _get_sg_image_scraper():
    """Return what sphinx-gallery calls, since its settings cannot hold functions."""
    return scrape


def in_korean(path):
    """Return the path of the Korean version of an image."""
    path = PurePosixPath(path)
    return str(path.with_name(f"{path.stem}.ko{path.suffix}"))


def run_changed_labels_again():
    """Let sphinx-gallery run the lecture again if labels are newer than the figures."""
    newest = max(path.stat().st_mtime for path in DOCS.glob("locale/*/figures.json"))
    for path in (DOCS / LECTURE).glob("*.md5"):
        if path.stat().st_mtime < newest:
            path.unlink()


class SoftmaxFigure(Directive):
    """``.. softmax-figure::`` is the figure in which three logits can be changed."""

    def run(self):
        """Return the figure as HTML."""
        env = self.state.document.settings.env
        for name in ("softmax_figure.html", f"locale/{env.config.language}/figures.json"):
            env.note_dependency(str(DOCS / name))
        return [nodes.raw("", softmax_figure(env.config.language), format="html")]


def softmax_figure(language):
    """Return softmax_figure.html with the labels of a language."""
    html = (DOCS / "softmax_figure.html").read_text("utf-8")
    return re.sub(r"{{(\w+)}}", lambda found: escape(labels(language)[found[1]]), html)


class MissingTranslations(SphinxTransform):
    """Warn of text that has no translation."""

    default_priority = 19  # before Sphinx translates

    def apply(self, **kwargs):
        """Look for each message of the document in the catalog."""
        for node, message in extract_messages(self.document):
            found = catalog().get(message)
            if found is None or not found.string or found.fuzzy:
                logger.warning("no translation of %r", message, location=node)


def check_translations(app):
    """Let the build warn of missing translations, unless it collects what is to be translated."""
    if app.builder.name != "gettext":
        app.add_transform(MissingTranslations)


def take_korean_images(app, doctree):
    """Replace images by those with Korean labels."""
    for image in doctree.findall(imgsgnode):
        image["uri"], image["srcset"] = in_korean(image["uri"]), in_korean(image["srcset"])
        app.env.note_dependency(str(DOCS / image["uri"].lstrip("/")))
        parts = image["alt"].split("; ")
        image["alt"] = "; ".join(translate_label(part) for part in parts)


def link_other_language(app, pagename, templatename, context, doctree):
    """Let pages of the lecture link to the same page in the other language."""
    if not pagename.startswith(LECTURE):
        return
    up = "../" * pagename.count("/")
    code, root = ("ko", f"{up}ko/") if app.config.language == "en" else ("en", f"{up}../")
    url = f"{root}{pagename}.html"
    context["other_language"] = {"code": code, "name": NAMES[code], "url": url}
    context["metatags"] += f'\n<link rel="alternate" hreflang="{code}" href="{url}">'


def build_korean(app, exception):
    """Build the Korean pages from the documents of the English build, in its folder ko."""
    if exception is None and app.builder.name == "html" and app.config.language == "en":
        options = ["-W", "--keep-going", "-q", "-b", "html", "-t", "ko"]
        command = [sys.executable, "-m", "sphinx", *options, app.srcdir, app.outdir / "ko"]
        if subprocess.run(command).returncode:
            raise ExtensionError("the build of the Korean pages failed")


def write_fonts(app, exception):
    """Write the Hangul of the pages as fonts, for browsers on machines that have none."""
    if exception is not None or app.builder.name != "html":
        return
    pages = [*app.outdir.glob("*.html"), *app.outdir.glob(f"{LECTURE}*.html")]
    texts = [*pages, app.outdir / "_static" / "translations.js"]
    text = "".join(path.read_text("utf-8") for path in texts if path.exists())
    text = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)  # JavaScript
    hangul = "".join(re.findall(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]", text))
    options = subset.Options(flavor="woff", name_IDs=[0, 13, 14])  # copyright and licence
    options.drop_tables += [f"TSI{i}" for i in range(6)]  # sources of an editor
    for name, source in WEB_FONTS.items():
        font = subset.load_font(hangul_font(source), options)
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=hangul)
        subsetter.subset(font)
        subset.save_font(font, app.outdir / "_static" / name, options)


def link_to_english_pages(app, config):
    """Let Korean pages refer to the English build around them."""
    inventory = app.outdir.parent / "objects.inv"
    if inventory.exists():
        config.intersphinx_mapping = {"english": ("..", str(inventory))}


def link_to_english_notebooks(app, name, source):
    """Let the buttons of Korean pages open the notebooks, which are in the folder above."""
    source[0] = source[0].replace(":target: ../../lite/", ":target: ../../../lite/")


def setup(app):
    """Connect all this to Sphinx."""
    app.add_directive("softmax-figure", SoftmaxFigure)
    app.connect("html-page-context", link_other_language)
    app.connect("build-finished", write_fonts)
    app.connect("build-finished", build_korean)
    if app.tags.has("ko"):
        app.connect("builder-inited", check_translations)
        app.connect("config-inited", link_to_english_pages)
        app.connect("source-read", link_to_english_notebooks)
        app.connect("doctree-read", take_korean_images)
