"""Write a file whole, or leave what was there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a name to write to; what was written takes the place of `path` at the end.

    An error or an interrupt leaves `path` as it was, and nothing beside it.

    Args:
        path: a file, or a folder that is new or empty; its parent must exist.

    Yields:
        A path in the same folder, with the same ending, for what writes by ending.

    Raises:
        OSError: if something cannot be written; it names `path`.
    """
    path = Path(path)
    new = path.with_name(f".{path.stem}.new{path.suffix}")
    try:
        _remove(new)  # what a power cut may have left
        yield new
        os.replace(new, path)
    except OSError as error:
        reason = f"{path} cannot be written: {error.strerror or error}"
        raise type(error)(reason) from error
    finally:
        _remove(new)


def write(path: str | Path, text: str) -> None:
    """Write text in UTF-8 with Unix's line ends, as `replacing` does.

    Raises:
        OSError: if it cannot be written.
    """
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8", newline="\n")


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink()
