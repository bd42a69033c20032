"""The first and the last cell of an assignment: grading never runs them, whatever they hold."""

import pytest
import stock
import tiny_course
from jupyter_client.manager import start_new_kernel
from nbgrader.validator import Validator
from tiny_course import NAME, RIGHT

from coursekit import notebooks
from coursekit.authoring import frame
from coursekit.grading import autograding, classroom, hashes
from coursekit.grading.judge import Judge
from coursekit.grading.results import Status
from coursekit.notebooks import INSTALL, PROGRESS
from coursekit.rehearse import Rehearsal

FULL = {"test_double": 2.0, "test_halve": 3.0}


def trapped(trap="raise RuntimeError('was run')"):
    """The short assignment with both cells; by default each of them fails if it runs."""
    source = notebooks.normalise(frame.assignment(tiny_course.source(), NAME))
    for name in (INSTALL, PROGRESS):
        notebooks.find(source, name).source = trap
    return source


def solved(release):
    return tiny_course.answered(release, RIGHT)


def edited(release):
    """Handed in with both cells rewritten and their tags taken off."""
    for name in (INSTALL, PROGRESS):
        cell = notebooks.find(release, name)
        cell.source, cell.metadata["tags"] = "double = halve = None\n1 / 0", []
    return release


def deleted(release):
    release.cells = [c for c in release.cells if notebooks.grade_id(c) not in (INSTALL, PROGRESS)]
    return release


def moved(release):
    """The last cell first, and a copy of the first one last."""
    release.cells = [release.cells[-1], *release.cells[:-1], release.cells[1].copy()]
    release.cells[-1]["id"] = "another"
    return release


def as_it_is(release):
    return release


CHANGES = (as_it_is, edited, deleted, moved)


@pytest.mark.parametrize("change", CHANGES)
def test_the_judge_does_not_run_them_and_a_submission_without_them_loses_nothing(
    warm, tmp_path, change
):
    source = trapped()
    judge = Judge(source, tiny_course.released(source), tmp_path, {}, warm)
    judgement = judge.grade(change(solved(tiny_course.released(source))))
    assert judgement.points == FULL
    assert (judgement.errors, judgement.repairs) == ({}, [])
    assert not {INSTALL, PROGRESS, "another"} & judgement.runs.keys()


def test_proofs_do_not_run_them(tmp_path):
    outcome = Rehearsal(trapped(), tmp_path).run()
    assert (outcome.points, outcome.errors) == (FULL, {})


def test_a_change_in_them_grades_nobody_again():
    release = tiny_course.released(trapped())
    assert hashes.setup_hash(edited(release.copy()), {}) == hashes.setup_hash(deleted(release), {})


@pytest.mark.slow
@pytest.mark.parametrize("grade", [classroom.grade, stock.grade])
def test_a_class_is_graded_without_them_by_the_judge_and_by_nbgrader(warm, tmp_path, grade):
    tiny_course.build(tmp_path)
    notebooks.write(trapped(), tmp_path / "solutions" / NAME / f"{NAME}.ipynb")
    release = autograding.register(tmp_path, NAME)
    for change in CHANGES:
        tiny_course.hand_in(tmp_path, change.__name__, change(solved(notebooks.read(release))))
    results = grade(tmp_path, NAME)
    told = {result.student: (result.status, result.notes) for result in results}
    assert told == {change.__name__: (Status.GRADED, ()) for change in CHANGES}
    assert all(result.scores == FULL | {"explain_double": None} for result in results)
    for change in CHANGES:
        graded = notebooks.read(tmp_path / "autograded" / change.__name__ / NAME / f"{NAME}.ipynb")
        cells = [notebooks.find(graded, name) for name in (INSTALL, PROGRESS)]
        assert all("was run" in cell.source for cell in cells)  # put back from the release
        assert [cell.outputs for cell in cells] == [[], []]


@pytest.mark.parametrize("tagged", [True, False])
def test_validate_does_not_run_them(tmp_path, tagged):
    mark = tmp_path / "was run"
    source = trapped(f"open({str(mark)!r}, 'w').close()")
    for name in (INSTALL, PROGRESS):
        if not tagged:  # then nbgrader runs them, so this test can tell
            notebooks.find(source, name).metadata.tags = []
    path = tmp_path / f"{NAME}.ipynb"
    notebooks.write(solved(tiny_course.released(source)), path)
    assert "failed" not in Validator().validate(str(path))
    assert mark.exists() is not tagged


# --- what the last one shows ---------------------------------------------------------------------


