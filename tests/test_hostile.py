"""Hostile input at every entry point: an error in our words, or the right answer.

`ENTRIES` holds one good call of every public function. Each argument in turn is
replaced by junk, and by its own values in another dress (a list, float16, read-only,
…). Allowed are a TypeError or ValueError that a line `raise` of ours throws and that
names what was wrong; or an answer: a finite one, and the same one for the same values.
"""

import linecache
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction as F
from importlib import import_module
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from matplotlib.figure import Figure

import pgutils
from pgutils.corridor import reinforce_on_corridor
from pgutils.exercises.exercise import limited
from pgutils.gradients import leave_one_out, policy_gradient
from pgutils.movies import film, save_gif
from pgutils.plots import headline, use_style
from pgutils.returns import discounted_returns, discounted_sum
from pgutils.rollout import make_cartpole, race, run_episodes
from pgutils.softmax import draw, log_softmax, score, softmax
from pgutils.training import (
    Training,
    evaluate,
    extend,
    gradient_step,
    is_solved,
    train,
    train_many,
    zero_theta,
)
from pgutils.trajectories import (
    Batch,
    Trajectory,
    all_trajectories,
    probability,
    sample,
)
from pgutils.values import action_values, values, visitation
from pgutils.verify import VerificationError, chi2_tail, verify
from pgutils.witnesses import (
    angle,
    central_difference,
    complex_step,
    each_day,
    expected_return,
    four_witnesses,
    frozen_return,
    length,
    nabla,
    over_all_days,
    over_sampled_days,
    weigh,
)
from pgutils.world import ROBOT, World, robot_policy, robot_score, robot_scores

pytestmark = pytest.mark.errors

PACKAGE = Path(pgutils.__file__).parent
COIN = [[0.5, 0.5], [0.25, 0.75]]
DAY = Trajectory((0, 1, 1, 0), (1, 0, 1), (2, 0, -3))
TABLE = np.arange(6.0).reshape(2, 3) - 2
THETA = np.array([[0.5, -1.0], [0.0, 2.0], [1.5, 0.25], [-0.5, 1.0]])
FALLING = np.zeros((4, 2))
FALLING[2] = 64, -64  # away from under the pole: that is over in ten steps
MASK = np.array([[True, True, False], [True, True, True]])


def rng():
    return np.random.default_rng(0)


def days():
    actions = np.array([[1, 0, 1], [0, 1, 1]])
    return Batch(np.array([[0, 1, 1, 0], [1, 0, 0, 1]]), actions, TABLE * MASK, MASK)


def carts(*runs):
    shape = *runs, 2, 3
    return Batch(
        states=np.ones((*runs, 2, 4, 4)),
        actions=np.ones(shape, dtype=int),
        rewards=np.broadcast_to(TABLE * MASK, shape).copy(),
        mask=np.broadcast_to(MASK, shape).copy(),
    )


def to_go(world, policy, day):
    gamma, rewards = world.gamma, day.rewards
    return [gamma**t * discounted_sum(rewards[t:], gamma) for t in range(len(rewards))]


def easy(num_envs):
    """Carts whose task is solved after a hundred episodes of any length."""
    env = make_cartpole(num_envs)
    env.spec.reward_threshold = 1.0
    return env


def first(generator):
    return list(islice(generator, 3))


def on_corridor(**arguments):
    """Without the −inf that stands, as documented, for a run that is lost."""
    found = reinforce_on_corridor(**arguments)
    return np.where(found == -np.inf, 0, found)


def entry(call, **good):
    """One way to call a function, and its arguments, made anew each time."""
    return call, lambda: {k: v() if callable(v) else v for k, v in good.items()}


def constant(value):
    return lambda: value


squared = constant(lambda x: (x**2).sum())
WORLD = {name: constant(value) for name, value in vars(ROBOT).items()}
SHORT = replace(ROBOT, horizon=1)
SAMPLES = 1.0 + np.arange(400) % 7

