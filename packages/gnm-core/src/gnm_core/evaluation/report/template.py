"""The pages' common dress: templates, style and script, put into one file that opens offline."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gnm_core.printable import number

PACKAGE = "gnm_core.evaluation.report"


def render_page(template: str, package: str = PACKAGE, **values: Any) -> str:
    """A page as text.

    Args:
        template: name of a file in the package's folder `page`; it may import `macros.html`.
        package: where it lies.
        values: what the template asks for; `style`, `script` and `number` are there.
    """
    folders = [PackageLoader(name, "page") for name in dict.fromkeys((package, PACKAGE))]
    environment = Environment(
        loader=ChoiceLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    assert environment.loader is not None
    dress = {
        name: Markup(environment.loader.get_source(environment, file)[0])
        for name, file in (("style", "report.css"), ("script", "report.js"))
    }
    return environment.get_template(template).render(number=number, **dress, **values)
