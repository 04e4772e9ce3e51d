"""The documentation site, which ``bash .ci/docs`` builds; what follows from rosters is written by docs/pages."""

import inspect
from pathlib import Path

import crashlens_frame

DOCS = Path(__file__).parent

project = "crashlens_frame"
version = release = crashlens_frame.__version__
author = copyright = "the crashlens_frame authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_static", "pages", "conf.py"]
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*")]  # types in docstrings are words for people, such as "list of str"

nb_execution_mode = "off"  # the tests have run the notebooks, and docs/pages/guides.py the guides
nb_render_markdown_format = "myst"
nb_ipywidgets_js: dict[str, str] = {}  # nothing on a page comes from another server

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # docstrings say what is allowed, and signatures stay short enough to read
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
python_maximum_signature_line_length = 88
for widget in (crashlens_frame.Explorer, crashlens_frame.LogForm):  # otherwise the signature of every widget
    widget.__signature__ = inspect.signature(widget)

html_theme = "pydata_sphinx_theme"
html_title = "crashlens_frame"
html_static_path = [str(DOCS / "_static")]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
smartquotes = False  # two dashes begin an option
# pages that are a section of their own have nothing to navigate in
html_sidebars = {
    page: []
    for page in ("index", "start", "cli", "tour", "benchmarks", "reliability", "security", "compare", "changelog")
}
html_theme_options = {
    "logo": {"text": "crashlens_frame"},
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
