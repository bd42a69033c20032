"""What IPython lets a notebook change about itself."""

from ..case import BOTH, NOTHING, RIGHT, SECOND, WRONG, Case, Cells, Never
from ..observed import WALL

VALUES = "check: values"
TOLD = Never("the text of a hidden test is shown", lambda outcome: "double(-4)" in outcome.shown)
SHELL = "ip = get_ipython()\n"


def _hook(name, source, points=SECOND, stopped_by=VALUES, double=WRONG, works=True, never=()):
    return Case(
        name, Cells(double, SHELL + source), points, stopped_by, never, works_in_one_process=works
    )


CASES = [
    _hook(
        "an input transformer",
        "ip.input_transformers_post.append("
        "lambda lines: [line.replace('task.equal', 'id, ') for line in lines])",
        works=False,
    ),
    _hook(
        "an input transformer that answers for the tests",
        "ip.input_transformers_cleanup.append("
        "lambda lines: ['2.0'] if 'task.score()' in lines[-1] else lines)",
    ),
    _hook(
        "an AST transformer",
        "import ast\n"
        "class T(ast.NodeTransformer):\n"
        "    def visit_Expr(self, node):\n"
        "        if 'equal' in ast.dump(node): return ast.Pass()\n"
        "        return node\n"
        "ip.ast_transformers.append(T())",
    ),
    _hook(
        "a transformer that spoils the student's own cells",
        "ip.input_transformers_post.append(lambda lines: ['def double(x): return x\\n'])",
        NOTHING,
        "check: values, missing",
        works=False,
    ),
    _hook(
        "hooks that print what runs",
        "ip.events.register('pre_run_cell', lambda info: print(info.raw_cell))\n"
        "ip.events.register('post_run_cell', lambda result: print(In))",
        BOTH,
        WALL,
        RIGHT,
        never=(TOLD,),
    ),
    _hook(
        "a hook before each cell that patches the checks",
        "def patch(info):\n"
        "    import coursekit\n"
        "    coursekit.Task.equal = lambda *a, **k: None\n"
        "ip.events.register('pre_run_cell', patch)",
    ),
    _hook(
        "a hook after each cell that changes its value",
        "ip.events.register('post_run_cell', lambda r: setattr(r, 'result', 2.0))",
    ),
    _hook(
        "a display hook",
        "import sys\nsys.displayhook = lambda v: print('2.0')\n"
        "type(ip.displayhook).__call__ = lambda self, value: print('2.0')",
        works=False,
    ),
    _hook(
        "formatters of scores",
        "from coursekit.checks.report import Score\n"
        "Score.__repr__ = Score.__str__ = lambda self: '2.0'\n"
        "ip.display_formatter.formatters['text/plain'].for_type(float, lambda *a: '2.0')",
    ),
    _hook(
        "showtraceback prints points",
        "ip.showtraceback = ip._showtraceback = lambda *a, **k: print('2.0')",
        double="raise ValueError",
        stopped_by="raises ValueError",
        works=False,
    ),
    _hook("run_cell is taken away", "ip.run_cell = None", NOTHING, "raises TypeError", works=False),
    _hook(
        "the shell is replaced",
        "ip.run_code = ip.run_ast_nodes = None",
        NOTHING,
        "raises TypeError",
        works=False,
    ),
    _hook(
        "the history of what ran",
        "",
        double="def double(x):\n    return 2 * x if 'HID' + 'DEN' in In[-1] else 0",
    ),
    _hook(
        "the namespace forgets what the course defined",
        "%reset -f",
        stopped_by=VALUES,
        works=False,
    ),
    _hook(
        "a start-up file for later shells",
        "import os\n"
        "folder = os.path.expanduser('~/.ipython/profile_default/startup')\n"
        "os.makedirs(folder)\n"
        "open(folder + '/00.py', 'w').write('import os; os._exit(1)')",
        BOTH,
        WALL,
        RIGHT,
        works=False,
    ),
    _hook(
        "a magic named like one of the course's",
        "from IPython.core.magic import register_line_magic\nregister_line_magic(lambda line: 99)",
        works=False,
    ),
]
