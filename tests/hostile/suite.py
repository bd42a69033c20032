"""All cases, by family."""

from .case import HandedIn
from .families import (
    escaping,
    floods,
    folders,
    forging,
    ipython,
    library,
    notebooks,
    processes,
    protocol,
    reading,
    replies,
    resources,
    scripts,
    surroundings,
    values,
)

FAMILIES = {
    "resources": resources.CASES,
    "processes": processes.CASES,
    "floods of output": floods.CASES,
    "scripts": scripts.CASES,
    "reading": reading.CASES,
    "getting out": escaping.CASES,
    "forging": forging.CASES,
    "IPython": ipython.CASES,
    "values that lie": values.CASES,
    "the library's own answer": library.CASES,
    "replies": replies.CASES,
    "the protocol": protocol.CASES,
    "surroundings": surroundings.CASES,
    "edited notebooks": notebooks.CASES,
    "files and folders": folders.CASES,
}
CASES = {f"{family}: {case.name}": case for family, cases in FAMILIES.items() for case in cases}
HANDED_IN = [case for case in CASES.values() if isinstance(case.submission, HandedIn)]
