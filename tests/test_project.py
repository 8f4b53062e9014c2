"""What surrounds the code: the workflows and what they fetch."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_every_action_is_pinned_by_its_commit_and_names_its_version():
    text = "\n".join(path.read_text("utf-8") for path in WORKFLOWS)
    used = re.findall(r"\buses:(.*)", text)
    assert len(used) >= 14
    assert [line for line in used if not PINNED.fullmatch(line.strip())] == []
    pairs = {tuple(re.split("[@#]", line)) for line in used}
    assert len(pairs) == len({name for name, _, _ in pairs}), "two versions of one"
