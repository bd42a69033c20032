"""Look-alike submissions: which pairs of students share more than the class does.

    pairs = compare(read_class(course, "a02_convolution").answers)
    write_page(course, "a02_convolution")

Answers are compared by winnowed fingerprints of normalised tokens. Everything happens in this
process: nothing is sent anywhere. A package such as copydetect does the winnowing too, but gives
all names one letter, library functions included, and weights every fingerprint alike; in a class
that solves the same short tasks that flags those who wrote the obvious.
"""

from coursekit.similarity.pairs import Answers, Overlap, Pair, compare
from coursekit.similarity.reading import Readings, read_class, write_page

__all__ = ["Answers", "Overlap", "Pair", "Readings", "compare", "read_class", "write_page"]
