"""What a page would load from another host: a script, a picture, a style sheet."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

from rules.reading import cells, prose

LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background"}
LEADING = {"a", "area"}  # their href is followed by a click only
FROM_CSS = re.compile(r"""@import\s+["']([^"']+)|url\(\s*["']?([^"')]+)""", re.I)
PICTURE = re.compile(r"!\[[^\]]*\](?:\(\s*<?([^)\s>]+)|\[([^\]]+)\])")
NAMED = re.compile(r"^ {0,3}\[([^\]]+)\]:\s*<?([^\s>]+)", re.M)


class Loads(HTMLParser):
    """Collects in `found` whatever a browser fetches with a piece of HTML or SVG."""

    def __init__(self, text: str):
        super().__init__()
        self.found, self.inside = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        for name, value in attributes:
            value = value or ""
            if name in LOADING:
                self.found += re.split(r"\s+(?:[^,]*,\s+)?", value.strip())
            elif name in ("href", "xlink:href") and tag not in LEADING:
                self.found.append(value)
            else:  # style, and fill="url(…)"
                self.found += from_css(value)

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "style":
            self.found += from_css(data)


def from_css(text: str) -> list[str]:
    """Return the addresses that a style sheet loads."""
    return [a or b for a, b in FROM_CSS.findall(text)]


def from_markdown(text: str) -> list[str]:
    """Return the addresses that Markdown loads, HTML in it included."""
    text = prose(text)
    names = dict(NAMED.findall(text))
    pictures = [a or names.get(b, "") for a, b in PICTURE.findall(text)]
    return pictures + Loads(text).found


def is_elsewhere(target: str) -> bool:
    """Tell whether an address is on another host."""
    parts = urlsplit(target)
    return bool(parts.netloc) or parts.scheme not in ("", "data", "mailto")


def problems_hosts(found: list[str]) -> list[str]:
    """Complain about what is loaded from elsewhere."""
    return [f"it loads {target}" for target in found if is_elsewhere(target)]


def problems_notebook(nb) -> list[str]:
    """Complain about what the Markdown cells load; outputs can load nothing."""
    return [
        f"{where}: {problem}"
        for where, cell in cells(nb, "markdown")
        for problem in problems_hosts(from_markdown(cell.source))
    ]
