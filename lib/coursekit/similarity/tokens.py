"""What remains of an answer when names, comments, quotes and layout no longer count."""

from __future__ import annotations

import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

NAME, TEXT = "name", "text"  # what stands for a name of the student's, and for any string

# Neither layout nor what an automatic formatter adds or drops says anything about the author.
_LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT}
_PUNCTUATION = {"(", ")", ",", ";", "\\"}
_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins))
_FSTRING = (getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "FSTRING_END", -1))  # 3.12


class Token(NamedTuple):
    """A normalised token, and the line of the answer where it stands (from 1)."""

    text: str
    line: int


def code_tokens(source: str, released: str = "", known: Set[str] = frozenset()) -> list[Token]:
    """Normalised tokens of code, which may be broken.

    Names that the student chose all become one; keywords, builtins, attributes and `known` names
    stay, as do numbers and operators. Strings become one token; docstrings, comments, line breaks,
    parentheses, commas and the released lines are left out.

    Args:
        source: the answer.
        released: the cell as it was handed out; its lines are dropped from the answer.
        known: names that are the same for everybody, such as "np".

    >>> [token.text for token in code_tokens("def f(a):  # why\\n    return np.pad(a, 1)")]
    ['def', 'name', 'name', ':', 'return', 'name', '.', 'pad', 'name', '1']
    """
    given, lines = _lines(released), source.split("\n")
    found: list[Token] = []
    for statement in _statements(source):
        if all(token.type == tokenize.STRING for token in statement):
            continue  # a docstring, or a string that comments something out
        before = ""
        for token in statement:
            text = _normal(token, before, known)
            before = token.string
            if text and lines[token.start[0] - 1].strip() not in given:
                found.append(Token(text, token.start[0]))
    return found


def prose_tokens(source: str, released: str = "") -> list[Token]:
    """The words of a written answer, in lower case.

    >>> prose_tokens("Because *every* number\\nhas one.")[2:]
    [Token(text='number', line=1), Token(text='has', line=2), Token(text='one', line=2)]
    """
    given = _lines(released)
    return [
        Token(word.lower(), number)
        for number, line in enumerate(source.split("\n"), 1)
        if line.strip() not in given
        for word in re.findall(r"\w+", line)
    ]


def imported_names(sources: Iterable[str]) -> set[str]:
    """Names that the import statements of some code bind: the same for everybody.

    >>> sorted(imported_names(["import numpy as np, os.path", "from math import pi"]))
    ['np', 'os', 'pi']
    """
    names: set[str] = set()
    for source in sources:
        for line in source.splitlines():
            listed = re.match(r"\s*(?:from\s+\S+\s+)?import\s+(.+)", line)
            for part in listed[1].split(",") if listed else ():
                name = part.split("#")[0].split(" as ")[-1].strip(" ()").partition(".")[0]
                names |= {name} if name.isidentifier() else set()
    return names


def _lines(text: str) -> set[str]:
    return {line.strip() for line in text.split("\n")}


def _statements(source: str) -> Iterator[list[tokenize.TokenInfo]]:
    """Tokens by logical line, as far as the source can be read."""
    statement: list[tokenize.TokenInfo] = []
    inside = 0  # f-strings that are open
    for token in _tokens(source):
        if token.type == _FSTRING[0]:
            inside += 1
            if inside == 1:
                statement.append(token._replace(type=tokenize.STRING))
        elif token.type == _FSTRING[1]:
            inside -= 1
        elif inside:
            continue
        elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            if statement:
                yield statement
            statement = []
        elif token.type not in _LAYOUT:
            statement.append(token)
    if statement:
        yield statement


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    """Tokens up to the end, or up to where the tokeniser gives up: the rest line by line."""
    last = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source + "\n").readline):
            last = token.start[0]
            yield token
    except (tokenize.TokenError, SyntaxError, ValueError):  # open brackets, odd indentation, \ud800
        for number, line in enumerate(source.split("\n")[last:], last + 1):
            for match in re.finditer(r"\w+|[^\w\s]", line.partition("#")[0]):
                kind = tokenize.NAME if match[0].isidentifier() else tokenize.OP
                yield tokenize.TokenInfo(kind, match[0], (number, 0), (number, 0), line)


def _normal(token: tokenize.TokenInfo, before: str, known: Set[str]) -> str:
    """What a token counts as; "" if it does not count."""
    if token.type == tokenize.STRING:
        return TEXT
    if token.string in _PUNCTUATION or token.type == tokenize.ERRORTOKEN:
        return ""
    if token.type != tokenize.NAME or before == "." or token.string in _KEPT | known:
        return token.string
    return NAME
