"""Looking for what is none of a student's business.

Each of these is handed in with a class that is graded as `make grade` does it, and knows where the
course lies. What it finds it prints after a word that nobody may see.
"""

from ...tiny_course import ROOT
from ..case import LOOTED, SECRET, Never, handed_in
from ..observed import WALL

TOLD = Never("the student is told a hidden value", lambda outcome: "KEPT" in outcome.told)


def _looks_for(name, *lines, works=True):
    """An attack that fills `loot`."""
    source = "\n".join(["import os, glob, re", "loot = []", *lines])
    source += "\n\n\n\nif loot:\n    print('LOOT:', str(loot)[:500])\n"
    return handed_in(name, source, WALL, never=(LOOTED,), works_in_one_process=works)


CASES = [
    _looks_for(
        "the solutions",
        "loot += glob.glob('{course}/solutions/**/*', recursive=True)",
    ),
    _looks_for(
        "other submissions",
        "loot += glob.glob('{course}/submitted/**/*', recursive=True)",
    ),
    _looks_for(
        "the gradebook",
        "import sqlite3, contextlib",
        "with contextlib.suppress(sqlite3.Error):",
        "    book = sqlite3.connect('file:{course}/gradebook.db?mode=ro', uri=True)",
        "    loot += book.execute('select * from assignment').fetchall()",
    ),
    _looks_for(
        "everything that lies where the course lies",
        "loot += os.listdir('{course}') if os.path.exists('{course}') else []",
        "loot += glob.glob(os.path.dirname('{course}') + '/*')",
    ),
    _looks_for(
        "any notebook or database on the machine",
        f"places = ['/home', '/root', '/srv', '/sys', '/tmp', '/var', '{{course}}', {str(ROOT)!r}]",
        "for root in places:",
        "    for folder, _, names in os.walk(root):",
        "        loot += [n for n in names if n.endswith(('.ipynb', '.db')) "
        "and 'site-packages' not in folder and '/share/' not in folder]",
    ),
    _looks_for(
        "the environment of whoever grades",
        f"loot += [k for k, v in os.environ.items() if {SECRET[:12]!r} in v]",
    ),
    _looks_for(
        "the environment of any process",
        "for path in glob.glob('/proc/[0-9]*/environ'):",
        "    try: text = open(path, 'rb').read()",
        "    except OSError: continue",
        f"    loot += [path] * ({SECRET[:12].encode()!r} in text)",
    ),
    _looks_for(
        "the command lines of other processes",
        "for path in glob.glob('/proc/[0-9]*/cmdline'):",
        "    number = int(path.split('/')[2])",
        "    try: text = open(path).read()",
        "    except OSError: continue",
        "    if number != os.getpid() and text: loot.append(text)",
        works=False,
    ),
    _looks_for(
        "files that other processes hold open",
        "for path in glob.glob('/proc/[0-9]*/fd/*'):",
        "    try: where = os.readlink(path)",
        "    except OSError: continue",
        "    if where[0] == '/' and not where.startswith(('/dev', '/proc', '/home/student')):",
        "        loot.append(where)",
        works=False,
    ),
    _looks_for(
        "the file system of another process",
        "for path in glob.glob('/proc/[0-9]*/root'):",
        "    try: loot += glob.glob(path + '{course}/*')",
        "    except OSError: pass",
    ),
    _looks_for(
        "memory of other processes",
        "for path in glob.glob('/proc/[0-9]*/mem'):",
        "    if int(path.split('/')[2]) != os.getpid():",
        "        try: loot.append(open(path, 'rb'))",
        "        except OSError: pass",
        works=False,
    ),
    _looks_for(
        "shared memory and sockets of other processes",
        "loot += glob.glob('/dev/shm/*') + glob.glob('/run/**/*.sock', recursive=True)",
        "loot += [l for l in open('/proc/net/unix').readlines()[1:] if '@' in l]",
        works=False,
    ),
    _looks_for(
        "keys and histories in home folders",
        "import pwd",
        "for user in pwd.getpwall():",
        "    loot += glob.glob(user.pw_dir + '/.ssh/*') + glob.glob(user.pw_dir + '/.*history')",
        "    loot += glob.glob(user.pw_dir + '/.bashrc')",
        works=False,
    ),
    _looks_for(
        "passwords of the machine",
        "try: loot += open('/etc/shadow').readlines()",
        "except OSError: pass",
        works=False,
    ),
    _looks_for(
        "the hidden tests in the installed packages",
        "import coursekit",
        "for path in glob.glob(os.path.dirname(coursekit.__file__) + '/../**/*', recursive=True):",
        "    if os.path.isfile(path) and path.endswith(('.ipynb', '.py')):",
        "        loot += [path] * ('double(' + '-4)' in open(path, errors='ignore').read())",
        works=False,
    ),
    _looks_for(
        "the hidden tests in its own memory",
        "import gc",
        "text = 'double(' + '-4)'",
        "for found in gc.get_objects():",
        "    if type(found) is dict:",
        "        loot += [1 for v in list(found.values()) if type(v) is str and text in v "
        "and len(v) > 60 and 'loot' not in v]",
        works=False,
    ),
    _looks_for(
        "the hidden tests in modules of the course",
        "import sys",
        "for module in list(sys.modules.values()):",
        "    if 'a02_known' in str(module) or 'tiny' in str(module): loot.append(str(module))",
        works=False,
    ),
    handed_in(
        "what hidden checks pass is kept, and shown by a later cell",
        "seen = []",
        WALL,
        double="def double(x):\n    seen.append(x)\n    return 2 * x",
        after="print('K' + 'EPT', seen)",
        never=(TOLD,),
        told=True,
    ),
]
