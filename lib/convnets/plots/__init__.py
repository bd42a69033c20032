"""Figures of images, weights, activations and training, in one style.

Colours are told apart by colour-blind readers, and everything also reads in grey print: lines
differ in dashes and markers, and colour maps grow steadily lighter or darker. Each function returns
a Matplotlib `Figure`, made by pyplot, and leaves showing it to the caller or the notebook; `show`
does that, with words for those who cannot see it.
"""

from convnets.plots.pictures import activation_maps, filters, image_grid
from convnets.plots.showing import show
from convnets.plots.style import COLOURS, DASHES, POSITIVE, SIGNED, use_style
from convnets.plots.training import confusion_matrix, training_curves

__all__ = [
    "COLOURS",
    "DASHES",
    "POSITIVE",
    "SIGNED",
    "activation_maps",
    "confusion_matrix",
    "filters",
    "image_grid",
    "show",
    "training_curves",
    "use_style",
]
