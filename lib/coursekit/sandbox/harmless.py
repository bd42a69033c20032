"""Makes markup that a student's code shows harmless to whoever looks at it.

What is shown ends in web pages: feedback, formgrader, JupyterLab. There it must run no script, load
nothing, look like no part of the page, and send nobody anywhere but where a link says. So HTML is
parsed and written anew from lists of what is allowed, by Bleach, as nbconvert does; Markdown is
turned into HTML first, because a renderer may see in it what a sanitiser did not; SVG becomes an
image, in which browsers run nothing and load nothing; and formulas lose the commands by which
MathJax makes links and attributes.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import Any

MOST_STEPS = 200_000  # for the markup of one cell: a few seconds at worst


def _names(*lines: str) -> frozenset[str]:
    return frozenset(name for line in lines for name in line.split())


TAGS = _names(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption",
    "figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub",
    "summary sup table tbody td tfoot th thead tr u ul var",
)
# None of these loads a file, or moves what it is applied to over something else.
PROPERTIES = _names(
    "background-color border border-bottom border-collapse border-color border-left border-right",
    "border-style border-top border-width color font-family font-size font-style font-weight",
    "padding text-align text-decoration vertical-align white-space",
)
_ATTRIBUTES = {
    "*": _names("style title dir lang"),
    "a": _names("href"),
    "img": _names("src alt width height"),
    "details": _names("open"),
    "ol": _names("start"),
    "td": _names("colspan rowspan align"),
    "th": _names("colspan rowspan align"),
    "col": _names("span"),
    "colgroup": _names("span"),
}
_ADDRESSES = {
    "href": re.compile(r"(?:https?://|mailto:)[^\s<>\\]+"),
    "src": re.compile(r"data:image/(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=]+"),
}
_COLOUR = re.compile(r"\b(?:rgb|hsl)a?\([^()]*\)")
_HIDDEN = _names("script style")  # what is within them is no text
_ENTITY = re.compile(r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|\w{1,32};?)?")
_IMAGE = re.compile(r"(data:image/(?:png|jpeg|gif|svg\+xml);base64,)([A-Za-z0-9+/=]*)")
_SEPARATOR = re.compile(r"\s+|[/\"']")
_FORMATTING = re.compile(r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b", re.I)
_OPENING = re.compile(r"<(?=[A-Za-z/!?])")
_COMMAND = re.compile(r"\\(?:href|class|cssId|style|bbox|mmlToken|require|unicode)(?![A-Za-z])")


class Harmless:
    """Makes the markup of one cell harmless, or says that it takes too long, by returning None."""

    def __init__(self):
        self._steps_left = MOST_STEPS

    def html(self, text: str) -> str | None:
        """HTML that only shows.

        >>> Harmless().html('<b onclick="steal()">bold</b><script>steal()</script>')
        '<b>bold</b>'
        """
        text = _ENTITY.sub(lambda entity: html.escape(html.unescape(entity[0])), text)
        pictures: dict[str, str] = {}
        text = _IMAGE.sub(partial(_put_aside, pictures), text)
        if not self._affords(_steps(text)):
            return None
        try:
            clean = _without_commands(self._cleaner.clean(text))
        except Exception:  # made to trip a parser: braces in braces in braces, and the like
            return None
        return _IMAGE.sub(partial(_put_back, pictures), clean)

    def markdown(self, text: str, attachments: Mapping[str, Any] | None = None) -> str | None:
        """Markdown, rendered; `attachments` are those of its cell."""
        if not self._affords(len(text) ** 2 // 3000):  # some lines take the square of their length
            return None
        try:
            rendered = _rendered(text, dict(attachments or {}))
        except Exception:  # as above
            return None
        return self.html(rendered)

    def _affords(self, steps: int) -> bool:
        self._steps_left -= steps
        return self._steps_left >= 0

    @cached_property
    def _cleaner(self) -> Any:
        from bleach.css_sanitizer import CSSSanitizer
        from bleach.html5lib_shim import Filter
        from bleach.sanitizer import Cleaner

        class WithoutHidden(Filter):
            """Drops scripts and style sheets with what is in them."""

            def __iter__(self) -> Iterator[dict[str, Any]]:
                depth = 0
                for token in super().__iter__():
                    if token.get("name") in _HIDDEN:
                        depth += 1 if token["type"] == "StartTag" else -1
                    elif not depth:
                        yield token

        return Cleaner(
            tags=TAGS | _HIDDEN,
            attributes=_is_allowed,
            protocols={"http", "https", "mailto", "data"},
            strip=True,
            filters=[WithoutHidden],
            css_sanitizer=CSSSanitizer(PROPERTIES, ()),
        )


def svg(text: str) -> str:
    """An SVG picture as an HTML image.

    >>> svg("<svg/>")
    '<img alt="SVG picture" src="data:image/svg+xml;base64,PHN2Zy8+">'
    """
    code = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    return f'<img alt="SVG picture" src="data:image/svg+xml;base64,{code}">'


def latex(text: str) -> str:
    r"""Formulas with no HTML in them, and without the commands that make links and attributes.

    >>> latex(r"\href{javascript:steal()}{x} <script> a < b")
    '\\text{javascript:steal()}{x} < script> a < b'
    """
    return _without_commands(_OPENING.sub("< ", text))


def _without_commands(text: str) -> str:
    return _COMMAND.sub(r"\\text", text)


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if name not in _ATTRIBUTES["*"] | _ATTRIBUTES.get(tag, _names()):
        return False
    if name == "style":
        return "(" not in _COLOUR.sub("", value)  # no url(), nor what else may load a file
    address = _ADDRESSES.get(name)
    return address is None or address.fullmatch(value) is not None


def _steps(text: str) -> int:
    """At most how long it takes to parse HTML and to write it anew, in units of about 10 µs.

    Elements look through all that they lie in. Formatting that was left open is opened again in
    each element that follows. Names of tags are put together one character at a time, and an
    attribute is compared with those before it.
    """
    tags, formatting = text.count("<"), len(_FORMATTING.findall(text))
    attributes = (len(_SEPARATOR.findall(part)) for part in text.split("<"))
    return (
        tags * (1 + formatting)
        + tags**2 // 200
        + len(text) ** 2 // 10**6
        + 4 * text.count("&")
        + sum(count**2 for count in attributes) // 500
    )


def _put_aside(pictures: dict[str, str], found: re.Match) -> str:
    """Keep the content of a picture, which parsers need not read; its number instead."""
    number = str(len(pictures))
    pictures[number] = found[2]
    return found[1] + number


def _put_back(pictures: dict[str, str], found: re.Match) -> str:
    """The content of a picture, once; nothing where the number is no longer what it was."""
    return found[1] + pictures.pop(found[2], "")


def _rendered(markdown: str, attachments: dict[str, Any]) -> str:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        """Without colours for code: they need a style sheet, and some lexers can be kept busy."""

        def block_code(self, code: str, info: str | None = None) -> str:
            return f"<pre><code>{self.escape_html(code)}</code></pre>\n"

    renderer = Renderer(escape=False, exclude_anchor_links=True, attachments=attachments)
    return MarkdownWithMath(renderer=renderer).render(markdown)
