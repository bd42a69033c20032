"""What an assistant looks at after `make grade`, in a browser: the report, and formgrader."""

import subprocess
import sysconfig
from pathlib import Path

import pytest
import tiny_course
from playwright.sync_api import expect
from tiny_course import NAME, RIGHT

from coursekit import notebooks, report
from coursekit.grading import autograding, classroom

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=90_000)

# Ratio of the luminances of ink and paper, as WCAG 2 defines it, of all text that can be read.
CONTRASTS = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = part => part <= 10.31 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) =>
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const paper = element => {
    for (; element; element = element.parentElement) {
      const colour = numbers(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return luminance(colour);
    }
    return 1;
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement ? style.fill : style.color;
    const [dark, light] = [luminance(numbers(drawn)), paper(element)].sort((a, b) => a - b);
    found.push([(light + 0.05) / (dark + 0.05), texts.currentNode.data.trim()]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def graded(course):
    """The course, after two more students have handed in: one with mistakes, one with rubbish."""
    release = autograding.release_of(course, NAME)
    wrong = RIGHT | {"halve": "def halve(x):\n    return x // 2"}
    tiny_course.hand_in(course, "carl", tiny_course.answered(notebooks.read(release), wrong))
    tiny_course.hand_in(course, "dora", data=b"{")
    classroom.grade(course, NAME)
    return course


@pytest.fixture(scope="module")
def report_page(graded):
    return report.write_page(graded, NAME).as_uri()


# --- the report ----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 800])
def test_the_report_shows_all_it_has_and_asks_for_nothing(report_page, page, width):
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report_page)
    assert (asked, said) == ([report_page], [])
    headings = ["Scores", "To look at", "Manual grading", "Questions", "Recognised mistakes"]
    assert page.locator("h2").all_inner_texts() == [*headings, "Checks"]
    expect(page.get_by_role("row", name="dora unreadable")).to_be_visible()
    expect(page.get_by_role("row", name="explain_double")).to_have_count(2)
    expect(page.locator("figure svg .bar")).to_have_count(2)  # of 5 points, and of 2
    drawn = [box.bounding_box() for box in page.locator("table, figure svg, .share svg").all()]
    assert len(drawn) == 5 + 5
    assert [box for box in drawn if box["x"] < 0 or box["x"] + box["width"] > width] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_can_be_read_by_day_and_by_night(report_page, page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(report_page)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 30
    assert [text for ratio, text in contrasts if ratio < 4.5] == []


# --- formgrader ----------------------------------------------------------------------------------


def formgrader(page, lab, path):
    """Open one of its pages. The cookie for what the page asks for comes with another one."""
    page.goto(f"{lab}/formgrader?token=test")
    page.goto(f"{lab}/formgrader/{path}")


def test_formgrader_shows_the_points_that_were_counted(graded, page, lab):
    formgrader(page, lab, f"manage_submissions/{NAME}")
    for student, points in {"ada": "5 / 9", "carl": "2 / 9", "dora": "0 / 9"}.items():
        row = page.get_by_role("row").filter(has_text=student)
        expect(row.get_by_text(points, exact=True)).to_be_visible()


def test_points_for_a_written_answer_survive_another_grading(graded, page, lab):
    formgrader(page, lab, f"gradebook/{NAME}/{NAME}")
    page.get_by_role("row").filter(has_text="2 / 9").get_by_role("link").click()
    expect(page.locator("#test_double")).to_have_attribute("placeholder", "2")
    with page.expect_response(lambda r: "/api/grade/" in r.url and r.request.method == "PUT"):
        page.locator("#explain_double").fill("3.5")
        page.locator("#explain_double").press("Tab")
    release = notebooks.read(autograding.release_of(graded, NAME))
    tiny_course.hand_in(graded, "carl", tiny_course.answered(release, RIGHT))
    program = Path(sysconfig.get_path("scripts"), "coursekit")
    # In a process of its own: while Playwright lives, no event loop can run in this one.
    subprocess.run([program, "grade", NAME], cwd=graded, check=True, capture_output=True)
    formgrader(page, lab, f"manage_submissions/{NAME}")
    carl = page.get_by_role("row").filter(has_text="carl")
    expect(carl.get_by_text("8.5 / 9", exact=True)).to_be_visible()
    expect(carl.get_by_text("graded", exact=True)).to_be_visible()
