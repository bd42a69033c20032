"""What cells put out: kept as a notebook keeps it, harmless to read, and too much of it costs."""

import base64
import io
import os
import shutil
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser

import nbformat
import numpy as np
import pytest
import tiny_course
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat import v4
from PIL import Image

from coursekit import notebooks
from coursekit.feedback import harmless_markdown
from coursekit.grading import autograding, classroom
from coursekit.sandbox import Limits, RoomError, WireError
from coursekit.sandbox.harmless import TAGS, Harmless, latex
from coursekit.sandbox.outputs import cell_run

MEBIBYTE = 2**20
FLOOD = 2 * MEBIBYTE
PNG = b"\x89PNG\r\n\x1a\n"
SHOW = "from IPython.display import *\n"


@pytest.fixture
def room(warm):
    with warm.room(limits=Limits(flood=FLOOD, cell_seconds=20, call_seconds=20)) as made:
        yield made


@pytest.fixture(scope="module")
def notebook(warm):
    """A room for many cells, none of which ends it."""
    with warm.room() as made:
        yield made


def shown(room, source):
    """The outputs of a cell that raises nothing, each of them what nbformat allows."""
    run = room.run_cell(source)
    assert run.error == ""
    valid(run.outputs)
    return run.outputs


def valid(outputs):
    """Fails unless a notebook may hold these outputs."""
    book = v4.new_notebook(cells=[v4.new_code_cell(outputs=list(outputs))])
    assert book.nbformat_minor == 5
    nbformat.validate(book)


def printed(outputs):
    return "".join(out.text for out in outputs if out.output_type == "stream")


# --- floods --------------------------------------------------------------------------------------

FLOODS = {
    "text": "while True: print('x' * 1000)",
    "text, whatever is raised": (
        "while True:\n    try: print('x' * 1000)\n    except BaseException: pass"
    ),
    "empty lines": "while True: print('\\n' * 50)",
    "one string": "print('x' * 10**7)",
    "standard error": "import sys\nwhile True: sys.stderr.write('x' * 1000)",
    "the value of a cell": "'x' * 10**7",
    "HTML": SHOW + "while True: display(HTML('<b>x</b>' * 100))",
    "pictures": SHOW
    + f"while True: display(Image(data={PNG!r} + bytes(10**5), format='png', embed=True))",
    "tiny displays": "while True: display(1)",
    "a display that is replaced": "handle = display(0, display_id=True)\n"
    "while True: handle.update('x' * 1000)",
    "output that is cleared": SHOW + "while True: print('x' * 1000); clear_output()",
    "warnings": "import warnings\nwarnings.simplefilter('always')\n"
    "while True: warnings.warn('x' * 100)",
    "logging": "import logging\nwhile True: logging.warning('x' * 100)",
    "a command": "!yes",
    "a command's errors": "!yes >&2",
    "a script": "%%bash\nyes",
    "a thread": "import threading\ndef run():\n    while True: print('x' * 1000)\n"
    "thread = threading.Thread(target=run)\nthread.start(); thread.join()",
}


