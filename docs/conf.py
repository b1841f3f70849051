"""Sphinx configuration; built with ``sphinx-build -W --keep-going -b html docs docs/_build``."""

import os

import skmlp

os.environ["COLUMNS"] = "100"  # for the progress bars of rich

project = "skmlp"
author = "the skmlp developers"
copyright = f"2026, {author}"
version = release = skmlp.__version__

extensions = [
    "numpydoc",
    "sphinx-mathjax-offline",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples", "learn"]
default_role = "code"
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"sklearn\..*"),  # its inventory is on the network
    (r"py:obj", r"\w+_"),  # fitted attributes that are properties: told of in the class
]
autodoc_typehints = "none"
numpydoc_show_class_members = False
suppress_warnings = ["ref.term"]  # inherited docstrings refer to scikit-learn's glossary
toc_object_entries_show_parents = "hide"

# "sphinx -b linkcheck" asks for every address outside, so it needs a network; the others do not.
linkcheck_timeout = 20
linkcheck_retries = 2

html_theme = "pydata_sphinx_theme"
html_title = "skmlp"
html_show_sourcelink = False
html_sidebars = {"**": []}  # all the width for code
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}

sphinx_gallery_conf = {
    "examples_dirs": ["learn", "examples"],
    "gallery_dirs": ["generated/learn", "generated/examples"],
    "within_subsection_order": "FileNameSortKey",  # the lecture has an order
    "abort_on_example_error": True,
    "image_scrapers": ("matplotlib",),
    "capture_repr": (),  # what is to be seen is printed
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
}
