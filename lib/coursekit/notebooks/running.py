"""Runs lectures in a fresh kernel and stores what they print and draw."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from unittest.mock import patch

from nbformat import NotebookNode

from coursekit.notebooks.files import read, write
from coursekit.notebooks.tidy import normalise, same_results, unstable_outputs

# One thread, because two add up in another order; one hash seed, because sets print in its order.
ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


class ExecutionError(RuntimeError):
    """A notebook that did not run to its end, or printed what no other run will print."""


def execute(notebook: NotebookNode, cwd: str | Path, timeout: float = 120) -> NotebookNode:
    """Run all cells of a copy in a fresh kernel, and return the copy, tidied, with its outputs.

    Args:
        notebook: left as it is.
        cwd: working folder of the kernel; imports look there first.
        timeout: seconds for each cell.
    Raises:
        ExecutionError: a cell raised, took too long or killed the kernel; or a stored output holds
            an object address, an absolute path or a measured time.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    ran = copy.deepcopy(notebook)
    client = NotebookClient(
        ran,
        timeout=timeout,
        kernel_name="python3",
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(cwd)}},
    )
    try:
        with patch.dict(os.environ, ENVIRONMENT):
            client.execute()
    except CellExecutionError as error:
        raise ExecutionError(f"a cell raised {error.ename}: {error.evalue}\n{error}") from error
    except CellTimeoutError as error:
        raise ExecutionError(f"a cell took more than {timeout:g} seconds.\n{error}") from error
    except DeadKernelError as error:
        raise ExecutionError("the kernel died; was there enough memory?") from error
    except NoSuchKernel as error:
        raise ExecutionError("there is no python3 kernel; install ipykernel.") from error
    ran = normalise(ran, outputs="keep")
    unstable = unstable_outputs(ran)
    if unstable:
        raise ExecutionError("outputs that change from run to run:\n  " + "\n  ".join(unstable))
    return ran


def refresh(path: str | Path, timeout: float = 120) -> bool:
    """Run the notebook at `path` in its own folder; rewrite it if it changed.

    A run that prints the same and draws as many figures leaves the file alone, even where the
    bytes of its pictures differ.

    Returns:
        Whether the file was rewritten.
    """
    path = Path(path)
    stored = read(path)
    ran = execute(stored, path.parent, timeout)
    return not same_results(stored, ran) and write(ran, path)
