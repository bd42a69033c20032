"""IPython in a room."""

from __future__ import annotations

import builtins
import functools
import subprocess
import sys
import warnings
from typing import NoReturn

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell

from coursekit.sandbox.capture import Outputs

_PIECE = 2**16  # characters of a command's output that are passed on at once


class _Hook(DisplayHook):
    """Keeps the value of a cell."""

    def write_output_prompt(self) -> None:
        """There is none."""

    def write_format_data(self, format_dict, md_dict=None) -> None:
        self.shell.outputs.show("execute_result", format_dict, md_dict or {})

    def finish_displayhook(self) -> None:
        self._is_active = False


class _Publisher(DisplayPublisher):
    """Keeps what `display` shows."""

    def publish(self, data, metadata=None, *, transient=None, update=False, **others) -> None:
        outputs, name = self.shell.outputs, (transient or {}).get("display_id")
        if update:
            outputs.replace(name, data, metadata or {})
        else:
            outputs.show("display_data", data, metadata or {}, name)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear(wait)


class Shell(InteractiveShell):
    """An IPython without a terminal, a history file or a kernel.

    Attributes:
        outputs: what cells put out; to be set before the first one runs.
    """

    outputs: Outputs

    def __init__(self):
        super().__init__(displayhook_class=_Hook, display_pub_class=_Publisher, colors="nocolor")

    def init_history(self) -> None:
        """Without the database."""
        self.config.HistoryManager.enabled = False
        super().init_history()

    def ask_exit(self) -> None:
        """What `exit` asks for; the cells that follow are graded all the same."""

    def enable_gui(self, gui=None) -> None:
        """A room has no screen."""

    def system(self, cmd: str) -> None:
        """Run a command of the system, as `!command` does, and print what it says as it comes."""
        line = self.var_expand(cmd, depth=1)
        if line.rstrip().endswith("&"):
            raise OSError("Background processes are not supported in a notebook.")
        with subprocess.Popen(
            line,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            while piece := process.stdout.read(_PIECE):
                sys.stdout.write(piece)
        self.user_ns["_exit_code"] = process.returncode

    def _showtraceback(self, etype, evalue, stb) -> None:
        self.outputs.error(etype.__name__, str(evalue), list(stb))


def start() -> Shell:
    """The shell of this process, with figures inline and nobody to answer questions."""
    shell = Shell.instance()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shell.enable_matplotlib("inline")
    _draw_quickly()
    builtins.input = _input
    return shell


def _draw_quickly() -> None:
    """Have figures drawn and stored in less time; they look the same.

    PNG files are compressed less: nobody keeps them for long. A figure is drawn a first time for
    its size alone, with a renderer that draws nothing; pictures then need not be resampled.
    """
    from matplotlib.backend_bases import RendererBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.image import AxesImage

    print_usually, draw_usually = FigureCanvasAgg.print_png, AxesImage.draw

    @functools.wraps(print_usually)  # which Matplotlib looks through
    def print_png(self, filename, *, metadata=None, pil_kwargs=None):
        quick = {"compress_level": 1} | (pil_kwargs or {})
        return print_usually(self, filename, metadata=metadata, pil_kwargs=quick)

    @functools.wraps(draw_usually)
    def draw(self, renderer):
        stands_for = getattr(renderer.draw_image, "__wrapped__", None)
        if stands_for is not RendererBase.draw_image:  # as RendererBase._draw_disabled has it
            draw_usually(self, renderer)

    FigureCanvasAgg.print_png, AxesImage.draw = print_png, draw


def _input(prompt: object = "", /) -> NoReturn:
    """Instead of waiting for somebody to type."""
    raise StdinNotImplementedError(
        "input() has nobody to ask while a notebook is graded; give the value in the code."
    )
