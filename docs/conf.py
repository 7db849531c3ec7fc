"""Settings of Sphinx."""

import re

import skdl

project = "skdl"
author = copyright = "The skdl developers"
version = release = skdl.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "From nearest neighbours to neural networks, one estimator interface"}

autosummary_generate = True
autodoc_default_options = {"members": True, "inherited-members": True}
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False

# Methods inherited from scikit-learn refer to pages of its documentation, which is not at hand offline.
suppress_warnings = ["ref.ref", "ref.term"]


def _quote_attributes(app, what, name, obj, options, lines):
    """Mark names such as n_features_in_ as code; their last character would make them references."""
    lines[:] = [
        line
        if line.lstrip().startswith((">>>", "..."))
        else re.sub(r"(?<![`\w.])([a-zA-Z]\w*_)(?=[,)\s.]|$)", r"``\1``", line)
        for line in lines
    ]


def setup(app):
    app.connect("autodoc-process-docstring", _quote_attributes, priority=400)
