"""The handout: everything a student needs, and no solution."""

from pathlib import Path

import nbformat
import pytest

from make_handout import ROOT, make_handout


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "handout"
    make_handout(folder)
    return folder


def test_all_notebooks_are_there_with_their_exercises(handout):
    names = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {path.name for path in (handout / "notebooks").glob("*.ipynb")} == names


def test_nothing_leads_to_a_solution(handout):
    assert not (handout / "notebooks" / "solutions").exists()
    for path in (handout / "notebooks").iterdir():
        assert "(solutions" not in path.read_text("utf-8"), path.name


def test_the_page_for_teachers_stays_here(handout):
    pages = {path.name for path in (ROOT / "notebooks").glob("*.md")}
    given = {path.name for path in (handout / "notebooks").glob("*.md")}
    assert pages - given == {"for_teachers.md"}
    for path in handout.rglob("*.*"):
        if path.suffix in (".md", ".ipynb"):
            assert "for_teachers" not in path.read_text("utf-8"), path.name


def test_only_the_lines_that_lead_there_are_gone(handout):
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        before = nbformat.read(path, as_version=4).cells
        after = {
            c.id: c for c in nbformat.read(handout / "notebooks" / path.name, 4).cells
        }
        for cell in before:
            kept = [s for s in cell.source.splitlines() if "(solutions/" not in s]
            if "\n".join(kept).strip():
                assert after[cell.id].source == "\n".join(kept).strip(), path.name
            if cell.cell_type == "code":
                assert after[cell.id].outputs == cell.outputs


@pytest.mark.parametrize(
    "name",
    ["README.md", "requirements.txt", "constraints.txt", "pyproject.toml", "LICENSE"],
)
def test_it_can_be_installed_from(handout, name):
    assert (handout / name).is_file()
    assert (handout / "pgutils" / "policy_gradients.mplstyle").is_file()
    assert any((handout / "figures").glob("*.png"))
    assert (handout / "notebooks" / "references.json").is_file()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    Path(tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="must be new or empty"):
        make_handout(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