@pytest.mark.parametrize("source", FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_the_room(room, source):
    with pytest.raises(RoomError, match=rf"put out \d{{7,}} bytes .* at most {FLOOD}") as caught:
        room.run_cell(source)
    assert caught.value.kind == room.failure.kind == "output"


@pytest.mark.parametrize(
    "body", ["print('x' * 10**4)", "warnings.warn(str(random.random()))", "display('x' * 10**4)"]
)
def test_a_flood_in_a_call_ends_the_room(room, body):
    room.run_cell(f"import random, warnings\ndef f():\n    while True: {body}")
    function = room.look_up(["f"])["f"]
    with pytest.raises(RoomError, match="put out") as caught:
        function()
    assert caught.value.kind == "output"


def test_what_is_merely_long_is_cut_and_costs_nothing(warm):
    source = "for i in range(300_000): print('in the innermost loop, i =', i)"
    with warm.room() as room:
        (text, note) = shown(room, source)
        assert len(text.text) == Limits().output
        assert "cut here" in note.text
        assert printed(shown(room, "print('again')")) == "again\n"


def test_every_cell_and_every_call_starts_anew(room):
    for _ in range(3):
        assert printed(shown(room, "print('x' * 10**6)")).startswith("xxx")
    room.run_cell("def f(): print('x' * 10**6)")
    function = room.look_up(["f"])["f"]
    assert [function() for _ in range(3)] == [None] * 3


def test_the_judge_keeps_no_more_than_a_flood_of_what_many_calls_print(room, capsys):
    room.run_cell("def f(): print('x' * 10**6)")
    function = room.look_up(["f"])["f"]
    for _ in range(5):
        function()
    assert len(capsys.readouterr().out) <= FLOOD


def test_what_is_written_to_descriptors_leads_nowhere(room):
    source = "import os\nfor n in (1, 2):\n    for _ in range(5): os.write(n, b'x' * 10**6)"
    assert shown(room, source) == ()


def test_a_child_that_floods_ends_itself_alone(room):
    source = """
import os
child = os.fork()
if child == 0:
    while True: print('x' * 1000)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert printed(shown(room, source)) == "1\n"


def test_a_long_exception_is_cut(room):
    source = "def f(n):\n    if n: f(n - 1)\n    raise ValueError('x' * 10**6)\nf(20)"
    run = room.run_cell(source)
    valid(run.outputs)
    assert run.error.startswith("ValueError: xxx")
    assert len(str(run.outputs)) < 2 * MEBIBYTE


def test_a_flood_of_a_cell_costs_what_it_defined(sit):
    flood = "while True:\n    try: print('x' * 10**5)\n    except BaseException: pass"
    judgement = sit({"double": f"def double(x):\n    return 2 * x\n{flood}"}, flood=FLOOD)
    assert judgement.points == {"test_double": 0.0, "test_halve": 3.0}
    assert judgement.incidents["double"].kind == "output"
    assert "double" not in judgement.runs


def test_a_flood_of_a_call_costs_its_question(sit):
    body = "def double(x):\n    while True: print('x' * 10**5)"
    judgement = sit({"double": body}, flood=FLOOD)
    assert judgement.points == {"test_double": 0.0, "test_halve": 3.0}
    assert {name: one.kind for name, one in judgement.incidents.items()} == {
        "test_double": "output"
    }


def test_a_flood_elsewhere_costs_no_points(sit):
    judgement = sit({}, ["kept = 1\nwhile True: print('x' * 10**5)"], flood=FLOOD)
    assert judgement.points == {"test_double": 2.0, "test_halve": 3.0}
    assert [one.kind for one in judgement.incidents.values()] == ["output"]


def test_a_reply_that_is_too_large_is_output_too(warm):
    with warm.room(limits=Limits(message=MEBIBYTE)) as room:
        room.run_cell("def f(): return bytes(2 * 2**20)")
        function = room.look_up(["f"])["f"]
        with pytest.raises(RoomError, match="too large") as caught:
            function()
        assert caught.value.kind == "output"


# --- IPython -------------------------------------------------------------------------------------

PRINTS = {
    "%time": ("%time 1", "Wall time"),
    "%timeit": ("%timeit -n1 -r1 0", "per loop"),
    "%%time": ("%%time\nx = 1", "Wall time"),
    "%%timeit": ("%%timeit -n1 -r1\n0", "per loop"),
    "%%capture": ("%%capture kept\nprint('in'); display('in')", ""),
    "%who": ("%reset -f\na, b = 1, 2\n%who", "a\t b\t \n"),
    "%run": ("open('own.py', 'w').write('five = 5\\nprint(five)')\n%run own.py", "5\n"),
    "%load_ext": ("%load_ext autoreload\n%autoreload 2", ""),
    "%%writefile": ("%%writefile made.txt\nwritten", "Writing made.txt\n"),
    "!command": ("!echo said; echo complained >&2", "said\ncomplained\n"),
    "!command with a variable": ("word = 'hi'\n!echo $word {word.upper()}", "hi HI\n"),
    "lines of !command": ("lines = !echo said\nprint(lines)", "['said']\n"),
    "%%bash": ("%%bash\necho said", "said\n"),
    "name?": ("def f():\n    'What it does.'\nf?", "Docstring: What it does."),
    "name??": ("def f():\n    return 1  # why\nf??", "return 1  # why"),
    "help": ("help(len)", "Help on built-in function len"),
    "exit": ("exit", ""),
    "clear_output": (SHOW + "print('a'); clear_output(); print('b')", "b\n"),
    "clear_output that waits": (
        SHOW + "print('a'); clear_output(wait=True)\nprint('b'); clear_output(wait=True)",
        "b\n",
    ),
}


@pytest.mark.parametrize(("source", "text"), PRINTS.values(), ids=PRINTS)
def test_what_ipython_prints_is_in_the_notebook(notebook, source, text):
    got = printed(shown(notebook, source))
    assert text in got if text else got == ""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("%pwd", "'/home/student'"),
        ("%env HOME", "'/home/student'"),
        ("get_ipython().execution_count > 0", "True"),
        ("6 * 7;", None),
    ],
)
def test_what_a_magic_returns_is_the_value_of_the_cell(notebook, source, text):
    assert [out.data["text/plain"] for out in shown(notebook, source)] == [text] * bool(text)


def test_earlier_values_and_cells_are_remembered(warm):
    with warm.room() as room:
        shown(room, "6 * 7")
        assert shown(room, "_ + 1, Out[1], In[1]")[0].data["text/plain"] == "(43, 42, '6 * 7')"


def test_a_captured_cell_can_be_shown_later(notebook):
    shown(notebook, "%%capture kept\nprint('in'); display('shown')")
    text, display = shown(notebook, "kept.show()")
    assert (text.text, display.data["text/plain"]) == ("in\n", "'shown'")


def test_a_display_can_be_replaced(notebook):
    first, second = shown(
        notebook, "handle = display(1, display_id='n'); display(2); handle.update(3)"
    )
    assert (first.data["text/plain"], second.data["text/plain"]) == ("3", "2")
    assert shown(notebook, "handle.update(4)") == ()  # that cell is over


def test_nobody_answers_questions(notebook):
    assert "nobody to ask" in notebook.run_cell("name = input('Your name? ')").error
    assert "nobody to ask" in notebook.run_cell("breakpoint()").error


def test_a_command_is_not_left_running(notebook):
    assert notebook.run_cell("!sleep 1000 &").error.startswith("OSError: Background")


FIGURE = """
%matplotlib inline
%config InlineBackend.figure_formats = ['{}']
import matplotlib.pyplot as plt
plt.figure(figsize=(1, 1)); plt.plot([1, 2]);
"""


def test_figures_come_in_the_format_that_was_asked_for(notebook):
    (svg,) = shown(notebook, FIGURE.format("svg"))
    assert svg.data["text/html"].startswith('<img alt="SVG picture" src="data:image/svg+xml;base64')
    (sharp,) = shown(notebook, FIGURE.format("retina"))
    size = sharp.metadata["image/png"]
    assert set(size) == {"width", "height"}
    (png,) = shown(notebook, FIGURE.format("png"))
    assert set(png.data) == {"image/png", "text/plain"}
    assert len(png.data["image/png"]) < len(sharp.data["image/png"])


RICH = {
    "_repr_html_": ("_repr_html_", "<b>rich</b>", "text/html", "<b>rich</b>"),
    "_repr_markdown_": (
        "_repr_markdown_",
        "**rich** $a<b$",
        "text/html",
        "<p><strong>rich</strong> $a&lt;b$</p>\n",
    ),
    "_repr_latex_": ("_repr_latex_", r"$\alpha$", "text/latex", r"$\alpha$"),
    "_repr_svg_": (
        "_repr_svg_",
        "<svg/>",
        "text/html",
        '<img alt="SVG picture" src="data:image/svg+xml;base64,PHN2Zy8+">',
    ),
    "_repr_png_": ("_repr_png_", PNG, "image/png", "iVBORw0KGgo="),
}


@pytest.mark.parametrize(("method", "value", "mime", "content"), RICH.values(), ids=RICH)
def test_a_value_shows_itself(notebook, method, value, mime, content):
    source = f"class Own:\n    def {method}(self): return {value!r}\nOwn()"
    (out,) = shown(notebook, source)
    assert set(out.data) == {"text/plain", mime}
    assert out.data[mime] == content


def test_the_display_classes_of_ipython_work(notebook):
    source = (
        SHOW + "display(HTML('<i>h</i>'), Math('x^2'), Latex('$y$'), Markdown('*m*'), "
        "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>'), "
        f"Image(data={PNG!r}, format='png', width=40), Javascript('1'))"
    )
    html, math, tex, markdown, svg, image, script = shown(notebook, source)
    assert html.data["text/html"] == "<i>h</i>"
    assert (math.data["text/latex"], tex.data["text/latex"]) == ("$\\displaystyle x^2$", "$y$")
    assert "<em>m</em>" in markdown.data["text/html"]
    assert svg.data["text/html"].startswith("<img ")
    assert image.metadata == {"image/png": {"width": 40}}
    assert set(script.data) == {"text/plain"}


TABLE = (
    '<div>\n<style scoped>\n  .dataframe td {vertical-align: top}\n</style>\n<table border="1" '
    'class="dataframe"><thead><tr style="text-align: right;"><th></th><th>a</th></tr></thead>'
    "<tbody><tr><th>0</th><td>&lt;1&nbsp;%</td></tr></tbody></table></div>"
)


def test_a_table_stays_a_table(notebook):
    (out,) = shown(notebook, SHOW + f"HTML({TABLE!r})")
    assert out.data["text/html"].split("\n")[2:] == [
        '<table><thead><tr style="text-align: right;"><th></th><th>a</th></tr></thead>'
        "<tbody><tr><th>0</th><td>&lt;1\xa0%</td></tr></tbody></table></div>"
    ]


def test_a_picture_within_html_stays(notebook):
    picture = "data:image/png;base64," + "iVBO" * 50_000
    (out,) = shown(notebook, SHOW + f'HTML(\'<img src="{picture}" onload="hit()">\')')
    assert out.data["text/html"] == f'<img src="{picture}">'


# --- harmless ------------------------------------------------------------------------------------

SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='hit()'><script>hit()</script></svg>"
HTML = [
    "<script>hit()</script>",
    "<SCRIPT SRC=https://evil.example/a.js></SCRIPT >",
    "<scr<script>ipt>hit()</scr</script>ipt>",
    "<img src=x onerror=hit()>",
    "<img src='data:image/png;base64,AAAA' onerror=hit()>",
    "<img/src='x'/onerror=hit()//>",
    "<img src=https://evil.example/a.png srcset='https://evil.example/b.png 1x'>",
    "<img src='data:text/html;base64,PHNjcmlwdD5oaXQoKTwvc2NyaXB0Pg=='>",
    "<a href='javascript:hit()'>x</a>",
    "<a href='java&#10;script:hit()'>x</a>",
    "<a href=' &#x6A;avascript:hit()'>x</a>",
    "<a href='data:text/html,<script>hit()</script>'>x</a>",
    "<a href='/formgrader' id='double' class='full-credit' name='x'>x</a>",
    "<b onmouseover=hit() onclick=hit() onfocus=hit() tabindex=1 autofocus>x</b>",
    "<iframe src='javascript:hit()'></iframe>",
    "<iframe srcdoc='<script>hit()</script>'></iframe>",
    "<object data='javascript:hit()'></object><embed src='javascript:hit()'>",
    "<form action='https://evil.example'><input name=a autofocus onfocus=hit()><button>x</form>",
    "<button formaction='javascript:hit()' onclick=hit()>x</button>",
    "<link rel=stylesheet href='https://evil.example/a.css'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<style>@import 'https://evil.example/a.css'; body {display: none}</style>",
    "<p style='background-color: url(https://evil.example/a); cursor: url(//evil.example/c)'>x</p>",
    "<p style='position: fixed; top: 0; left: 0; z-index: 9; width: 9999px'>x</p>",
    "<p style='font-family: a; background: url(https://evil.example/a)'>x</p>",
    "<details open ontoggle=hit()><summary>x</summary></details>",
    "<video src='https://evil.example/a' onerror=hit()></video><audio src=x onerror=hit()>",
    SVG,
    "<svg><style><img src=x onerror=hit()></style></svg>",
    "<svg><animate onbegin=hit() attributeName=x dur=1s></svg>",
    "<svg><a xlink:href='javascript:hit()'><text y=20>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=hit()>'>",
    "<math href='javascript:hit()'>x</math>",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'></noscript>",
    "<textarea><img title='</textarea><img src=x onerror=hit()>'></textarea>",
    "<xmp><img title='</xmp><img src=x onerror=hit()>'></xmp>",
    "<!--><img src=x onerror=hit()>-->",
    "<![CDATA[<img src=x onerror=hit()>]]>",
    "<template><script>hit()</script></template>",
    "</div></div></div><script>hit()</script>",
    "<script type='text/x-mathjax-config'>hit()</script>",
    r"$\href{javascript:hit()}{x}$",
    r"$&#92;href{javascript:hit()}{x}$ $&bsol;href{javascript:hit()}{x}$",
    r"$\hr<b></b>ef{javascript:hit()}{x}$ $\hr<!-- -->ef{javascript:hit()}{x}$",
    r"$\hr<style>x</style>ef{javascript:hit()}{x}$",
    r"$\style{background: url(https://evil.example/a)}{x} \class{full-credit}{y}$",
    r"$\mmlToken{mi}[href='javascript:hit()']{x} \require{html}$",
]
MARKDOWN = [
    "[x](javascript:hit())",
    "[x]( java\nscript:hit() )",
    "![x](https://evil.example/a.png)",
    "![x](javascript:hit())",
    "<script>hit()</script>",
    "<https://evil.example/><img src=x onerror=hit()>",
    "```html\n<script>hit()</script>\n```",
    "```mermaid\n<img src=x onerror=hit()>\n```",
    "[x]: javascript:hit() 'y'\n\n[x]",
    "# x <img src=x onerror=hit()>",
    r"$\href{javascript:hit()}{x}$",
    r"\begin{align}\href{javascript:hit()}{x}\end{align}",
]
STRANGE = """svg math table select template noscript textarea title style script mtext mglyph desc
foreignObject annotation-xml frameset plaintext option caption col tr td html body head"""
LATEX = [
    r"$\href{javascript:hit()}{x}$",
    "$x$<script>hit()</script><img src=x onerror=hit()>",
    "$x</div><script>hit()</script>$",
]


class Seen(HTMLParser):
    """Whatever in a page could run, load, or pass for a part of it."""

    def __init__(self, page):
        super().__init__()
        self.bad = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        known = {"style", "title", "href", "src", "alt", "open", "width", "height", "align"}
        tags = "script style iframe object embed form input button link meta base svg math video"
        if tag in (*tags.split(), "audio", "template", "textarea", "noscript", "xmp"):
            self.bad.append(tag)
        for name, value in attributes:
            address = (value or "").startswith(("https://", "data:image/"))
            if name not in known or (name in ("href", "src") and not address):
                self.bad.append((tag, name, value))
            if name == "src" and not value.startswith("data:image/"):
                self.bad.append((tag, name, value))
            if name == "style" and ("url" in value or "position" in value):
                self.bad.append((tag, name, value))

    def handle_data(self, text):
        if r"\href" in text or r"\style" in text or r"\class" in text or r"\mmlToken" in text:
            self.bad.append(text)


@pytest.mark.parametrize("text", HTML)
def test_html_can_do_nothing(text):
    assert Seen(Harmless().html(text)).bad == []


@pytest.mark.parametrize("text", [*MARKDOWN, *HTML])
def test_markdown_can_do_nothing(text):
    assert Seen(Harmless().markdown(text)).bad == []


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64,AAAA<unknown>5",
        "data:image/png;base64,AAAA<unknown>x",
        "<img src='data:image/png;base64,7'><img src='data:image/png;base64,'>",
    ],
)
def test_the_numbers_of_pictures_cannot_be_forged(text):
    page = Harmless().html(text)
    assert Seen(page).bad == []
    assert len(page) <= len(text)


def test_whatever_html_is_made_of_it_can_do_nothing():
    random = np.random.default_rng(0)
    parts = [*"<>/!-='\"&;\\ ", *TAGS, *HTML, *(f"<{tag}>" for tag in STRANGE.split())]
    for _ in range(300):
        text = "".join(parts[i] for i in random.integers(0, len(parts), 30))
        page = Harmless().html(text)
        assert page is None or Seen(page).bad == [], text


@pytest.mark.parametrize("text", LATEX)
def test_latex_can_do_nothing(text):
    assert Seen(latex(text)).bad == []
    assert "<s" not in latex(text)


def test_the_measure_of_harm_finds_harm():
    lenient = [text for text in HTML if not Seen(text).bad]  # markup to other parsers alone
    assert len(lenient) < 5


@pytest.mark.parametrize(
    "text",
    [
        "<b>" * 600 + "<p>x" * 600,
        "<div>" * 10_000,
        "<" + "a" * 10**6,
        "<p " + "a " * 50_000 + ">",
        "&" * 10**5,
        f'<p style="color: {"{" * 50_000}">',
    ],
    ids=["formatting", "depth", "name", "attributes", "entities", "braces"],
)
def test_html_that_would_take_long_is_not_shown(text):
    assert Harmless().html(text) is None


def test_all_the_markup_of_a_cell_counts_together():
    harmless, page = Harmless(), "<div>" * 1500
    assert harmless.html(page) is not None
    assert [harmless.html(page) for _ in range(20)][-1] is None


def test_markup_that_is_not_shown_leaves_its_text(notebook):
    (html,) = shown(notebook, SHOW + "HTML('<div>' * 10_000)")
    assert set(html.data) == {"text/plain"}
    (markdown,) = shown(notebook, SHOW + "Markdown('*long* ' * 5000)")
    assert markdown.data["text/plain"].startswith("*long*")


def test_the_sanitiser_is_imported_when_there_is_something_to_sanitise():
    code = (
        "import sys\n"
        "from coursekit.sandbox.outputs import cell_run\n"
        "text = {'type': 'stream', 'name': 'stdout', 'text': 'hello'}\n"
        "cell_run(('ran', [text], None), 10**6)\n"
        "print(sorted({'bleach', 'nbconvert', 'tinycss2', 'mistune'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- replies of a room that says what it likes ---------------------------------------------------


def display(data, sizes=None, kind="display_data"):
    return {"type": kind, "data": data, "sizes": sizes or {}}


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"type": "stream", "name": "stdin", "text": "x"},
        {"type": "stream", "name": "stdout", "text": ["x"]},
        {"type": "update_display_data", "data": {}, "sizes": {}},
        {"type": "display_data", "data": {}},
        display({"application/javascript": "hit()"}),
        display({"application/vnd.jupyter.widget-view+json": "{}"}),
        display({"image/png": "iVBO"}),
        display({"image/png": b"<svg/>"}),
        display({"image/gif": b"GIF89a"}),
        display({"text/html": b"<b>"}),
        display({"text/plain": 1}),
        display({1: "x"}),
        {"type": "error", "name": "E", "value": "v", "traceback": [1]},
    ],
)
def test_outputs_that_make_no_sense_are_refused(item):
    with pytest.raises(WireError) as caught:
        cell_run(("ran", [item], None), MEBIBYTE)
    assert caught.value.kind == "protocol"


@pytest.mark.parametrize(
    "items",
    [
        [{"type": "stream", "name": "stdout", "text": "x" * 10 * MEBIBYTE}],
        [display({"image/png": PNG + bytes(10 * MEBIBYTE)})],
        [display({"text/plain": "1"})] * 5000,
        [{"type": "error", "name": "E", "value": "v", "traceback": ["x" * MEBIBYTE] * 10}],
    ],
    ids=["text", "picture", "displays", "traceback"],
)
def test_more_than_a_room_lets_through_is_refused(items):
    with pytest.raises(WireError, match="more than a room lets through") as caught:
        cell_run(("ran", items, None), MEBIBYTE)
    assert caught.value.kind == "output"


@pytest.mark.parametrize(
    "sizes",
    [
        {"image/png": {"width": "1 onload=hit()"}},
        {"image/png": {"width": float("nan"), "height": float("inf")}},
        {"image/png": {"width": -1, "height": 10**400}},
        {"image/png": {"width": True, "onload": 1, "isolated": True}},
        {"image/png": "wide"},
        {"text/html": {"isolated": True}},
        {"filenames": {"image/png": "/etc/passwd"}},
    ],
)
def test_of_metadata_only_sizes_are_kept(sizes):
    item = display({"image/png": PNG, "text/html": "<b>x</b>"}, sizes, "execute_result")
    (out,) = cell_run(("ran", [item], None), MEBIBYTE).outputs
    assert out.metadata == {}
    valid([out])


# --- the page that is read -----------------------------------------------------------------------

CELLS = [
    SHOW + f"for text in {HTML!r}: display(HTML(text))",
    SHOW + f"for text in {MARKDOWN!r}: display(Markdown(text))",
    SHOW + f"for text in {LATEX!r}: display(Latex(text))",
    SHOW + f"display(SVG({SVG!r}), Javascript('hit()'))",
    f"class Isolated:\n    def _repr_mimebundle_(self, **_):\n        html = {HTML[0]!r}\n"
    "        return {'text/html': html}, {'text/html': {'isolated': True}}\nIsolated()",
]


@pytest.fixture(scope="module")
def feedback(warm, tmp_path_factory):
    """The page of a student who shows all of the above."""
    root = tiny_course.build(tmp_path_factory.mktemp("shown"))
    submission = tiny_course.answered(
        notebooks.read(autograding.register(root, tiny_course.NAME)), tiny_course.RIGHT
    )
    submission.cells[2:2] = [v4.new_code_cell(text) for text in CELLS]
    tiny_course.hand_in(root, "ada", submission)
    (result,) = classroom.grade(root, tiny_course.NAME)
    assert result.scores["test_double"] == 2.0
    (page,) = classroom.feedback(root, tiny_course.NAME).values()
    return page


def test_nothing_in_the_feedback_can_run(feedback):
    page = BeautifulSoup(feedback.read_text(), "html.parser")
    areas = page.select(".output_html, .output_latex, .output_markdown, .output_svg")
    assert len(areas) >= len(HTML) + len(MARKDOWN) + len(LATEX) + 2
    for area in areas:
        assert Seen(area.decode_contents()).bad == []
    assert "hit(" not in "".join(script.text for script in page.find_all("script"))
    assert not page.select("iframe, object, embed, form, svg, [onload], [onerror], [onclick]")


def test_written_answers_are_shown_without_what_could_run():
    image = {"a.png": {"image/png": "iVBORw0KGgo="}}
    cells = [v4.new_markdown_cell(text) for text in (*MARKDOWN, *HTML)]
    cells.append(v4.new_markdown_cell("# Mine\n![a](attachment:a.png)", attachments=image))
    exporter = HTMLExporter(
        template_name="classic",
        filters={"markdown2html": "coursekit.feedback.harmless_markdown"},
    )
    page = BeautifulSoup(
        exporter.from_notebook_node(v4.new_notebook(cells=cells))[0], "html.parser"
    )
    areas = page.select(".text_cell_render")
    assert len(areas) == len(cells)
    for area in areas:
        assert Seen(area.decode_contents()).bad == []
    assert areas[-1].h1.text == "Mine"
    assert areas[-1].img["src"] == "data:image/png;base64,iVBORw0KGgo="


def test_a_written_answer_that_cannot_be_rendered_is_shown_as_text():
    shown = harmless_markdown({"cell": {}}, "<b>*x*</b> " * 10_000)
    assert shown.startswith("<pre>&lt;b&gt;*x*&lt;/b&gt;")


@pytest.fixture(scope="module")
def opened():
    """Opens a page in Chromium, touches all of it; how often a script ran, and what was loaded."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        message = "Chromium is missing. On Debian and Ubuntu: apt install chromium"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield partial(_touch, browser)
        browser.close()


def _touch(browser, path):
    loaded = []

    def note(route):
        loaded.append(route.request.url)
        route.continue_() if route.request.url == path.as_uri() else route.abort()

    page = browser.new_page()
    page.route("**/*", note)
    page.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1 }")
    page.goto(path.as_uri())
    page.evaluate("""() => {
        for (const element of document.querySelectorAll("*"))
            for (const name of ["mouseover", "focus", "click", "toggle", "error", "load", "begin"])
                element.dispatchEvent(new Event(name))
    }""")
    hits = page.evaluate("window.hits")
    page.close()
    return hits, loaded


