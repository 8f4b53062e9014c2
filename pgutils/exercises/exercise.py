"""What an exercise says to an answer: right, a hint for a mistake, or what broke."""

import _thread
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from numbers import Rational
from types import FunctionType

import numpy as np
import sympy as sp

NOT_ANSWERED = "not answered yet"
RIGHT = "right"


class TooLong(Exception):
    """The time for an answer was up."""


@dataclass(frozen=True)
class Exercise:
    """An exercise: what is right, and the mistakes that are often made.

    An answer is a function if `inputs` is given, and else a value: a number, an array,
    a SymPy expression, a word, or a tuple of these.

    Attributes:
        right: the right value; or a function, written independently of the solution.
        mistakes: from a hint to what this mistake gives: a value, or a function.
        inputs: makes the arguments of one call, a tuple, from a random generator. They
            are numbers, arrays, words, functions, SymPy, or tuples and lists of these;
            small, since an example is shown of them.
        tol: largest allowed difference, absolute and relative.
        seconds: after which a pure-Python loop is stopped.
    """

    right: object
    mistakes: dict[str, object] = field(default_factory=dict)
    inputs: Callable[[np.random.Generator], tuple] | None = None
    tol: float = 1e-9
    seconds: float = 5.0

    def check(self, answer) -> None:
        """Print what there is to say of an answer; never raise because of it."""
        print(self.reply(answer))

    def reply(self, answer) -> str:
        """Return what there is to say of an answer."""
        if answer is None:
            return NOT_ANSWERED
        if self.inputs is None:
            return self._of_value(answer)
        if not callable(answer):
            return f"give the function itself, not {answer!r}: its name, without ( )"
        rng = np.random.default_rng()
        asked = [self.inputs(rng) for _ in range(10)]
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self._of_function(answer, asked)
        except NotImplementedError:
            return NOT_ANSWERED

    def _of_value(self, answer) -> str:
        if isinstance(answer, list) and len(answer) == 1:
            (answer,) = answer  # as SymPy's `solve` returns it
        if isinstance(answer, (tuple, list)) and any(part is None for part in answer):
            missing = [i for i, part in enumerate(answer, start=1) if part is None]
            return f"number {missing[0]} of {len(answer)} is not answered yet"
        try:
            with limited(self.seconds):
                if same(answer, self.right, self.tol):
                    return RIGHT
                for hint, wrong in self.mistakes.items():
                    if same(answer, wrong, self.tol):
                        return hint
                return misfit(answer, self.right) or graded(
                    answer, self.right, self.tol
                )
        except TooLong:
            return f"SymPy needs more than {self.seconds:g} s for it: simplify it first"

    def _of_function(self, answer: Callable, asked: list[tuple]) -> str:
        given = []
        try:
            with limited(self.seconds):
                for arguments in asked:
                    copy = deepcopy(arguments)
                    given.append(answer(*copy))
                    if not same(copy, arguments, 0.0):
                        return "your function changes its arguments: work on a copy"
        except TooLong:
            return (
                f"stopped after {self.seconds:g} s: is there a loop that never ends? "
                "(One long NumPy call could not even have been stopped.)"
            )
        except NotImplementedError:
            raise
        except (Exception, SystemExit) as error:
            return f"your function raised an error{place(error)}: {described(error)}"

        expected = [self.right(*deepcopy(arguments)) for arguments in asked]
        if same(given, expected, self.tol):
            return RIGHT
        for hint, wrong in self.mistakes.items():
            if same(given, outcomes(wrong, asked), self.tol):
                return hint
        for arguments, got, wanted in zip(asked, given, expected):
            if not same(got, wanted, self.tol):
                shown = ", ".join(shorten(argument) for argument in arguments)
                return misfit(got, wanted) or (
                    f"not yet: of ({shown}) your function makes "
                    f"{difference(got, wanted, self.tol)}"
                )
        raise AssertionError("unequal as a whole, equal one by one")


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop what runs inside, in the main thread, after so many seconds.

    Raises:
        TooLong: if the time was up. A single call of compiled code ends first.
    """
    done, fired = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(seconds):
            fired.set()
            _thread.interrupt_main()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            done.set()
            watcher.join()
        if fired.is_set():
            time.sleep(0.1)  # the interrupt is on its way
    except KeyboardInterrupt:
        if not fired.is_set():
            raise
        raise TooLong from None


def outcomes(function: Callable, asked: list[tuple]) -> list:
    """Return what a mistaken function makes of each input, None where it fails."""
    found = []
    for arguments in asked:
        try:
            found.append(function(*deepcopy(arguments)))
        except (ArithmeticError, IndexError, TypeError, ValueError):
            found.append(None)
    return found


def same(a, b, tol: float) -> bool:
    """Tell whether two numbers, arrays, expressions, words or tuples are equal."""
    if a is b:
        return True
    if isinstance(b, sp.Basic) or (isinstance(a, sp.Basic) and not isinstance(b, str)):
        return same_expression(a, b)
    if isinstance(a, str) or isinstance(b, str):
        return str(a).strip().lower() == str(b).strip().lower()
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(same(p, q, tol) for p, q in zip(a, b))
    a, b = numbers(a), numbers(b)
    if a is None or b is None or a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=tol, atol=tol, equal_nan=True))


def same_expression(a, b) -> bool:
    """Tell whether two SymPy expressions are equal; symbols go by their names."""
    try:
        a, b = sp.sympify(a), sp.sympify(b)
        own = {symbol.name: symbol for symbol in b.free_symbols}
        a = a.subs({s: own[s.name] for s in a.free_symbols if s.name in own}).doit()
        return sp.expand(a - b) == 0 or sp.simplify(a - b) == 0
    except (sp.SympifyError, TypeError, AttributeError, StopIteration):
        return False


def numbers(value) -> np.ndarray | None:
    """Return real numbers as an array of floats, or None if they are none."""
    try:
        if value is None or np.iscomplexobj(value):
            return None
        return np.asarray(value, dtype=float)
    except (OverflowError, TypeError, ValueError):
        return None


def misfit(got, wanted) -> str:
    """Say what is wrong about the kind of an answer; nothing if the kind is right."""
    if got is None:
        return "your function returns None: is there a `return`?"
    aim, found = numbers(wanted), numbers(got)
    if isinstance(wanted, (tuple, list)):
        many = isinstance(got, (tuple, list)) or getattr(got, "ndim", 0) > 0
        if not many or len(got) != len(wanted):
            parts = len(got) if isinstance(got, (tuple, list)) else shorten(got)
            return f"expected {len(wanted)} things, got {parts}"
        if aim is None:
            return ""
    if aim is None or isinstance(wanted, sp.Basic):
        return ""
    if found is None:
        return f"expected numbers, got {shorten(got)}"
    if found.shape != aim.shape:
        return f"expected the shape {aim.shape}, got {found.shape}"
    if np.isnan(found).any() and not np.isnan(aim).any():
        return "there is a NaN in it: 0/0, inf − inf, or the logarithm of a negative?"
    return ""


def graded(answer, right, tol: float) -> str:
    """Say which of several values are right, or how many of more than four."""
    if not isinstance(right, (tuple, list)):
        return near(answer, right) or "not yet: try again"
    good = [same(part, wanted, tol) for part, wanted in zip(answer, right)]
    if len(good) > 4:
        return f"not yet: {sum(good)} of {len(good)} are right"
    said = [
        "right" if ok else near(part, wanted) or "not"
        for ok, part, wanted in zip(good, answer, right)
    ]
    words = ", ".join(f"number {i} is {word}" for i, word in enumerate(said, start=1))
    return f"not yet: {words}"


def near(answer, right) -> str:
    """Say so if a number is a rounded one of what is right."""
    close = [numbers(answer), numbers(right)]
    if any(value is None or value.shape for value in close):
        return ""
    if not np.isclose(*close, rtol=2e-3, atol=0):
        return ""
    exact = isinstance(right, (sp.Basic, Rational))
    return "near: give it exactly" if exact else "near: give more digits"


def difference(got, wanted, tol: float) -> str:
    """Say where an answer differs first, and what was expected there."""
    if isinstance(wanted, (tuple, list)) and numbers(wanted) is None:
        pairs = enumerate(zip(got, wanted), start=1)
        i, (mine, aim) = next((i, pair) for i, pair in pairs if not same(*pair, tol))
        return f"as number {i} {misfit(mine, aim) or difference(mine, aim, tol)}"
    found, aim = numbers(got), numbers(wanted)
    if found is None or aim is None or aim.size <= 4:
        return f"{shorten(got)}, expected {shorten(wanted)}"
    apart = ~np.isclose(found, aim, rtol=tol, atol=tol, equal_nan=True)
    place = np.argwhere(apart)[0]
    where = "".join(f"[{i}]" for i in place)
    return (
        f"{shorten(float(found[tuple(place)]))} at {where}, "
        f"expected {shorten(float(aim[tuple(place)]))}"
    )


def described(error: BaseException) -> str:
    """Return the kind and the words of an error."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def place(error: BaseException) -> str:
    """Return the line of the answer in which an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    return f" in its line “{own[0].line}”" if own and own[0].line else ""


def shorten(value) -> str:
    """Return a value in at most 70 characters, with four decimals."""
    text = " ".join(str(rounded(value)).split())
    return text if len(text) <= 70 else text[:67] + "…"


def rounded(value):
    """Return plain numbers and lists, with four decimals; of a function, its name."""
    if isinstance(value, FunctionType):
        return value.__name__
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (tuple, list)):
        parts = [rounded(part) for part in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    if isinstance(value, np.ndarray):
        return rounded(value.tolist())
    return round(value, 4) if isinstance(value, float) else value
