"""What a student and an assistant do in JupyterLab, in a browser."""

import re

import pytest
from playwright.sync_api import expect
from tiny_course import NAME, RIGHT, ROOT

from coursekit import notebooks
from coursekit.authoring.checking import few
from coursekit.grading import autograding

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=90_000)
OWN = few(path.parent.name for path in ROOT.glob("solutions/*/*.ipynb"))


class Notebook:
    """A notebook open in JupyterLab; cells by number."""

    def __init__(self, page, lab, path):
        self.page = page
        page.goto(f"{lab}/lab/tree/{path}?token=test&reset")
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.cells = self.panel.locator(".jp-Cell")
        self.wait_until_idle()

    def wait_until_idle(self):
        status = self.page.locator("#jp-main-statusbar")
        expect(status.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()

    def write(self, number, text):
        self.cells.nth(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def run(self, number):
        prompt = self.cells.nth(number).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.cells.nth(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(prompt).not_to_have_text(before)
        expect(prompt).not_to_have_text("[*]:")

    def output(self, number):
        return self.cells.nth(number).locator(".jp-OutputArea")

    def validate(self):
        """Press Validate; return the verdict, and close it."""
        self.panel.get_by_text("Validate", exact=True).click()
        self.page.locator("#validation-message").wait_for()
        verdict = self.page.locator("#validation-message").inner_text()
        self.page.get_by_role("button", name="Ok", exact=True).click()
        return verdict


def test_a_student_fills_a_stub_reads_the_check_corrects_it_and_validates(page, lab):
    notebook = Notebook(page, lab, f"assignments/{NAME}/{NAME}.ipynb")
    setup, double, test_double, halve, _, explain = range(1, 7)
    notebook.run(setup)

    notebook.write(double, "def double(x):\n    return x * x")
    notebook.run(double)
    notebook.run(test_double)
    expect(notebook.output(test_double)).to_contain_text("The result is 9, expected 6")

    notebook.write(double, RIGHT["double"])
    notebook.run(double)
    notebook.run(test_double)
    expect(notebook.output(test_double)).to_contain_text("1 of 1 visible checks passed")
    expect(notebook.output(test_double)).not_to_contain_text("expected 6")

    verdict = notebook.validate()
    assert "The following cell failed" in verdict
    assert "Not written yet" in verdict
    assert 'Task("double"' not in verdict

    notebook.write(halve, RIGHT["halve"])
    notebook.cells.nth(explain).dblclick()
    notebook.write(explain, RIGHT["explain_double"])
    assert "Success" in notebook.validate()


def test_a_check_knows_whether_somebody_reads_it(page, lab):
    notebook = Notebook(page, lab, f"assignments/{NAME}/{NAME}.ipynb")
    setup, double, test_double, halve, _, explain = range(1, 7)
    notebook.run(setup)
    source = "from coursekit.checks import kernel\ndef double(x):\n"
    notebook.write(double, source + "    return 0 if kernel.somebody_reads() else 2 * x")
    notebook.run(double)
    notebook.run(test_double)
    expect(notebook.output(test_double)).to_contain_text("The result is 0, expected 6")
    notebook.write(halve, RIGHT["halve"])
    notebook.cells.nth(explain).dblclick()
    notebook.write(explain, RIGHT["explain_double"])
    assert "Success" in notebook.validate()


@pytest.mark.parametrize("name", OWN)
def test_the_course_s_own_assignments_open_and_run(page, lab, course, name):
    path = f"assignments/{name}/{name}.ipynb"
    notebook = Notebook(page, lab, path)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = notebook.panel.locator(".jp-CodeCell .jp-InputPrompt").last
    expect(last).to_have_text(re.compile(r"\[\d+\]:"))
    with page.expect_response(lambda r: path in r.url and r.request.method == "PUT"):
        page.keyboard.press("Control+S")
    ran = notebooks.read(course / path)
    kinds = {out.ename for cell in ran.cells for out in cell.get("outputs", ()) if "ename" in out}
    assert kinds <= {"NotImplementedError"}
    for test in notebooks.tests(ran).values():
        assert "Not written yet" in str(test.outputs)


def test_the_assignment_list_fetches_and_submits(page, lab, course):
    page.goto(f"{lab}/lab?token=test&reset")
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Assignment List").click()
    released = page.locator("#released_assignments_list .list_item").filter(has_text=NAME)
    released.get_by_role("button", name="Fetch").click()
    fetched = page.locator("#fetched_assignments_list .list_item").filter(has_text=NAME).first
    fetched.get_by_role("button", name="Submit").click()
    submitted = page.locator("#submitted_assignments_list").get_by_text(NAME).first
    expect(submitted).to_be_visible()
    assert len(list((course / "fetched").rglob(f"{NAME}.ipynb"))) == 1
    assert len(list((course / "exchange").glob(f"*/inbound/*/{NAME}.ipynb"))) == 1


def test_an_assistant_gives_points_for_a_written_answer(page, lab, course):
    page.goto(f"{lab}/lab?token=test&reset")
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Formgrader").click()
    grader = page.frame_locator("iframe")
    expect(grader.get_by_role("link", name=NAME).first).to_be_visible()
    grader.get_by_role("link", name="Manual Grading").click()
    for _ in ("assignment", "notebook"):
        grader.get_by_role("link", name=NAME, exact=True).click()
    expect(grader.get_by_role("link", name="Submission #2")).to_be_visible()
    grader.get_by_role("link", name="Submission #1").click()
    expect(grader.get_by_text("a negative number")).to_have_count(2)  # the check and its result
    with page.expect_response(lambda r: "/api/grade/" in r.url and r.request.method == "PUT"):
        grader.locator("#explain_double").fill("3.5")
        grader.locator("#explain_double").press("Tab")
    with autograding.open_gradebook(course) as gradebook:
        given = [
            gradebook.find_grade("explain_double", NAME, NAME, student).manual_score
            for student in ("ada", "blaise")
        ]
    assert sorted(given, key=str) == [3.5, None]