@pytest.mark.browser
def test_in_a_browser_no_script_of_a_student_runs(opened, feedback, tmp_path):
    hits, loaded = opened(feedback)
    assert hits == 0
    assert loaded[0] == feedback.as_uri()
    assert not [address for address in loaded if "evil" in address]

    unsafe = tmp_path / "unsafe.html"  # the same, as it was shown: this page can tell
    unsafe.write_text("".join(f"<div>{text}</div>" for text in HTML if "refresh" not in text))
    hits, loaded = opened(unsafe)
    assert hits > 5
    assert [address for address in loaded if "evil" in address]


FIGURES = """
import matplotlib.pyplot as plt
import numpy as np
values = np.random.default_rng(0).random((20, 30))
fig, (left, right) = plt.subplots(1, 2, layout="constrained")
fig.colorbar(left.imshow(values), ax=left)
right.plot(values[0])
right.set_xlabel("$t$")
plt.show()
plt.imshow(values, cmap="gray")
plt.title("grey")
plt.show()
"""
USUALLY = """
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import AxesImage
AxesImage.draw = AxesImage.draw.__wrapped__
FigureCanvasAgg.print_png = FigureCanvasAgg.print_png.__wrapped__
"""


def test_figures_look_as_they_do_in_a_kernel(warm):
    def pixels(before):
        with warm.room() as room:
            assert room.run_cell(before).error == ""
            run = room.run_cell(FIGURES)
        assert run.error == ""
        pictures = [base64.b64decode(output.data["image/png"]) for output in run.outputs]
        return [np.asarray(Image.open(io.BytesIO(picture))) for picture in pictures]

    quick, usual = pixels(""), pixels(USUALLY)
    assert len(quick) == len(usual) == 2
    for ours, theirs in zip(quick, usual, strict=True):
        np.testing.assert_array_equal(ours, theirs)