ENTRIES = {
    "World": entry(World, **WORLD),
    "World.arrays": entry(lambda: ROBOT.arrays()),
    "robot_policy": entry(robot_policy, theta=lambda: np.array([1.0, -0.5])),
    "robot_policy.exp": entry(
        robot_policy, theta=constant([1, -2]), exp=constant(sp.exp)
    ),
    "robot_score": entry(robot_score, policy=constant(COIN), state=1, action=0),
    "robot_scores": entry(robot_scores, batch=days, policy=constant(COIN)),
    "Batch": entry(
        lambda **parts: Batch(**parts) and None,
        **{name: part.copy for name, part in vars(carts()).items()},
    ),
    "Batch.of": entry(carts(3).of, run=1),
    "all_trajectories": entry(
        lambda world: first(all_trajectories(world)), world=ROBOT
    ),
    "probability": entry(
        probability, world=ROBOT, policy=constant(COIN), trajectory=DAY
    ),
    "sample": entry(sample, world=ROBOT, policy=constant(COIN), n=5, rng=rng),
    "discounted_sum": entry(discounted_sum, rewards=TABLE[0].copy, gamma=0.5),
    "discounted_returns": entry(discounted_returns, rewards=TABLE.copy, gamma=0.5),
    "log_softmax": entry(log_softmax, logits=TABLE.copy),
    "softmax": entry(softmax, logits=TABLE.copy),
    "score": entry(score, theta=THETA.copy, x=TABLE[:, :1].repeat(4, 1).copy,
                   action=lambda: np.array([0, 1])),
    "draw": entry(draw, probs=lambda: np.array(COIN), rng=rng),
    "policy_gradient": entry(
        policy_gradient, scores=lambda: np.ones((2, 3, 4)) / 4,
        rewards=(TABLE * MASK).copy, mask=MASK.copy, gamma=0.5, baseline=TABLE.copy,
    ),
    "leave_one_out": entry(leave_one_out, returns=TABLE.copy),
    "action_values": entry(action_values, world=ROBOT, V_next=constant([1, -2.5])),
    "values": entry(values, world=ROBOT, policy=constant(COIN)),
    "visitation": entry(visitation, world=ROBOT, policy=constant(COIN)),
    "reinforce_on_corridor": entry(
        on_corridor, rng=rng, step_sizes=lambda: 2.0 ** np.array([-11, -12]),
        runs=2, episodes=3, baseline_step_size=0.25, max_steps=20_000,
    ),
    "make_cartpole": entry(
        lambda num_envs: make_cartpole(num_envs).num_envs, num_envs=3
    ),
    "race": entry(
        lambda rng, shape: first(race(rng, shape)), rng=rng, shape=constant((2, 2))
    ),
    "run_episodes": entry(
        run_episodes, env=lambda: make_cartpole(2), theta=THETA.copy, rng=rng,
        greedy=False,
    ),
    "evaluate": entry(
        evaluate, env=lambda: make_cartpole(2), theta=THETA.copy, rng=rng, greedy=True
    ),
    "Training": entry(Training.begin, theta=THETA.copy, num_envs=3),
    "Training.over": entry(Training.begin(THETA, 3).over, max_steps=10),
    "is_solved": entry(is_solved, returns=lambda: np.ones((10, 10)), threshold=1.0),
    "gradient_step": entry(
        gradient_step, theta=THETA.copy, batch=carts, gamma=0.5, learning_rate=0.25
    ),
    "zero_theta": entry(
        lambda env, runs: zero_theta(env, runs), env=lambda: make_cartpole(2), runs=3
    ),
    "extend": entry(
        extend, run=lambda: Training.begin(THETA, 2), batch=carts, theta=THETA.copy,
        threshold=475.0,
    ),
    "train": entry(
        train, env=lambda: easy(100), rng=rng, gamma=0.5, learning_rate=0.25,
        max_steps=200,
    ),
    "train_many": entry(
        train_many, make_env=constant(easy), rng=rng, runs=2, batch_size=50,
        start=lambda: np.stack([THETA, -THETA]), step=constant(gradient_step),
        max_steps=200, gamma=0.5, learning_rate=0.25,
    ),
    "nabla": entry(nabla, formula=sp.Symbol("p_high", positive=True) ** 2),
    "central_difference": entry(
        central_difference, f=squared, theta=TABLE.copy, h=2.0**-10
    ),
    "complex_step": entry(complex_step, f=squared, theta=TABLE.copy, h=2.0**-10),
    "weigh": entry(
        weigh, policy=constant(COIN), day=DAY, weights=constant([1, 2, 0.5])
    ),
    "over_all_days": entry(
        lambda weights_of: over_all_days(weights_of)(ROBOT, COIN),
        weights_of=constant(to_go),
    ),
    "over_sampled_days": entry(
        lambda weights_of, n: over_sampled_days(weights_of, n)(ROBOT, COIN, rng()),
        weights_of=constant(to_go), n=5,
    ),
    "each_day": entry(lambda batch: list(each_day(batch)), batch=days),
    "expected_return": entry(
        expected_return, world=ROBOT, policy=constant(COIN), acting=constant(None)
    ),
    "frozen_return": entry(
        frozen_return, world=ROBOT, policy=constant(COIN), acting=constant(COIN)
    ),
    "four_witnesses": entry(
        four_witnesses, tag="4.4", world=SHORT, objective=constant(expected_return),
        expected=constant(over_all_days(to_go)),
        estimates=constant(over_sampled_days(to_go, 200)),
        theta=lambda: np.array([1.0, -0.5]), rng=rng, scope="",
    ),
    "length": entry(length, arrow=lambda: np.array([3.0, -4.0])),
    "angle": entry(
        angle, u=lambda: np.array([3.0, -4.0]), v=lambda: np.array([1.0, 0.5])
    ),
    "verify": entry(
        verify, tag="1.1", left=(F(1, 2), 3), right=(sp.S.Half, 3), scope=""
    ),
    "verify.tol": entry(
        verify, tag="1.1", left=TABLE.copy, right=TABLE.copy, tol=0.25, scope=""
    ),
    "verify.level": entry(
        verify, tag="1.1", left=SAMPLES.copy, right=SAMPLES.mean(), level=2.0**-10
    ),
    "chi2_tail": entry(chi2_tail, statistic=2.5, dof=3),
    "film": entry(lambda **given: film(**given)[1], theta=FALLING.copy, seed=3),
    "save_gif": entry(
        save_gif, path="film.gif", frames=lambda: np.zeros((2, 4, 5, 3), np.uint8),
        fps=5,
    ),
    "use_style": entry(use_style),
    "headline": entry(headline, fig=Figure, finding="one finding"),
}  # fmt: skip
"""One good call of each public function and class; after a dot, another way."""

