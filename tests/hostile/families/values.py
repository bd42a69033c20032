"""Values that claim to be right instead of being it."""

from ..case import SECOND, Case, Cells


def _lie(name, source, stopped_by, works=False):
    return Case(name, Cells(source), SECOND, stopped_by, works_in_one_process=works)


CASES = [
    _lie(
        "always equal",
        "class A:\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndouble = lambda x: A()",
        "check: type",
    ),
    _lie(
        "an integer that is always equal",
        "class A(int):\n"
        "    __eq__ = lambda s, o: True\n"
        "    __ne__ = lambda s, o: False\n"
        "    __hash__ = int.__hash__\n"
        "double = lambda x: A(5)",
        "check: values",
    ),
    _lie(
        "an array subclass that lies",
        "import numpy as np\n"
        "class A(np.ndarray):\n"
        "    __eq__ = lambda s, o: np.True_\n"
        "    __sub__ = __rsub__ = lambda s, o: np.zeros(())\n"
        "double = lambda x: np.zeros(()).view(A)",
        "check: values",
    ),
    _lie(
        "an array that answers for NumPy's functions",
        "import numpy as np\n"
        "class A:\n"
        "    dtype, shape, ndim = np.dtype(int), (), 0\n"
        "    __array_function__ = __array_ufunc__ = lambda *a, **k: np.zeros(())\n"
        "double = lambda x: A()",
        "check: type",
    ),
    _lie(
        "a tensor by its methods only, which look up the answer",
        "import sys\n"
        "class A:\n"
        "    device, shape, dtype = 'cpu', (), None\n"
        "    detach = cpu = lambda s: s\n"
        "    __float__ = lambda s: 6.0\n"
        "    numpy = lambda s: s\n"
        "double = lambda x: A()",
        "check: type",
    ),
    _lie(
        "a value that changes between reads",
        "class A(float):\n"
        "    reads = [0]\n"
        "    def __float__(s):\n"
        "        s.reads[0] += 6\n"
        "        return float(s.reads[0])\n"
        "    __index__ = __float__\n"
        "double = lambda x: A()",
        "check: type",
    ),
    _lie(
        "an array whose content another thread changes",
        "import threading, numpy as np\n"
        "shared = np.zeros(())\n"
        "def turn():\n"
        "    while True: shared[...] = -shared - 2\n"
        "threading.Thread(target=turn, daemon=True).start()\n"
        "double = lambda x: shared",
        "check: values",
    ),
    _lie(
        "a string that is always equal",
        "class A(str):\n    __eq__ = lambda s, o: True\ndouble = lambda x: A()",
        "check: type",
    ),
    _lie(
        "an object that takes over the comparison from the right",
        "class A(int):\n"
        "    __radd__ = __rsub__ = __sub__ = lambda s, o: 0\n"
        "    __abs__ = lambda s: 0\n"
        "    __array__ = lambda s, *a, **k: __import__('numpy').array(\n"
        "        2 * __import__('sys')._getframe(1).f_back.f_locals.get('x', 3))\n"
        "double = lambda x: A()",
        "check: values",
    ),
    _lie(
        "a class in place of the function",
        "class double(int):\n    def __new__(cls, x): return int.__new__(cls, 0)\n"
        "    __eq__ = lambda s, o: True\n    __hash__ = None",
        "check: values",
    ),
]
