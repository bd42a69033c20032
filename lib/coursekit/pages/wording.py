"""Numbers as people read them."""

from __future__ import annotations


def percent(share: float | None) -> str:
    r"""A share for people; never a NaN.

    >>> percent(0.256), percent(None), percent(0.001), percent(0.9999)
    ('26\xa0%', '–', '<\xa01\xa0%', '>\xa099\xa0%')
    """
    if share is None:
        return "–"
    if 0 < share < 0.005:
        return "<\xa01\xa0%"
    return ">\xa099\xa0%" if 0.995 < share < 1 else f"{share:.0%}".replace("%", "\xa0%")


def seconds(duration: float | None) -> str:
    """A duration for people.

    >>> seconds(0.0312), seconds(4.26), seconds(75), seconds(None)
    ('31 ms', '4.3 s', '75 s', '–')
    """
    if duration is None:
        return "–"
    if duration < 1:
        return f"{1000 * duration:.0f} ms"
    return f"{duration:.1f} s" if duration < 10 else f"{duration:.0f} s"
