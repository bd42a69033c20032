"""Shows figures together with a text that stands for them."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt


def show(alt: str) -> None:
    """`plt.show()`, with a text for those who cannot see the figure.

    In a notebook the text is stored beside the picture, and read out by screen readers where the
    notebook is shown as a web page. Elsewhere the figures are shown as usual.

    Args:
        alt: what there is to see, in a sentence or two, with its numbers: "Loss over 20 epochs,
            training falls to 0.1, validation stays at 0.4 from epoch 6 on."
    Raises:
        ValueError: the text is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what the figure shows.")
    if "inline" not in mpl.get_backend():
        plt.show()
        return
    from IPython.display import display  # only where there is a notebook to show it

    for number in plt.get_fignums():
        figure = plt.figure(number)
        display(figure, metadata={"image/png": {"alt": alt}})
        plt.close(figure)
