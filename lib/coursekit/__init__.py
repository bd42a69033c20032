"""The course machinery: checks, notebooks, releases and grading. Knows nothing of convolutions."""

from coursekit.checks import Mistake, Oracle, Task, inside, numeric_gradient, relative_error

__all__ = ["Mistake", "Oracle", "Task", "inside", "numeric_gradient", "relative_error"]
