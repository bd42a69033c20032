"""What a task allows: modules by name, and the module that a name or a value leads to.

The standard library, the notebook itself and what only shows something are always allowed.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

HARMLESS = (
    "IPython",
    "cycler",
    "ipykernel",
    "ipywidgets",
    "matplotlib",
    "matplotlib_inline",
    "mpl_toolkits",
    "tqdm",
    "coursekit.sandbox",  # what a room puts in the place of streams, and of functions of a test
    "coursekit.cell_runner",  # and what stands for IPython where there is no room
)
ALWAYS = frozenset((*sys.stdlib_module_names, "__main__", *HARMLESS))
MISSING = object()


class Allowed:
    """The modules that a task allows.

    Args:
        allow: dotted names; what lies within these modules is allowed with them.

    >>> numpy = Allowed(["numpy"])
    >>> numpy.has("numpy.lib.stride_tricks"), numpy.has("math"), numpy.has("torch")
    (True, True, False)
    """

    def __init__(self, allow: Iterable[str]):
        self._allow = tuple(allow)
        self.has = functools.lru_cache(None)(self._has)

    def has_within(self, module: str) -> bool:
        """Whether something that lies within a module is allowed."""
        return any(name.startswith(f"{module}.") for name in self._allow)

    def reached(self, module: str | types.ModuleType, names: Sequence[str] = ()) -> str:
        """The module that a chain of names leads to, where it is not allowed; else "".

        A module that is not loaded is judged by its name. What cannot be resolved is allowed.

        >>> Allowed(["numpy", "os.path"]).reached("tarfile", ["os", "path", "join"])
        ''
        >>> Allowed(["json.decoder"]).reached("numpy", ["linalg", "norm"])
        'numpy.linalg'
        """
        name, left, value = followed(module, names)
        if self._has(name):
            elsewhere = isinstance(value, (types.FunctionType, type))
            return self.foreign_home(value) if elsewhere else ""
        if not self.has_within(name):
            return name
        if value is not MISSING:
            return self.foreign_home(value)
        within = ".".join((name, *left[:1]))
        return "" if not left or self._has(within) or self.has_within(within) else within

    def foreign_home(self, value: Any) -> str:
        """Where a function, class or callable object is from, if that is not allowed; else "".

        What an allowed module offers by its `__all__` is allowed, wherever it is from.
        """
        home = home_of(value) if callable(value) else ""
        is_allowed = self._has(home) or any(value is each for each in self.offered())
        return "" if is_allowed else home

    def offered(self) -> Iterator[Any]:
        """What the allowed modules that are loaded list in their `__all__`."""
        for module in filter(None, map(sys.modules.get, self._allow)):
            for name in getattr(module, "__all__", ()):
                yield vars(module).get(name)

    def _has(self, module: str) -> bool:
        parts = module.split(".")
        starts = (".".join(parts[: i + 1]) for i in range(len(parts)))
        return not module or any(start in ALWAYS or start in self._allow for start in starts)


def home_of(value: Any) -> str:
    """Dotted name of the module that a function, class or object is from; "" where none tells.

    >>> home_of(functools.partial), home_of([].append), home_of(sys.settrace)
    ('functools', 'builtins', 'sys')
    """
    if isinstance(value, types.MethodType):
        value = value.__func__
    home = getattr(value, "__module__", None)
    if isinstance(value, types.BuiltinMethodType) and not isinstance(home, str):
        owner = value.__self__
        home = (owner if isinstance(owner, type) else type(owner)).__module__
    return home if isinstance(home, str) else ""


def public(module: str) -> str:
    """A module as a student would name it: without the parts that are private.

    >>> public("scipy.signal._signaltools")
    'scipy.signal'
    """
    parts = module.split(".")
    private = next((i for i, part in enumerate(parts) if i and part.startswith("_")), len(parts))
    return ".".join(parts[:private])


def followed(module: str | types.ModuleType, names: Sequence[str]) -> tuple[str, list[str], Any]:
    """(last module of a chain, names left after it, what the first of these is or `MISSING`)."""
    loaded = sys.modules.get(module) if isinstance(module, str) else module
    name, left = _name_of(module), list(names)
    while left and isinstance(loaded, types.ModuleType):
        value = vars(loaded).get(left[0], sys.modules.get(f"{name}.{left[0]}", MISSING))
        if not isinstance(value, types.ModuleType):
            return name, left, value
        name, loaded = _name_of(value), value
        left.pop(0)
    return name, left, MISSING


def _name_of(module: str | types.ModuleType) -> str:
    name = module if isinstance(module, str) else getattr(module, "__name__", "")
    return name if isinstance(name, str) else ""
