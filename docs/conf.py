"""How Sphinx makes the site of this folder: ``make docs``."""

import os
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]
os.environ["PYTHONPATH"] = str(DOCS.parent)  # (the kernels that run the pages import this checkout)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import site_pages  # noqa: E402

import wengert  # noqa: E402

project = "Wengert"
author = "Wengert contributors"
copyright = "Wengert contributors, MIT licence"
release = version = wengert.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [f"gallery/{folder}*.{ext}" for folder in ("", "*/") for ext in ("ipynb", "json", "md", "py", "zip")]
templates_path = ["_templates"]
default_role = "py:obj"
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}

# The reference, from the docstrings. (A class shows its own methods; what it inherits is shown where it is defined.)
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "member-order": "groupwise",
    # (scikit-learn makes the last three for every estimator; their text points into its own site)
    "exclude-members": "ufunc, set_fit_request, set_partial_fit_request, set_score_request",
}
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# The pages that run. A page is run again when its text changes; each runs in an empty folder.
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS.parent / "output" / "docs" / "cache")
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_code_prompt_show = "Show the answer"
nb_code_prompt_hide = "Hide the answer"
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# (A word in backticks is a link where it is a name; where it is several, like `name`, it is code.)
suppress_warnings = ["config.cache", "ref.python"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# The gallery runs every example in its short form.
os.environ.setdefault("MPLBACKEND", "agg")

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__\.py|__main__\.py",
    "reset_argv": "site_pages.short",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "only_warn_on_example_error": False,
    "abort_on_example_error": False,
    "matplotlib_animations": False,
    "write_computation_times": False,
    "nested_sections": False,
    "remove_config_comments": True,
}

html_theme = "pydata_sphinx_theme"
html_title = f"Wengert {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("filter.js", {"defer": "defer"})]
html_favicon = "_static/mark.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "Wengert", "image_light": "_static/mark.svg", "image_dark": "_static/mark.svg"},
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
}
html_sidebars = {"index": [], "changes": []}


def setup(app: Any) -> None:
    """Write the pages that are made from the code before Sphinx reads them."""
    site_pages.write()
