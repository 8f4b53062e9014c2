"""The page of references: who wrote what, where it is found, and who cites it here.

The works are in notebooks/references.json, as CSL-JSON, which Zotero and pandoc read.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

from rules.links import REFERENCE, citations, docstrings, family, label
from rules.reading import cells, read

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
REFERENCES = json.loads((FOLDER / "references.json").read_text("utf-8"))

HOST = re.compile(r"https://(?:www\.)?([^/]+)")
INTRO = """\
# References

All that the series cites, by name and year, and where. For Zotero, pandoc and the
like: [references.json](references.json).
"""


def cited(series: dict) -> dict[str, list[str]]:
    """Return links to what cites a work, by its key: notebooks, then modules.

    What a notebook's solutions cite is counted as the notebook's.
    """
    found = {}
    for name, nb in series.items():
        solutions = FOLDER / "solutions" / name
        for each in [nb, *([read(solutions)] if solutions.exists() else [])]:
            for _, cell in cells(each, "markdown"):
                for key in REFERENCE.findall(cell.source):
                    found.setdefault(key, {})[f"[{name[:2]}]({name})"] = True
    for path in sorted((ROOT / "pgutils").glob("*.py")):
        for _, doc in docstrings(path.read_text("utf-8")):
            for key in citations(doc):
                link = f"[`{path.stem}`](../pgutils/{path.name})"
                found.setdefault(key, {})[link] = True
    return {key: list(links) for key, links in found.items()}


def authors(entry: dict) -> str:
    """Return all authors: R. S. Sutton and A. G. Barto."""
    names = []
    for person in entry["author"]:
        initials = [f"{name[0]}." for name in person["given"].split()]
        names.append(" ".join([*initials, family(person)]))
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def venue(entry: dict) -> str:
    """Return where and when it appeared: Machine Learning 8 (3–4), 229–256, 1992."""
    part = defaultdict(str, entry)
    names = filter(None, [part["container-title"], part["collection-title"]])
    issue = part["issue"] and f"({part['issue'].replace('-', '–')})"
    number = part["volume"] or part["number"]
    found = [
        " ".join(filter(None, [", ".join(names), number, issue])),
        part["edition"] and f"{part['edition']} edition",
        part["publisher"],
        part["page"].replace("-", "–"),
        str(entry["issued"]["date-parts"][0][0]),
    ]
    return ", ".join(filter(None, found))


def paragraph(entry: dict, links: list[str]) -> str:
    """Return one reference, with its anchor and with links to what cites it."""
    title = entry["title"].replace("*", "\\*")
    address = entry.get("URL", "")
    found = f"[{HOST.match(address)[1]}]({address})" if address else ""
    if "DOI" in entry:
        found = f"[doi:{entry['DOI']}](https://doi.org/{entry['DOI']})"
    notes = [found, *([entry["note"]] if "note" in entry else [])]
    return (
        f'<a id="{entry["id"]}"></a>**{label(entry)}.** {authors(entry)}, *{title}*, '
        f"{venue(entry)}. {'. '.join(notes)} · cited in {', '.join(links)}"
    )


def page(series: dict, _) -> list[str]:
    """Return the page."""
    found = cited(series)
    rows = [paragraph(entry, found.get(entry["id"], [])) for entry in REFERENCES]
    return [INTRO, "\n\n".join(rows)]
