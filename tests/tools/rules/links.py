"""Rules for links, citations, references, and what the package's docstrings cite."""

import ast
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from rules.equations import NUMBER, anchors
from rules.reading import DISPLAY, INLINE, prose

LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)[^()]*\)")
HTML_LINK = re.compile(r'<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"')

REFERENCE = re.compile(r"\]\([^()\s]*\breferences\.ipynb#([^()\s]+)\)")
NAME = r"(?:(?:van|De|Le) )?[A-ZÀ-Þ][\w-]+"
NAMES = rf"{NAME}(?:,\s{NAME})*(?:\s&\s{NAME}|\set\sal\.)?"
CITATION = re.compile(rf"\b({NAMES})(?:,\s|\s\()((?:1[89]|20)\d\d)\b")
DOI = re.compile(r"10\.\d{4,9}/[\w.()/:;-]+")
PAGES = re.compile(r"\d+-\d+")
PARTS = {
    "article": {"publisher"},
    "article-journal": {"container-title", "volume", "page"},
    "book": {"publisher"},
    "chapter": {"container-title", "page", "publisher"},
    "paper-conference": {"container-title"},
    "report": {"collection-title", "number"},
}


def problems_links(text: str, home: str, folder: Path, series: dict) -> list[str]:
    """Complain about links in the Markdown file or notebook `folder / home`."""
    problems = []
    text = INLINE.sub(" ", DISPLAY.sub(" ", prose(text)))
    html = [("", target) for target in HTML_LINK.findall(text)]
    for words, target in LINK.findall(text) + html:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        if path and not (folder / path).exists():
            problems.append(f"there is no {path}")
            continue
        goal = series.get(Path(path or home).name)
        if fragment and goal is not None and fragment not in anchors(goal):
            problems.append(f"there is no anchor {target}")
        cited = NUMBER.findall(words)
        if re.fullmatch(r"\(\d+\.\d+\)", words) and not fragment.startswith("eq-"):
            problems.append(f"{words} must link to its equation, not to {target}")
        elif fragment.startswith("eq-") and cited:
            if fragment != f"eq-{cited[0].replace('.', '-')}":
                problems.append(f"{words} links to {target}")
        elif fragment and Path(path).name == "references.ipynb":
            if key(words) not in (fragment, fragment.rpartition("-")[0]):
                problems.append(f"{words} links to {target}")
    return problems


def key(words: str) -> str:
    """Return kool-van-hoof-welling-2019 for Kool, van Hoof & Welling (2019)."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def family(person: dict) -> str:
    """Return a CSL name's family name, with its particle: van Hoof."""
    particle = person.get("non-dropping-particle")
    return f"{particle} {person['family']}" if particle else person["family"]


def label(entry: dict) -> str:
    """Return what a reference is called in the text: Kool, van Hoof & Welling 2019."""
    *others, last = [family(person) for person in entry["author"]]
    names = f"{', '.join(others)} & {last}" if others else last
    if len(others) > 2:
        names = f"{others[0]} et al."
    return f"{names} {entry['issued']['date-parts'][0][0]}"


def citations(text: str) -> Iterator[str]:
    """Yield the key of each Name (year) and Name, year in a text."""
    for names, year in CITATION.findall(text):
        yield key(f"{names} {year}")


def problems_citations(text: str, known: set[str]) -> list[str]:
    """Complain of works cited that have no reference, or no link in this text."""
    cited, linked = dict.fromkeys(citations(prose(text))), REFERENCE.findall(text)
    return [f"{work} is no reference" for work in cited if work not in known] + [
        f"{work} is cited, but not linked once" for work in cited if work not in linked
    ]


def problems_references(entries: list[dict], cited: set[str]) -> list[str]:
    """Complain about the list of references, in CSL-JSON."""
    keys = [entry["id"] for entry in entries]
    problems = [] if keys == sorted(set(keys)) else ["keys are not unique and sorted"]
    for entry in entries:
        at, fields = entry["id"], set(entry)
        missing = {"title", *PARTS.get(entry["type"], ["known type"])} - fields
        problems += [f"{at}: {part} is missing" for part in sorted(missing)]
        if at != key(label(entry)):
            problems.append(f"{at}: the key of {label(entry)} is {key(label(entry))}")
        if any({"family", "given"} - set(person) for person in entry["author"]):
            problems.append(f"{at}: an author needs family and given")
        if len({"DOI", "URL"} & fields) != 1:
            problems.append(f"{at}: give the DOI, or a URL where there is none")
        if not DOI.fullmatch(entry.get("DOI", "10.1000/x")):
            problems.append(f"{at}: {entry['DOI']} is no DOI")
        if not re.fullmatch(r"https://[\w.-]+/\S*", entry.get("URL", "https://a/")):
            problems.append(f"{at}: {entry['URL']} is no https address")
        if not PAGES.fullmatch(entry.get("page", "1-2")):
            problems.append(f"{at}: write the pages as 229-256, not {entry['page']}")
        if at not in cited:
            problems.append(f"{at} is cited nowhere")
    return problems


def docstrings(source: str) -> Iterator[tuple[str, str]]:
    """Yield (name, docstring) for a module and for all in it that has one."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(source)):
        doc = ast.get_docstring(node) if isinstance(node, documented) else None
        if doc:
            yield getattr(node, "name", "module"), doc


def problems_docstrings(
    source: str, tags: set[str], references: set[str], root: Path
) -> list[str]:
    """Complain about tags, works and notebooks that docstrings cite in vain."""
    problems = []
    for where, doc in docstrings(source):
        own = doc.partition("Derived in")[0].splitlines()
        own = "\n".join(line for line in own if "Sutton" not in line)
        for tag in re.findall(r"\((\d+\.\d+)\)", own):
            if tag not in tags:
                problems.append(f"{where}: no equation has the tag {tag}")
        for work in citations(doc):
            if work not in references:
                problems.append(f"{where}: {work} is no reference")
        for path in re.findall(r"notebooks/\w+\.ipynb", doc):
            if not (root / path).exists():
                problems.append(f"{where}: there is no {path}")
    return problems
