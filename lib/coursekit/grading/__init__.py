"""From a folder of submissions to grades: nothing stops it half-way, and nothing is graded twice.

`classroom` is the way in. `judge` grades one submission, in rooms of `coursekit.sandbox`; `grader`
and `workers` run it in processes of their own, `cluster` on other machines; `session` decides what
there is to do, and `store` remembers what has been done. `gradebook` alone writes.
`autograding` calls nbgrader's own converters.
"""

from coursekit import extras

with extras.named():
    import nbformat  # noqa: F401, before the modules that need it do
