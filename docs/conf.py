"""Sphinx configuration; built with ``sphinx-build -W --keep-going -b html docs docs/_build``.

At its end this build starts another one with the tag ``ko``: the lecture in Korean.
"""

import os
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

# One thread is as fast for the small networks of the examples. Before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import skmlp

sys.path.insert(0, str(Path(__file__).parent))
import browser
import languages
import package_graph

KOREAN = tags.has("ko")  # noqa: F821, tags is defined by Sphinx
os.environ["COLUMNS"] = "100"  # for the progress bars of rich

project = "skmlp"
author = "the skmlp developers"
copyright = f"2026, {author}"
version = release = skmlp.__version__

extensions = [
    "numpydoc",
    "sphinx-mathjax-offline",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "jupyterlite_sphinx",  # after sphinx_gallery, which writes the notebooks
]
exclude_patterns = ["_build", "examples", "learn"]
language = "ko" if KOREAN else "en"
locale_dirs = ["locale"]
gettext_compact = "lecture"  # one catalog
gettext_location = False
templates_path = ["_templates"]
default_role = "code"
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"sklearn\..*"),  # its inventory needs a network
    (r"py:obj", r"\w+_"),  # fitted attributes that are properties: documented in the class
]
autodoc_typehints = "none"
copybutton_prompt_text = r">>> |\.\.\. "  # copied without prompts and output
copybutton_prompt_is_regexp = True
numpydoc_show_class_members = False
suppress_warnings = ["ref.term"]  # inherited docstrings refer to scikit-learn's glossary
toc_object_entries_show_parents = "hide"

# Only "sphinx -b linkcheck", which requests every external address, needs a network.
linkcheck_timeout = 20
linkcheck_retries = 2

html_theme = "pydata_sphinx_theme"
html_title = "skmlp"
html_show_sourcelink = False
html_sidebars = {"**": []}  # all the width for code
html_static_path = ["_static"]
html_css_files = ["narrow.css", "languages.css"]
html_theme_options = {
    "article_header_start": ["breadcrumbs", "language"],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}

# On the site, each version is in a folder of its own, and docs/publish.py writes the list of them.
if "DOCS_VERSION" in os.environ:
    html_theme_options |= {
        "navbar_start": ["navbar-logo", "version-switcher"],
        "switcher": {
            "json_url": "../switcher.json",  # relative to the start page
            "version_match": os.environ["DOCS_VERSION"].removeprefix("v"),
        },
        "check_switcher": False,
        "show_version_warning_banner": True,
    }

sphinx_gallery_conf = {
    "examples_dirs": ["learn", "examples"],
    "gallery_dirs": ["generated/learn", "generated/examples"],
    "within_subsection_order": "FileNameSortKey",  # the lecture has an order
    "abort_on_example_error": True,
    "copyfile_regex": r"index\.rst",  # the lecture's own
    "image_scrapers": ("languages",),
    "capture_repr": (),  # examples print what they show; a block may ask for "_repr_html_"
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "jupyterlite": {
        "jupyterlite_contents": "generated/lite",
        "notebook_modification_function": "browser.for_browser",
        "use_jupyter_lab": False,
    },
}

jupyterlite_config = "jupyter_lite_config.json"
jupyterlite_content_dir = "generated/lite"
jupyterlite_dir = "generated"  # its other files

if KOREAN:  # from the documents that the English build has generated; nothing is run again
    # The copy button has no Korean texts, and the lecture no prompts.
    for extension in ("sphinx_copybutton", "sphinx_gallery.gen_gallery", "jupyterlite_sphinx"):
        extensions.remove(extension)
    extensions += ["sphinx.ext.intersphinx", "sphinx_gallery.load_style"]
    include_patterns = ["generated/learn/**"]
    root_doc = "generated/learn/index"
    html_additional_pages = {"index": "korean.html"}  # leads there
    html_theme_options |= {"navbar_center": [], "search_bar_text": "검색어"}
else:
    languages.run_changed_labels_again()


class PackageGraph(Directive):
    """``.. package-graph::`` is the drawing of the imports between the packages."""

    def run(self):
        return [nodes.raw("", package_graph.draw(), format="html")]


def only_our_requests(app, config):
    """Remove what jupyterlite_sphinx adds to each page for directives that are not used here.

    Among it is a font of another site, which each page would request.
    """
    registry = app.registry
    registry.css_files = [f for f in registry.css_files if not f[0].startswith("https:")]
    # The folder of sphinx-gallery's notebooks is the content already: jupyterlite_content_dir.
    config.jupyterlite_contents.clear()


def setup(app):
    app.add_directive("package-graph", PackageGraph)
    languages.setup(app)
    if not KOREAN:
        app.connect("config-inited", browser.build_wheel)
        app.connect("config-inited", only_our_requests, priority=1000)
        app.connect("source-read", browser.replace_button)