HELD = {
    "Trajectory": "a tuple with names; who takes one looks into it",
    "VerificationError": "is raised, not called",
    "replacing": "writes a file: see test_faults.py",
    "write": "writes a file: see test_faults.py",
}
"""What is public, and why it has no row above."""

NAMED = {
    "env": "environment",
    "batch": "states|actions|rewards|mask|theta",
    "trajectory": "Trajectory|states|actions",
    "initial": "transition",
    "day": "Trajectory|states|actions|weights",
    "learning_rate": "Θ",
}
"""Other names under which an error may speak of an argument."""


def public() -> Iterator[str]:
    """Yield the names of the package's own functions and classes."""
    for path in sorted(PACKAGE.glob("*.py")):
        module = import_module(f"pgutils.{path.stem}")
        for name, value in vars(module).items():
            own = getattr(value, "__module__", "") == module.__name__
            if own and callable(value) and name[0] != "_":
                yield name


def test_every_public_function_is_in_the_table():
    assert {name.partition(".")[0] for name in ENTRIES} | set(HELD) == set(public())


def like(value) -> list:
    """Return the same values in another dress, as something for the same argument."""
    if isinstance(value, Batch):
        parts = vars(value)
        return [
            Batch(**parts | {name: dress})
            for name, part in parts.items()
            for dress in like(part)
            if type(dress) is np.ndarray and dress.dtype.kind != "O"
        ]
    if isinstance(value, (list, tuple)) and not isinstance(value, Trajectory):
        table = np.array(value)
        if table.dtype.kind not in "if":
            return []
        return [[*value], (*value,), *like(table)]
    if isinstance(value, bool):
        return [np.bool_(value)]
    if isinstance(value, int):
        kinds = np.int8, np.uint8, np.int16, np.int64
        return [kind(value) for kind in kinds if value <= np.iinfo(kind).max]
    if isinstance(value, float):
        kinds = np.float16, np.float32, np.float64, np.longdouble, F
        return [kind(value) for kind in kinds if float(kind(value)) == value]
    if not isinstance(value, np.ndarray):
        return []
    frozen, spread = value.copy(), np.repeat(value, 2, axis=-1)[..., ::2]
    frozen.flags.writeable = False
    dresses = [
        value.tolist(), frozen, spread, value[::-1].copy()[::-1],
        np.asfortranarray(value), np.ma.array(value), value.astype(object),
        value.astype(value.dtype.newbyteorder()),
    ]  # fmt: skip
    if value.ndim == 2:
        with warnings.catch_warnings(action="ignore"):
            dresses.append(np.asmatrix(value))
    kinds = "efgbBi" if value.dtype.kind == "f" else "bBil"
    with np.errstate(invalid="ignore"):
        cast = [value.astype(kind) for kind in kinds if value.dtype != bool]
    return dresses + [other for other in cast if (other == value).all()]


