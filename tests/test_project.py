"""What surrounds the code: workflows, forms, versions, dependencies and licences."""

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]

WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("[0-9]*.yml"))
TOP = {"name", "description", "title", "labels", "assignees", "projects", "body"}
TEXT = {"label", "description", "placeholder", "value"}
ATTRIBUTES = {
    "markdown": {"value"},
    "input": TEXT,
    "textarea": {*TEXT, "render"},
    "dropdown": {"label", "description", "options", "multiple", "default"},
}

HEADING = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", re.M)
HEADINGS = HEADING.findall((ROOT / "CHANGELOG.md").read_text("utf-8"))

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
LISTED = re.compile(r"^\|(?!-| for ).+?\| ([\w-]+) \| (.+?) \|$", re.M)
LICENCES = dict(LISTED.findall(CONTRIBUTING.partition("## Dependencies")[2]))
PINS = set(re.findall(r"^[\w-]+", (ROOT / "constraints.txt").read_text("utf-8"), re.M))
PERMISSIVE = re.compile(r"\b(MIT|0?BSD|Apache|ISC|PSF|Python Software Foundation)\b")
COPYLEFT = set("certifi docutils fqdn hypothesis pygame-ce tqdm".split())
SPELT = {"PSF": "Python Software Foundation"}


def load(path: Path):
    """Return what a YAML file says."""
    return yaml.safe_load(path.read_text("utf-8"))


def bare(requirement: str) -> str:
    """Return the name of what is required."""
    return re.match(r"[\w-]+", requirement)[0]


def licence(name: str) -> str | None:
    """Return what a distribution says of its licence; None if it is not installed."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = about.get_all("Classifier") or []
    said = [text for text in classifiers if text.startswith("License ::")]
    said += [
        about.get("License-Expression") or "",
        *(about.get("License") or "").split("\n")[:1],
    ]
    return " / ".join(said)


def test_every_action_is_pinned_by_its_commit_and_names_its_version():
    text = "\n".join(path.read_text("utf-8") for path in WORKFLOWS)
    used = re.findall(r"\buses:(.*)", text)
    assert len(used) >= 14
    assert [line for line in used if not PINNED.fullmatch(line.strip())] == []
    pairs = {tuple(re.split("[@#]", line)) for line in used}
    assert len(pairs) == len({name for name, _, _ in pairs}), "two versions of one"


def test_dependabot_looks_where_versions_are_named():
    said = load(GITHUB / "dependabot.yml")
    assert said["version"] == 2
    looked = {(u["package-ecosystem"], u["directory"]) for u in said["updates"]}
    assert looked == {("pip", "/"), ("github-actions", "/"), ("npm", "/tests/browser")}
    for update in said["updates"]:
        assert update["schedule"] == {"interval": "weekly"}
        assert [group["patterns"] for group in update["groups"].values()] == [["*"]]
    assert (ROOT / "tests/browser/package.json").exists()


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one_that_github_takes(path):
    form = load(path)
    assert {"name", "description", "body"} <= set(form) <= TOP
    asked = [element for element in form["body"] if element["type"] != "markdown"]
    for key in ("id", "label"):
        texts = [
            element[key] if key == "id" else element["attributes"][key]
            for element in asked
        ]
        assert len(set(texts)) == len(texts) > 1
    for element in form["body"]:
        attributes = element["attributes"]
        assert set(attributes) <= ATTRIBUTES[element["type"]], element
        assert set(element.get("validations", {})) <= {"required"}
        assert all(isinstance(text, str) for text in attributes.get("options", []))
        needed = "value" if element["type"] == "markdown" else "label"
        assert attributes[needed]
        assert (element["type"] == "dropdown") == ("options" in attributes)
    assert all(re.fullmatch(r"[\w-]+", element["id"]) for element in asked)


def test_a_version_is_named_alike_everywhere():
    version = PROJECT["version"]
    citation = load(ROOT / "CITATION.cff")
    assert citation["version"] == version
    assert HEADINGS[0][0] in ("Unreleased", version)
    released = [heading for heading in HEADINGS if heading[0] != "Unreleased"]
    assert all(date for _, date in released)
    if released:
        assert released[0] == (version, citation["date-released"])
    else:
        assert "date-released" not in citation


def test_every_dependency_is_listed_with_its_reason_and_licence():
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    lists.append(PYPROJECT["tool"]["tox"]["requires"])
    for name in ("site/requirements.txt", "benchmarks/requirements.txt"):
        lists.append(re.findall(r"^\w.*", (ROOT / name).read_text("utf-8"), re.M))
    declared = {bare(text) for texts in lists for text in texts}
    browser = json.loads((ROOT / "tests/browser/package.json").read_text("utf-8"))
    npm = {*browser["dependencies"], "katex", "mathjax"}
    assert set(LICENCES) == declared | npm | {"pygame-ce"}
    required = re.findall(r"^[a-z].*", (ROOT / "requirements.txt").read_text(), re.M)
    assert [bare(text) for text in required] == [bare(text) for text in lists[0]]


def test_every_licence_lets_us_publish_under_mit():
    read = {name: said for name in PINS if (said := licence(name)) is not None}
    assert len(read) > 100
    for name, said in read.items():
        assert PERMISSIVE.search(said) or name in COPYLEFT, (name, said)
        weak = re.search(r"GPL|General Public|MPL|Mozilla", said)
        assert not weak or name in COPYLEFT, (name, said)
    assert {name for name in COPYLEFT if name not in CONTRIBUTING} == set()


def test_the_licences_listed_are_those_of_what_is_installed():
    for name, listed in LICENCES.items():
        said = licence(name)
        for word in listed.split(" and ") if said is not None else []:
            assert SPELT.get(word, word) in said, (
                f"{name}: {listed}, but it says {said}"
            )
