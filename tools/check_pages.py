"""Check the built pages as a reader meets them: links, pictures, widths, the console.

    python -m tools.check_pages [doc/_build/html]

Links, anchors and alternative texts are read from the files. Where Playwright and
Chromium are installed, every page is also opened at the widths of a phone and of a
desktop; it must not scroll sideways there, and nothing may fail in the console.
"""

import argparse
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
#: Widths of pages, in pixels of CSS.
PHONE, DESKTOP = 400, 1400
#: Names under which systems install Chromium.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Folder of the source code, whose links back name an object after any of the modules
#: that export it.
SOURCES = "_modules"
#: Part of the names of the small pictures in the gallery.
THUMBNAIL = "_thumb."
#: How far a page may reach beyond the window: parts of pixels are rounded up.
ROUNDING = 1
#: JavaScript: by how much the content is wider than the window.
EXCESS = "document.documentElement.scrollWidth - window.innerWidth"


class Page(HTMLParser):
    """What a page refers to, and what others may refer to in it.

    Parameters
    ----------
    text : str
        The page.

    Attributes
    ----------
    links : list of str
        Targets of links, pictures, scripts and styles.
    anchors : set of str
        Places that links may have after their ``#``.
    pictures : list of str
        Pictures without an alternative text.
    """

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors, self.pictures = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note what an element refers to."""
        found = dict(attrs)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        for name in ("href", "src"):
            if found.get(name):
                self.links.append(found[name])
        if tag == "img":
            source, text = found.get("src", "?"), found.get("alt")
            # The text of a thumbnail in the gallery is the title below it.
            if not (text or "").strip() and not (text == "" and THUMBNAIL in source):
                self.pictures.append(source)


def pages_of(folder):
    """Return the pages of a folder, without the templates of the theme."""
    return [
        path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts
    ]


def check_files(folder):
    """Return the complaints about the files of a folder.

    Parameters
    ----------
    folder : Path
        Holds the pages.

    Returns
    -------
    list of str
    """
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in pages_of(folder)}
    complaints = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        complaints += [f"{name}: no alternative text: {one}" for one in page.pictures]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else path.parent / unquote(parts.path)
            target = target.resolve()
            if not target.exists():
                complaints.append(f"{name}: no such file: {link}")
            elif target in pages and parts.fragment and SOURCES not in name.parts:
                anchor = unquote(parts.fragment)
                if anchor not in pages[target].anchors:
                    complaints.append(f"{name}: no such place: {link}")
    return complaints


def check_in_browser(folder):
    """Return the complaints of a browser, or None without one.

    Parameters
    ----------
    folder : Path
        Holds the pages.

    Returns
    -------
    list of str or None
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return None
    if program is None:
        return None
    complaints = []
    with sync_playwright() as start:
        try:
            browser = start.chromium.launch(executable_path=program)
        except Error as error:
            print(f"{program} does not start: {error}")
            return None
        page, said = browser.new_page(), []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        for path in pages_of(folder):
            name = path.relative_to(folder)
            page.set_viewport_size({"width": DESKTOP, "height": 900})
            page.goto(path.as_uri(), wait_until="load")
            for width in (DESKTOP, PHONE):
                page.set_viewport_size({"width": width, "height": 900})
                excess = page.evaluate(EXCESS)
                if excess > ROUNDING:
                    complaints.append(
                        f"{name}: {excess} pixels wider than a window of {width}"
                    )
            complaints += [f"{name}: console: {one}" for one in said]
            said.clear()
        browser.close()
    return complaints


def main():
    """Print the complaints; fail if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=ROOT / "doc/_build/html")
    folder = Path(parser.parse_args().folder).resolve()
    if not list(folder.glob("*.html")):
        sys.exit(f"{folder} has no pages: run `make docs` before.")
    complaints = check_files(folder)
    seen = check_in_browser(folder)
    if seen is None:
        print("Not opened in a browser: Playwright or Chromium is missing.")
    complaints += seen or []
    print("\n".join(complaints) or "No complaints.")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
