"""Settings of Sphinx."""

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))
# Examples are small: more threads than one wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import skdl  # noqa: E402

project = "skdl"
author = "The skdl developers"
copyright = author
version = release = skdl.__version__

extensions = [
    "_extensions.links",
    "_extensions.mathml",
    "_extensions.results",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_parser",
    "numpydoc",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "generated/gallery/**/*.ipynb", "generated/gallery/**/*.py", "generated/backreferences"]
html_math_renderer = "mathml"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "skdl"
html_static_path = ["_static"]
html_css_files = ["skdl.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
    "logo": {"text": "skdl"},
}
html_sidebars = {"index": [], "start": [], "concepts": [], "scale": [], "coming_from/*": []}

autosummary_generate = True
python_maximum_signature_line_length = 100
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Methods inherited from scikit-learn refer to pages of its documentation, which is not at hand offline.
suppress_warnings = ["ref.ref", "ref.term", "config.cache"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": os.environ.get("SKDL_GALLERY", r"/plot_"),
    # Scripts that are run by hand are not in the gallery's form.
    "ignore_pattern": r"(^|/)(?!plot_)[^/]+\.py$",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdl",),
    "download_all_examples": False,
    "subsection_order": [
        f"../examples/{topic}"
        for topic in ("start", "neighbors", "tree", "naive_bayes", "linear_model", "cluster", "neural", "sequences")
    ]
    + [f"../examples/{topic}" for topic in ("model_selection", "ensemble", "inspection", "saving")],
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 0.1,
    "nested_sections": False,
    "show_signature": False,
    "write_computation_times": False,
}


def _quote_attributes(app, what, name, obj, options, lines):
    """Mark names such as n_features_in_ as code; their last character would make them references."""
    lines[:] = [
        line
        if line.lstrip().startswith((">>>", "..."))
        else re.sub(r"(?<![`\w.])([a-zA-Z]\w*_)(?=[,)\s.]|$)", r"``\1``", line)
        for line in lines
    ]


def _compile_trees(app):
    """Compile what grows trees, which takes a minute the first time: no script of the gallery waits for it."""
    from sklearn.datasets import load_iris

    from skdl.tree import C45Classifier, DecisionTreeClassifier, DecisionTreeRegressor

    for tree in (DecisionTreeClassifier(), DecisionTreeRegressor(), C45Classifier()):
        tree.fit(*load_iris(return_X_y=True))


def setup(app):
    app.connect("builder-inited", _compile_trees, priority=100)  # before the gallery
    app.connect("autodoc-process-docstring", _quote_attributes, priority=400)
