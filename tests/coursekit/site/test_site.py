"""The course as static pages: what they show, what they leave out, and that they need nothing."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_site
from bs4 import BeautifulSoup
from nbformat import v4
from tiny_site import build, picture

from coursekit import notebooks
from coursekit.site import sources

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    done = tiny_site.make(root)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The front page: {root}/build/site/index.html\n"
    return root


def page(course, name):
    text = (course / "build" / "site" / name).read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


def links(page):
    return {each.get_text(strip=True): each.get("href") for each in page.find_all("a")}


def test_the_front_page_leads_to_lectures_and_guides_and_names_assignments(course):
    front = page(course, "index.html")
    found = links(front)
    assert found["two"] == found["02 Two"] == "course/02_two.html"
    assert found["here"] == "docs/notation.html#shapes"
    assert found["Notation"] == "docs/notation.html"
    assert "a02" in front.find("article").get_text() and "a02" not in found
    assert front.find("img", alt="A picture of the front page")


def test_links_between_lectures_and_guides_lead_from_page_to_page(course):
    found = links(page(course, "course/02_two.html").find("article"))
    assert found["three"] == "03_three.html"
    assert found["shapes"] == "../docs/notation.html#shapes"
    back = links(page(course, "docs/notation.html").find("article"))
    assert back["To the front page"] == "../index.html"


def test_no_line_is_lost_that_begins_as_a_mark_of_the_builder_would(course):
    text = " ".join(page(course, "course/02_two.html").get_text().split())
    assert "It fell by ten % of what it was, +++ or more (so)= it says." in text


def test_an_answer_is_folded_without_any_script(course):
    two = page(course, "course/02_two.html")
    (folded,) = two.find("article").find_all("details")
    assert not folded.has_attr("open")
    assert "Show the answer" in folded.find("summary").get_text()
    assert "forty-two" in folded.get_text()
    assert "answer()" not in folded.get_text()


def test_each_figure_has_its_words(course):
    pictures = page(course, "course/02_two.html").find("article").find_all("img")
    assert [each["alt"] for each in pictures] == ["first <of> two", "second"]


def test_the_first_cell_is_left_out_and_nothing_is_run(course):
    text = page(course, "course/02_two.html").get_text()
    assert "draw()" in text
    assert "needed" not in text and "All is there" not in text


def resources(pages):
    """All that the pages of a folder load, as they name it."""
    for path in pages.rglob("*.html"):
        found = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for each in found.find_all(
            ["script", "img", "link", "iframe", "source", "video", "object"]
        ):
            yield from filter(None, (each.get("src"), each.get("href"), each.get("data")))
        yield from re.findall(r"url\(\s*['\"]?([^)'\"]+)", str(found))
    for path in pages.rglob("*.css"):
        style = path.read_text(encoding="utf-8")
        yield from re.findall(r"url\(\s*['\"]?([^)'\"]+)", style)
        yield from re.findall(r"@import\s+['\"]([^'\"]+)", style)


def test_no_page_loads_anything_from_outside_its_folder(course):
    found = set(resources(course / "build" / "site"))
    assert any("mathjax" in each for each in found)
    assert [each for each in found if re.match(r"(?!data:)(\w+:|//|/)", each)] == []


def test_the_licence_of_mathjax_lies_beside_it(course):
    folder = course / "build" / "site" / "_static" / "mathjax"
    assert "Apache License" in (folder / "LICENSE").read_text()


@pytest.fixture(scope="module")
def other(course, tmp_path_factory):
    """The same course in another place, with its pages, to change it."""
    root = tmp_path_factory.mktemp("other") / "course"
    shutil.copytree(course, root)
    assert build(root).returncode == 0
    return root


def test_what_has_not_changed_is_not_written_again(other):
    names = ("course/02_two.html", "course/03_three.html", "docs/notation.html")
    pages = [other / "build" / "site" / name for name in names]
    before = [path.stat().st_mtime_ns for path in pages]
    path = other / "course/02_two.ipynb"
    notebook = notebooks.read(path)
    notebook.cells.append(v4.new_markdown_cell("One sentence more."))
    notebooks.write(notebook, path)
    left = other / "build" / "site" / "_images" / "left.png"
    left.write_bytes(picture(5))  # as if the lecture had shown another picture before
    assert build(other).returncode == 0
    after = [path.stat().st_mtime_ns for path in pages]
    assert after[0] > before[0] and after[1:] == before[1:]
    assert "One sentence more." in pages[0].read_text(encoding="utf-8")
    assert not left.exists() and len(list(left.parent.iterdir())) == 3


def test_a_lecture_that_goes_is_missed_on_all_pages_each_time(other):
    pages = other / "build" / "site"
    assert "03 Three" in links(page(other, "docs/notation.html"))
    (other / "course/03_three.ipynb").rename(other / "course/04_four.ipynb")
    (other / "docs/images/front.png").write_bytes(picture(4))
    for _ in range(2):
        done = build(other)
        assert done.returncode == 1
        assert "course/02_two.ipynb: WARNING" in done.stderr and "03_three" in done.stderr
        assert "site-work" not in done.stderr
    listed = links(page(other, "docs/notation.html"))
    assert "04 Three" in listed and "03 Three" not in listed
    assert not (pages / "course/03_three.html").exists()
    assert (pages / "_images/front.png").read_bytes() == picture(4)


def test_the_extra_is_named_where_it_is_missing(course):
    without = "import sys; sys.modules['mathjax'] = None; sys.argv[1:] = ['site']"
    program = f"{without}; from coursekit.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=course, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("This needs the extra `site`, for mathjax is not installed: ")


def test_the_course_itself_is_left_as_it_is(course):
    found = sources.sources(ROOT)
    assert {"index.md", "docs/authors.md", "docs/images/sliding-kernel.png"} <= found.keys()
    assert not [name for name in found if name.startswith("assignments")]
    assert "needed = {}" in (course / "course/02_two.ipynb").read_text()


def test_the_sidebar_lists_guides_as_the_readme_does_and_lectures_by_number():
    front = sources.sources(ROOT)["index.md"].decode()
    listed = re.findall(r"^(?:.* <)?((?:course|docs)/[\w-]+)>?$", front, re.MULTILINE)
    lectures = sorted(path.stem for path in ROOT.glob("course/*.ipynb"))
    guides = [name for name in listed if name.startswith("docs/")]
    assert listed == [f"course/{name}" for name in lectures] + guides
    assert guides[:2] == ["docs/students", "docs/teaching-assistants"]
    assert set(guides) == {f"docs/{path.stem}" for path in ROOT.glob("docs/*.md")}