class Desk:
    """A student at a kernel, with the assignment saved in the folder where it runs."""

    def __init__(self, client, folder):
        self._client, self.folder = client, folder
        self.path = folder / f"{NAME}.ipynb"
        source = frame.assignment(tiny_course.source(), NAME)
        self.notebook = tiny_course.released(notebooks.normalise(source))
        self.write("explain_double", "YOUR ANSWER HERE")

    def begin(self):
        """Begin as if the kernel were new: nothing is known of any task."""
        self.__init__(self._client, self.folder)
        self.save()
        self.run_text("%reset -f in")
        self.run_text("from coursekit.checks import progress\nprogress._noted.clear()")
        self.run("setup")

    def run_text(self, source):
        said = []

        def hear(message):
            said.append(message["content"].get("text", ""))

        self._client.execute_interactive(source, output_hook=hear, timeout=60)
        return "".join(said)

    def write(self, name, text):
        notebooks.find(self.notebook, name).source = text

    def run(self, *names):
        for name in names:
            said = self.run_text(notebooks.find(self.notebook, name).source)
        return said

    def save(self):
        notebooks.write(self.notebook, self.path)

    def rows(self):
        """Task -> its line in what the last cell shows, without the name."""
        self.text = self.run(PROGRESS)
        lines = map(str.split, self.text.partition("\n\n")[0].splitlines())
        return {name: " ".join(rest) for name, *rest in lines}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    yield Desk(client, folder)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def desk(kernel):
    kernel.begin()
    return kernel


def test_at_the_beginning_nothing_is_written(desk):
    assert desk.rows() == {
        "double": "– of 2 not written yet",
        "halve": "– of 3 not written yet",
        "explain_double": "– of 4 not answered yet, or not saved",
        "so": "far 0 of 9",
    }
    assert "hand in a01_tiny.ipynb" in desk.text


def test_a_stub_whose_check_ran_is_still_not_written(desk):
    desk.run("double", "test_double")
    assert desk.rows()["double"] == "0 of 2 not written yet"


def test_points_are_those_of_the_visible_checks(desk):
    desk.write("double", RIGHT["double"])
    desk.write("halve", "def halve(x):\n    return x")
    desk.save()
    desk.run("double", "test_double", "halve", "test_halve")
    rows = desk.rows()
    assert (rows["double"], rows["halve"]) == ("2 of 2", "0 of 3 1 of 1 checks failed")
    assert rows["so"] == "far 2 of 9"
    assert "hidden checks have a say" in desk.text


def test_a_cell_that_ran_without_its_check(desk):
    desk.write("double", RIGHT["double"])
    desk.save()
    desk.run("double")
    assert desk.rows()["double"] == "– of 2 its check has not been run"


def test_an_answer_that_changed_since_its_check(desk):
    desk.write("double", RIGHT["double"])
    desk.run("double", "test_double")
    desk.write("double", "def double(x):\n    return x")
    desk.save()
    desk.run("double")
    assert desk.rows()["double"] == "2 of 2 changed since its check: run that again"


def test_a_cell_that_ran_again_as_it_was_has_not_changed(desk):
    desk.write("double", RIGHT["double"])
    desk.save()
    desk.run("double", "test_double", "double")
    assert desk.rows()["double"] == "2 of 2"


def test_a_file_that_does_not_hold_what_ran(desk):
    desk.write("double", RIGHT["double"])
    desk.run("double", "test_double")  # and not saved
    assert "the saved cell is not the one that ran" in desk.rows()["double"]


def test_a_cell_that_is_gone_from_the_file(desk):
    whole = desk.notebook.cells
    gone = {"double", "explain_double"}
    desk.notebook.cells = [cell for cell in whole if notebooks.grade_id(cell) not in gone]
    desk.save()
    rows = desk.rows()
    assert rows["double"] == "– of 2 its cell is not in the saved notebook"
    assert rows["explain_double"] == "– of 4 its cell is not in the saved notebook"


def test_a_written_answer_is_seen_where_it_is_saved(desk):
    desk.write("explain_double", RIGHT["explain_double"])
    desk.save()
    assert desk.rows()["explain_double"] == "– of 4 answered in 6 words; a person reads it"


@pytest.mark.parametrize("text", [None, "{", "[]", '{"cells": [{"metadata": {"nbgrader": 3}}]}'])
def test_without_a_file_that_can_be_read_it_says_under_which_name_to_hand_in(desk, text):
    desk.path.unlink()
    if text is not None:
        desk.path.write_text(text)
    assert desk.rows()["explain_double"] == "– of 4 read by a person"
    assert "under the name a01_tiny.ipynb" in desk.text


def test_when_all_is_done_it_says_so(desk):
    for name, text in RIGHT.items():
        desk.write(name, text)
    desk.save()
    desk.run("double", "test_double", "halve", "test_halve")
    assert desk.rows()["so"] == "far 5 of 9"
    assert "All checks that you see pass." in desk.text
