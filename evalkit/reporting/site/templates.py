"""Fill a page's template: every text is escaped, and a policy lets only our own script and style run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.reporting.site.step_translations import CHINESE_STEPS
from evalkit.reporting.site.translations import CHINESE, translate
from evalkit.safe_text import visible
from evalkit.types import Value
from evalkit.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(str(resources.files("evalkit.reporting.site")))


class SiteContext(Value, frozen=True, kw_only=True):
    """The title, language and licence note that all pages of a site share."""

    title: str
    language: str = "en"
    licence_note: str = ""

    def translate(self, text: str, **values: object) -> str:
        """Return one of the site's own texts in its language."""
        return translate(self.language, text, **values)


def render_page(
    template: str, context: SiteContext, *, home: str, scripts: Sequence[str] = (), **values: object
) -> str:
    """Return a page from a template of this folder; `home` is the way up to the first page ("" or "../").

    Every value is escaped, and its control characters are printed as signs. Scripts and style are inline, and the
    policy names their hashes: a page opened from disk works, and markup that slipped into it would not run.
    """
    script, style = "".join(map(_asset, scripts)), _asset("site.css")
    return (
        _environment()
        .get_template(template)
        .render(
            context=context,
            translate=context.translate,
            translations={**CHINESE, **CHINESE_STEPS} if context.language == "zh" else {},
            home=home,
            policy=_policy(script, style),
            script=script,
            style=style,
            version=__version__,
            **values,
        )
    )


@cache
def _asset(name: str) -> str:
    """The text of a file in this folder with line feeds only, since a browser hashes it so."""
    text = (FOLDER / name).read_text(encoding="utf-8").replace("\r\n", "\n")
    return f"\n{text}"


def _policy(script: str, style: str) -> str:
    """The content security policy: nothing is loaded, and only these two inline texts count (CSP 2, hash-source)."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_sha256(script)}'" if script else "script-src 'none'",
            f"style-src '{_sha256(style)}'",
            "img-src 'self' file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _sha256(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
