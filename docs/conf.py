"""Sphinx configuration; built with ``sphinx-build -W --keep-going -b html docs docs/_build``."""

import skmlp

project = "skmlp"
author = "the skmlp developers"
copyright = f"2026, {author}"
version = release = skmlp.__version__

extensions = ["numpydoc", "sphinx-mathjax-offline", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
default_role = "code"
autodoc_typehints = "none"
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "skmlp"
html_show_sourcelink = False
html_sidebars = {"**": []}
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
