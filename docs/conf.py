"""Sphinx configuration; built with ``sphinx-build -W --keep-going -b html docs docs/_build``."""

import skmlp

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
exclude_patterns = ["_build", "examples"]
default_role = "code"
autodoc_typehints = "none"
numpydoc_show_class_members = False
suppress_warnings = ["ref.term"]  # inherited docstrings refer to scikit-learn's glossary
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

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "generated/examples",
    "abort_on_example_error": True,
    "image_scrapers": ("matplotlib",),
    "capture_repr": (),  # what is to be seen is printed
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
}
