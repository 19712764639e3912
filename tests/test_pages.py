"""The check of the built pages finds what a reader would stumble over."""

import pytest

check_pages = pytest.importorskip("tools.check_pages")


@pytest.fixture
def folder(tmp_path):
    """Two pages with four faults, and a template of the theme, which is no page."""
    (tmp_path / "index.html").write_text(
        '<a href="other.html#here">fine</a> <a href="https://host.example">far</a>'
        '<img src="a.png" alt="a curve"> <img src="sphx_thumb.png" alt="">'
        '<a href="gone.html">gone</a> <a href="other.html#there">lost</a>',
        encoding="utf-8",
    )
    (tmp_path / "other.html").write_text(
        '<p id="here"></p> <img src="a.png" alt=""> <img src="a.png">', encoding="utf-8"
    )
    for name in ("a.png", "sphx_thumb.png"):
        (tmp_path / name).touch()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static/macros.html").write_text('<a href="{{ no page }}">')
    return tmp_path


def test_faults_of_files(folder):
    """A reader would find the dead link, and hear nothing of the picture."""
    assert check_pages.check_files(folder) == [
        "index.html: no such file: gone.html",
        "index.html: no such place: other.html#there",
        "other.html: no alternative text: a.png",
        "other.html: no alternative text: a.png",
    ]


def test_faults_in_a_browser(folder):
    """A table that is wider than a phone would be found by its readers."""
    for page in folder.glob("*.html"):
        page.unlink()
    (folder / "wide.html").write_text(
        '<!doctype html><meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="data:,">'
        '<div style="width: 700px">wide</div><script>throw Error("no")</script>',
        encoding="utf-8",
    )
    found = check_pages.check_in_browser(folder)
    if found is None:
        pytest.skip("needs Playwright and Chromium")
    first, second = found
    assert "pixels wider than a window of 400" in first
    assert second == "wide.html: console: no"
