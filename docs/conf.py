"""The documentation site: the Markdown that is read on a forge too, and pages made from the registry and the source.

The whole checkout is the source folder, so that links out of docs/ hold here as they do there: `make site`.
"""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))
os.environ["COLUMNS"] = "80"
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # notebooks call gnm
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "gnm"
author = "the authors of gnm"
project_copyright = author
version = release = version_of("gnm-core")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "site_parts.links",
    "site_parts.reference",
    "site_parts.docstrings",
]

root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/**/*.md",
    "docs/notebooks/*.ipynb",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "examples/*/README.md",
]
exclude_patterns = [".venv*", "build", "dist", "runs", "**/.ipynb_checkpoints", "docs/notebooks/runs"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header", "toc.multiple_toc_parents"]

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_show_tb = True

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
add_module_names = False
pygments_style = "friendly"
pygments_dark_style = "native"

html_theme = "furo"
html_title = "gnm"
html_theme_options = {"top_of_page_buttons": []}
html_static_path = ["site_parts/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
