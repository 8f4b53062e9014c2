"""Gather what the site is made of in build/site_source: run by `make site`.

All is copied from the repository. README becomes the start page, links to modules lead
to the pages of the package, and the lists of pages are written down.
"""

import re
import shutil
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pgutils
from pgutils.files import replacing

HERE = Path(__file__).parent
ROOT = HERE.parent
SOURCE = ROOT / "build" / "site_source"

FOLDERS = ["notebooks", "figures", "benchmarks", ".github"]  # with all that is linked
FILES = "CHANGELOG.md CITATION.cff CONTRIBUTING.md LICENSE Makefile README.md".split()
TEXTS = [".ipynb", ".md"]

# Links that lead elsewhere on the site than in the repository.
REWRITTEN = [
    (re.compile(r"(\]\((?:\.\./)*)pgutils/(\w+)\.py\)"), r"\1api/\2.md)"),
    (re.compile(r"(\]\((?:\.\./)*)README\.md(?=[)#])"), r"\1index.md"),
    (re.compile(r"(\]\((?:notebooks/)?solutions)\)"), r"\1/index.md)"),
]

SOLUTIONS = """# Solutions

With the reasoning, a page a notebook. Try first: in the notebooks a check answers you.

```{toctree}
:glob:

[0-9]*
```
"""


def gather() -> None:
    """Copy all sources to one folder, with links that fit the site."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.parent.mkdir(exist_ok=True)
    with replacing(SOURCE) as new:
        fill(new)


def fill(source: Path) -> None:
    """Make the folder, with all that the site is made of."""
    ignored = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in FILES:
        shutil.copy2(ROOT / name, source)
    for path in source.rglob("*"):
        if path.suffix in TEXTS:
            text = path.read_text("utf-8")
            for pattern, target in REWRITTEN:
                text = pattern.sub(target, text)
            path.write_text(text, "utf-8")
    contents = (HERE / "contents.md").read_text("utf-8")
    start = (source / "README.md").rename(source / "index.md")
    start.write_text(start.read_text("utf-8") + "\n" + contents, "utf-8")
    (source / "notebooks/solutions/index.md").write_text(SOLUTIONS, "utf-8")
    write_api(source / "api")
    (source / "live.md").write_text(live(), "utf-8")


def write_api(folder: Path) -> None:
    """Write a page a module, and one that lists them with their first lines.

    The page of a package shows its modules too, one after the other.
    """
    folder.mkdir()
    rows = []
    modules = re.findall(r"`(\w+)`", pgutils.__doc__)  # in the order of reading
    for name in modules:
        module = f"pgutils.{name}"
        rows.append(f"| [`{name}`]({name}.md) | {summary(module)} |")
        path = getattr(import_module(module), "__path__", [])
        parts = [module, *(f"{module}.{part.name}" for part in iter_modules(path))]
        shown = "\n".join(f".. automodule:: {part}\n" for part in parts)
        page = f"# {module}\n\n```{{eval-rst}}\n{shown}```\n"
        (folder / f"{name}.md").write_text(page, "utf-8")
    table = "\n".join(["| module | |", "|---|---|", *rows])
    names = "\n".join(modules)
    page = (
        "# The package pgutils\n\nWhat one notebook derives, the next ones import. "
        f"In the order of reading:\n\n{table}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )
    (folder / "index.md").write_text(page, "utf-8")


def summary(module: str) -> str:
    """Return the first line of a module's docstring."""
    return import_module(module).__doc__.splitlines()[0]


def live() -> str:
    """Return the live page, with its script written into it.

    One plain script, not two modules: browsers load modules from a server only, and
    this page is to work from a folder too.
    """
    cart, page = (
        (HERE / "live" / f"{name}.js").read_text("utf-8")
        for name in ("cartpole", "page")
    )
    cart = re.sub(r"^export ", "", cart, flags=re.M)
    page = re.sub(r"^import \{.*?\} from .*?;$", "", page, flags=re.M | re.S)
    script = f"<script>\n(() => {{\n{cart}{page}}})();\n</script>"
    style = f"<style>\n{(HERE / 'live' / 'live.css').read_text('utf-8')}</style>"
    raw = f"\n````{{raw}} html\n{style}\n{script}\n````\n"
    return (HERE / "live" / "live.md").read_text("utf-8") + raw


if __name__ == "__main__":
    gather()
