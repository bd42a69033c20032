"""`make perturb`: does what a lecture asserts outlast rounding?

A lecture is run many times, each time with its initial weights × (1 + 10⁻⁶ noise), and every assert
is noted: in how many runs it held. An assert that falls does not stop its cell. Noise is asked for
by the environment variable COURSE_PERTURB; the library that draws the weights answers to it, and
counts in COURSE_PERTURBED how many draws it has reached.
"""