def masked(shape=()):
    return np.ma.array(np.ones(shape), mask=True)


JUNK = [
    None, "word", "", b"12", {}, {1: 2}, {1, 2}, object(), object, print, ..., range(2),
    True, 0, 1, -1, 2.5, 0.0, 1e-300, 1e308, -1e308, 10**12, 10**400, 10**5000, F(1, 3),
    np.nan, np.inf, -np.inf, 1j, np.longdouble("1e4000"), np.float16(0.1), sp.nan,
    sp.oo, sp.Symbol("x"), sp.eye(2), np.datetime64("2020"), [], (), [[]], [None],
    ["a", "b"],
    [[1.0], [2.0, 3.0]], [1.0, np.nan], [10**400, 1], [[1, 2], 3], [np.inf, 0.5],
    (0.5, 0.5), [[0.5, 0.5]] * 2, [[[0.5]]], [1e308, 1e308], [[1e308, -1e308]] * 2,
    np.array(0.5), np.array("a"), np.zeros(0), np.zeros((0, 3)), np.zeros((2, 0, 3)),
    np.ones(1), np.ones((4, 2)), np.ones((2, 3, 4)), np.ones((1,) * 6),
    np.ones(2, bool),
    np.ones((2, 3), complex), np.full((4, 2), np.nan), np.full((2, 3), np.inf),
    np.full((4, 2), 1e308), np.full((2, 3), -1e308), np.full((2, 2), None), masked(),
    masked(2), masked((2, 3)), np.zeros(2, "U1"), np.zeros(3, [("a", float)]),
    np.zeros(2, "m8[s]"), np.array([F(1, 2), 0.5]), days(), carts(), ROBOT, DAY,
]  # fmt: skip
"""Replaces every argument once. Where it happens to fit, the answer must be finite."""

anything = (
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(),
        st.text(max_size=3), st.fractions(), st.lists(st.floats(), max_size=4),
        st.lists(st.lists(st.integers(-1, 2), max_size=3), max_size=3),
        st.dictionaries(st.integers(), st.floats(), max_size=2),
    )
    | nps.arrays(
        nps.scalar_dtypes() | nps.array_dtypes(max_size=2),
        nps.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)  # fmt: skip


def state(value):
    """Return all that there is to an argument: to compare it afterwards."""
    if isinstance(value, np.ndarray):
        data = value.tolist() if value.dtype.hasobject else value.tobytes()
        return type(value), value.dtype, value.shape, value.flags.writeable, repr(data)
    if isinstance(value, (list, tuple)):
        return type(value), [state(part) for part in value]
    if isinstance(value, (World, Batch, Training)):
        return state(list(vars(value).values()))
    return type(value)


def plain(answer):
    """Return an answer in numbers, of which each must be finite."""
    if isinstance(answer, (World, Batch, Training)):
        answer = list(vars(answer).values())
    if isinstance(answer, (list, tuple)):
        return [plain(part) for part in answer]
    if answer is None or isinstance(answer, sp.Basic):
        return answer
    if isinstance(answer, F):
        answer = float(answer)
    array = np.asarray(answer)
    if array.dtype == object:
        kept = isinstance(answer, np.ndarray)
        return plain(answer.tolist()) if kept else None
    if array.dtype.kind in "fc":
        assert np.isfinite(array).all(), "NaN or infinity, and no error"
    return array.astype(complex).tolist() if array.dtype.kind in "biufc" else None


