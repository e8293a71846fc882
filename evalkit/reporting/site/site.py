"""The frame of every page: templates that escape, and a policy that lets nothing but our own script and style run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import evalkit
from evalkit.reporting.site import words
from evalkit.reporting.site.board import Board
from evalkit.safe_text import visible
from evalkit.types import Value

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(str(resources.files("evalkit.reporting.site")))


class Frame(Value, frozen=True, kw_only=True):
    """What all pages of a site share."""

    title: str
    language: str = "en"
    licence_note: str = ""

    def say(self, text: str, **values: object) -> str:
        """One of the site's own texts in its language."""
        return words.say(self.language, text, **values)


def render(template: str, frame: Frame, *, home: str, scripts: Sequence[str] = (), **values: object) -> str:
    """A page from a template of this folder; `home` is the way up to the first page ("" or "../").

    Every value is escaped, and steering characters in it are shown as signs. Scripts and style stand in the page, and
    the policy names their hashes, so that a page works from a file, and markup that slipped into it would not run.
    """
    script, style = "".join(map(asset, scripts)), asset("site.css")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{hashed(script)}'" if script else "script-src 'none'",
            f"style-src '{hashed(style)}'",
            "img-src 'self' file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    page = _environment().get_template(template)
    return page.render(
        frame=frame,
        say=frame.say,
        words=words.ZH if frame.language == "zh" else {},
        home=home,
        policy=policy,
        script=script,
        style=style,
        version=evalkit.__version__,
        **values,
    )


def index(frame: Frame, boards: Sequence[Board], *, source: str) -> str:
    """The first page: every table, readable without a script."""
    link = source if source.startswith(("https://", "http://")) else ""
    scripts = ("page.js", "tables.js")
    return render("index.html", frame, home="", scripts=scripts, boards=boards, source=source, link=link)


@cache
def asset(name: str) -> str:
    """A text file of this folder as it stands in a page, with line feeds only, as a parser makes them."""
    text = (FOLDER / name).read_text(encoding="utf-8").replace("\r\n", "\n")
    return f"\n{text}"


def hashed(text: str) -> str:
    """The hash by which a policy names an inline script or style (CSP level 2, hash-source)."""
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
