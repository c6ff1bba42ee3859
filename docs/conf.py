"""Sphinx configuration: Furo, MyST, and the API from the docstrings."""

from __future__ import annotations

from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.ext import intersphinx
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

HERE = Path(__file__).parent

project = "trio-steno"
copyright = "the trio-steno authors"  # noqa: A001 - the name that Sphinx reads
author = "the trio-steno authors"
release = version_of("trio-steno")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "inventories"]
html_theme = "furo"
html_title = f"trio-steno {release}"

# A reference that leads nowhere is a warning, and the gate turns warnings into errors.
nitpicky = True
# Names that are not public have no entry: the hook below links to those that are.
nitpick_ignore_regex = [("py:class", r"steno\..*\._.*"), ("py:obj", r"steno\..*\._.*")]
# Parameter specifications are shown by name only, and typing_extensions has no inventory.
# `SagaHandle` and `SecClient` inherit, and have their fields shown: of classes that are not public.
FIELDS = ("SecAccess", "BulkOrders", "Coordinator", "LogWriter", "Creator")
NAMES = ("N", "P", "Q", "TypeForm", "typing_extensions.TypeForm", "core.ValueCodec", *FIELDS)
nitpick_ignore = {("py:class", name) for name in NAMES}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# In docstrings `name` is code; what is to be a link says so.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

# Small inventories are kept here, so that building needs no network.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", str(HERE / "inventories" / "python.inv")),
    "trio": ("https://trio.readthedocs.io/en/stable", str(HERE / "inventories" / "trio.inv")),
}


def resolve_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: Element
) -> Element | None:
    """
    Link a name to where it is public.

    Annotations name the private module that a class is defined in, and docstrings only the class;
    the reference has each under the package that exports it.
    """
    name = node["reftarget"].rpartition(".")[2]
    if name == "UUID":  # imported by `steno.errors` for type checkers only, so without its module
        node["reftarget"] = "uuid.UUID"
        return intersphinx.missing_reference(app, env, node, contnode)
    domain = env.domains.python_domain
    for package in ("steno", "steno.abc", "steno.store", "steno.testing", "steno.testing.explorer"):
        if (found := domain.objects.get(f"{package}.{name}")) is not None:
            return make_refnode(
                app.builder, node["refdoc"], found.docname, found.node_id, contnode, name
            )
    return None


def setup(app: Sphinx) -> None:
    """Connect the hook above."""
    app.connect("missing-reference", resolve_public_name)