def alike(a, b) -> bool:
    """Tell whether two plain answers are equal, up to rounding."""
    if isinstance(a, list):
        return len(a) == len(b) and all(map(alike, a, b))
    if a is None or isinstance(a, sp.Basic):
        return a == b
    return abs(a - b) <= 1e-12 * max(1.0, abs(a))


def is_ours(error, name: str) -> bool:
    """Tell whether a line of the package raised it on purpose, with the name in it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(frame.filename, frame.lineno).strip()
    if isinstance(error, RuntimeWarning):  # the documented ones
        return "diverged" in str(error) or "learning_rate * gradient" in line
    kinds = TypeError, ValueError, VerificationError
    raised = isinstance(error, kinds) and line.startswith("raise ")
    words = [name.replace("_", " "), name, *NAMED.get(name, name).split("|")]
    verified = name in ("left", "right", "tol", "level", "tag", "scope")
    named = verified or any(word in str(error) for word in words)
    return raised and named and PACKAGE in Path(frame.filename).parents


def hostile(which: str, name: str, value, expected=None) -> None:
    """Call an entry with another value of one argument, and judge what comes."""
    call, make = ENTRIES[which]
    if callable(value) and callable(make()[name]):
        return  # what a function does when it is called is not ours to judge
    arguments = make() | {name: value}
    before, answer, error = state(list(arguments.values())), None, None
    try:
        with limited(20):
            answer = call(**arguments)
    except (Exception, Warning) as caught:
        error = caught
    if error is None:
        found = plain(answer)
        assert expected is None or alike(found, expected), (found, expected)
    else:
        assert is_ours(error, name), f"{which}({name}={value!r}): {error!r}"
    assert state(list(arguments.values())) == before, f"{name} was changed"


ARGUMENTS = [(which, name) for which, (_, make) in ENTRIES.items() for name in make()]
each_argument = pytest.mark.parametrize(("which", "name"), ARGUMENTS)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Whatever is written is written here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.mark.parametrize("which", ENTRIES)
def test_the_good_call_is_good(which):
    call, make = ENTRIES[which]
    plain(call(**make()))


@each_argument
def test_junk(which, name):
    for value in JUNK:
        hostile(which, name, value)


@each_argument
def test_the_same_values_in_another_dress(which, name):
    call, make = ENTRIES[which]
    expected = plain(call(**make()))
    for value in like(make()[name]):
        hostile(which, name, value, expected)


@pytest.mark.parametrize("which", [w for w, (_, make) in ENTRIES.items() if make()])
@settings(
    deadline=None,
    derandomize=True,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_hypothesis_thinks_of(which, data):
    name = data.draw(st.sampled_from([*ENTRIES[which][1]()]))
    hostile(which, name, data.draw(anything))


class TestByHand:
    def test_log_odds_far_below_0_give_0_without_a_warning(self):
        assert np.allclose(robot_policy([-800.0, 800.0]), np.eye(2), atol=1e-300)

    def test_the_angle_of_tiny_arrows(self):
        assert angle((1e-200, 1e-200), (1e-200, -1e-200)) == 90

    def test_narrow_integers_do_not_wrap(self):
        zero = np.uint8(0)
        assert robot_score([[0, 1], [1, 0]], zero, zero) == [-1, 0]

    def test_hidden_numbers_are_refused(self):
        hiding = np.ma.array([1.0, 2.0], mask=[False, True])
        for function in (softmax, lambda r: discounted_sum(r, 0.5)):
            with pytest.raises(ValueError, match="must not hold masked numbers"):
                function(hiding)

    def test_a_step_size_that_rounding_swallows_is_refused(self):
        good = ENTRIES["reinforce_on_corridor"][1]()
        with pytest.raises(
            ValueError, match="baseline_step_size must be at least 1e-8"
        ):
            on_corridor(**good | {"baseline_step_size": 1e-12})
