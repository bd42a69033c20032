"""The pages of the course in a browser that has no network: a folder is all they need."""

import pytest
import tiny_site
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PAGES = ("index.html", "course/02_two.html", "docs/notation.html")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    done = tiny_site.make(root)
    assert done.returncode == 0, done.stderr
    return root / "build" / "site"


@pytest.fixture(scope="module")
def browser(chromium):
    """Without JupyterLab; only the pages are looked at."""
    return chromium


def asked_for(page):
    """Addresses of all requests of a window, and of those that failed, while they come."""
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: failed.append(request.url))
    return asked, failed


def test_a_page_asks_for_nothing_outside_its_folder(page, site):
    asked, failed = asked_for(page)
    for name in PAGES:
        page.goto((site / name).as_uri(), wait_until="networkidle")
    outside = [url for url in asked if not url.startswith((f"{site.as_uri()}/", "data:"))]
    assert len(asked) > 10
    assert outside == failed == []


def test_formulas_are_drawn(page, site):
    page.goto((site / "course/02_two.html").as_uri())
    expect(page.locator("mjx-container svg").first).to_be_visible()
    assert page.locator("mjx-merror").count() == 0
    assert "\\boldsymbol" not in page.locator("article").inner_text()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_folded_answer_opens_with_and_without_scripts(browser, site, scripts):
    page = browser.new_context(java_script_enabled=scripts).new_page()
    page.goto((site / "course/02_two.html").as_uri())
    answer = page.get_by_text("forty-two")
    expect(answer).to_be_hidden()
    page.get_by_text("Show the answer").click()
    expect(answer).to_be_visible()
    page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_width_of_a_window(page, site, size, name):
    page.set_viewport_size(size)
    page.goto((site / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
