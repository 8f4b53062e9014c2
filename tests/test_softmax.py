"""The linear softmax policy: identities, independent references, sampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pgutils.softmax import draw, log_softmax, score, softmax
from pgutils.verify import verify

slow_is_fine = settings(deadline=None, derandomize=True)
shapes = array_shapes(max_dims=3, max_side=5)
any_logits = arrays(float, shapes, elements=st.floats(-1e4, 1e4))
mild_logits = arrays(float, shapes, elements=st.floats(-30, 30))
random_problems = pytest.mark.parametrize("seed", range(20))


def problem(seed):
    """Random parameters (d, k), features (d,) and an action, of random shape."""
    rng = np.random.default_rng(seed)
    d, k = rng.integers(1, 7), rng.integers(2, 7)
    return rng.normal(size=(d, k)), rng.normal(size=d), int(rng.integers(k))


def complex_log_softmax(z):
    """log p for complex logits, written for this test: z − log Σ exp z, shifted."""
    shift = z.real.max()
    return z - shift - np.log(np.exp(z - shift).sum())


class TestSoftmax:
    def test_by_hand(self):
        # exp(log 1) : exp(log 2) : exp(log 5) = 1 : 2 : 5
        p = softmax(np.log(np.array([1.0, 2.0, 5.0])))
        np.testing.assert_allclose(p, [1 / 8, 2 / 8, 5 / 8], rtol=1e-15)

    @slow_is_fine
    @given(any_logits)
    def test_probabilities_sum_to_1(self, logits):
        p = softmax(logits)
        assert p.shape == logits.shape
        assert (p >= 0).all()
        np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=0, atol=1e-14)

    @slow_is_fine
    @given(any_logits, st.floats(-1e4, 1e4))
    def test_a_shift_of_all_logits_changes_nothing(self, logits, shift):
        # Adding numbers of up to 2e4 in float64 loses 4e-12 of each logit.
        np.testing.assert_allclose(
            softmax(logits + shift), softmax(logits), rtol=0, atol=1e-11
        )
        np.testing.assert_allclose(
            log_softmax(logits + shift), log_softmax(logits), rtol=1e-11, atol=1e-11
        )

    @slow_is_fine
    @given(mild_logits)
    def test_log_softmax_is_its_logarithm(self, logits):
        np.testing.assert_allclose(
            log_softmax(logits), np.log(softmax(logits)), rtol=1e-13, atol=1e-13
        )

    @slow_is_fine
    @given(mild_logits)
    def test_both_follow_the_definition(self, logits):
        weights = np.exp(logits)
        naive = weights / weights.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(softmax(logits), naive, rtol=1e-13)

    def test_two_actions_make_a_sigmoid(self):
        z = np.linspace(-5, 5, 11)
        both = softmax(np.stack([np.zeros_like(z), z], axis=1))
        np.testing.assert_allclose(both[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-14)

    @pytest.mark.parametrize("size", [1000.0, -1000.0, 1e300])
    def test_logits_of_any_size_are_fine(self, size):
        # warnings are errors here: an overflow would be seen
        equal = np.full(4, size)
        assert softmax(equal).tolist() == [0.25] * 4
        np.testing.assert_allclose(log_softmax(equal), np.log(0.25), rtol=1e-15)

    def test_logits_1000_apart_keep_their_logarithm(self):
        # exp(−1000) is 0 in float64, its logarithm is not.
        logits = np.array([0.0, 1000.0])
        assert softmax(logits).tolist() == [0, 1]
        assert log_softmax(logits).tolist() == [-1000, 0]

    def test_the_logits_are_not_changed(self):
        logits = np.array([[1.0, 2.0]])
        logits.flags.writeable = False
        softmax(logits)
        log_softmax(logits)
        assert logits.tolist() == [[1, 2]]

    @pytest.mark.errors
    def test_integer_logits_are_fine(self):
        assert softmax(np.array([3, 3])).tolist() == [0.5, 0.5]
        assert log_softmax(np.array([0, 1000])).tolist() == [-1000, 0]

    @pytest.mark.errors
    @pytest.mark.parametrize("function", [softmax, log_softmax])
    @pytest.mark.parametrize(
        ("logits", "error", "message"),
        [
            (["a"], TypeError, "logits must be an array of real numbers"),
            (np.array([1j]), TypeError, "logits must be an array of real numbers"),
            (np.zeros((2, 0)), ValueError, "logits must not be empty"),
            (
                [0.0, np.inf],
                ValueError,
                "logits must hold only finite .* got inf",
            ),
            (
                [0.0, np.nan],
                ValueError,
                "logits must hold only finite .* got nan",
            ),
        ],
    )
    def test_bad_logits_are_refused(self, function, logits, error, message):
        with pytest.raises(error, match=message):
            function(logits)


class TestScore:
    def test_by_hand(self):
        # Θ = 0 makes p = (1/2, 1/2);  x (e_1 − p)ᵀ with x = (2, −4), e_1 = (0, 1)
        psi = score(np.zeros((2, 2)), np.array([2.0, -4.0]), 1)
        assert psi.tolist() == [[-1, 1], [2, -2]]

    @random_problems
    def test_central_differences_agree(self, seed):
        theta, x, action = problem(seed)
        h, slopes = 1e-5, np.zeros_like(theta)
        for i in np.ndindex(theta.shape):
            step = np.zeros_like(theta)
            step[i] = h
            up = log_softmax(x @ (theta + step))[action]
            down = log_softmax(x @ (theta - step))[action]
            slopes[i] = (up - down) / (2 * h)
        np.testing.assert_allclose(score(theta, x, action), slopes, rtol=0, atol=1e-8)

    @random_problems
    def test_the_complex_step_agrees(self, seed):
        theta, x, action = problem(seed)
        h, slopes = 1e-30, np.zeros_like(theta)
        for i in np.ndindex(theta.shape):
            nudged = theta.astype(complex)
            nudged[i] += 1j * h
            slopes[i] = complex_log_softmax(x @ nudged)[action].imag / h
        np.testing.assert_allclose(score(theta, x, action), slopes, rtol=0, atol=1e-14)

    @random_problems
    def test_its_mean_is_zero(self, seed):
        theta, x, _ = problem(seed)
        p = softmax(x @ theta)
        mean = sum(p[a] * score(theta, x, a) for a in range(len(p)))
        np.testing.assert_allclose(mean, 0, rtol=0, atol=1e-15)

    @random_problems
    def test_each_row_sums_to_0(self, seed):
        psi = score(*problem(seed))
        np.testing.assert_allclose(psi.sum(axis=1), 0, rtol=0, atol=1e-14)

    @random_problems
    def test_many_states_at_once_are_each_alone(self, seed):
        rng = np.random.default_rng(seed)
        theta, _, _ = problem(seed)
        d, k = theta.shape
        x, action = rng.normal(size=(3, 5, d)), rng.integers(k, size=(3, 5))
        psi = score(theta, x, action)
        assert psi.shape == (3, 5, d, k)
        for i in np.ndindex(3, 5):
            alone = score(theta, x[i], int(action[i]))
            np.testing.assert_allclose(psi[i], alone, rtol=0, atol=1e-14)

    def test_it_stays_finite_when_the_policy_is_all_but_certain(self):
        # p = (0, 1) in float64: the unlikely action scores x (1, −1), the other 0.
        theta, x = np.array([[-1000.0, 1000.0]]), np.array([1.0])
        assert score(theta, x, 0).tolist() == [[1, -1]]
        assert score(theta, x, 1).tolist() == [[0, 0]]

    def test_numpy_integers_are_actions(self):
        theta, x = np.zeros((2, 2)), np.array([2.0, -4.0])
        assert score(theta, x, np.int64(1)).tolist() == score(theta, x, 1).tolist()

    def test_integer_features_are_fine(self):
        psi = score(np.zeros((2, 2)), np.array([2, -4]), 1)
        assert psi.tolist() == [[-1, 1], [2, -2]]

    def test_nothing_is_changed(self):
        theta, x, action = np.ones((2, 3)), np.ones((4, 2)), np.zeros(4, dtype=int)
        for given_array in (theta, x, action):
            given_array.flags.writeable = False
        score(theta, x, action)
        assert (theta == 1).all()
        assert (x == 1).all()
        assert (action == 0).all()

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("theta", "x", "action", "error", "message"),
        [
            (np.ones((2, 3)), [1.0, 1.0], 1.0, TypeError, "action must be integers"),
            (np.ones((2, 3)), ["a", "b"], 1, TypeError, "x must be an array of real"),
            (np.ones((2, 3)), [1.0] * 3, 1, ValueError, "x must have 2 features"),
            (np.ones(3), [1.0] * 3, 1, ValueError, "theta must have 2 axes"),
            (np.ones((2, 3)), [1.0] * 2, [1], ValueError, "action must have the shape"),
            (np.ones((2, 3)), [1.0, np.nan], 1, ValueError, "x must hold only finite"),
            (np.ones((2, 3)), [1.0, 1.0], 3, ValueError, r"action must be in 0\.\.2"),
            (np.ones((2, 3)), [1.0, 1.0], -1, ValueError, r"must be in 0\.\.2, got -1"),
        ],
    )
    def test_bad_input_is_refused(self, theta, x, action, error, message):
        with pytest.raises(error, match=message):
            score(theta, x, action)


class TestDraw:
    def test_each_index_comes_as_often_as_it_should(self):
        p, n = np.array([0.1, 0.2, 0.3, 0.4]), 100_000
        drawn = draw(np.tile(p, (n, 1)), np.random.default_rng(7))
        verify("1.4", np.bincount(drawn, minlength=4), p, level=1e-6)

    def test_each_row_has_its_own_probabilities(self):
        n, rng = 50_000, np.random.default_rng(8)
        p = np.tile([[0.9, 0.1], [0.25, 0.75]], (n, 1))
        drawn = draw(p, rng).reshape(n, 2)
        verify("1.4", np.bincount(drawn[:, 0]), np.array([0.9, 0.1]), level=1e-6)
        verify("1.4", np.bincount(drawn[:, 1]), np.array([0.25, 0.75]), level=1e-6)

    def test_certain_rows_are_never_missed(self):
        certain = np.tile(np.eye(3), (1000, 1))
        drawn = draw(certain, np.random.default_rng(9))
        assert (drawn == np.tile([0, 1, 2], 1000)).all()

    def test_an_impossible_first_index_is_never_drawn(self):
        # random() may return exactly 0, which belongs to the first possible piece.
        drawn = draw(np.array([[0.0, 1.0]]), FixedUniform(0.0))
        assert drawn.tolist() == [1]

    def test_probabilities_that_round_below_1_never_give_k(self):
        # Ten times 0.1 adds up to 1 − 1.1e-16, and the largest uniform is as large.
        p = np.full((1, 10), 0.1)
        largest = np.nextafter(1.0, 0.0)
        assert p.cumsum()[-1] <= largest
        assert draw(p, FixedUniform(largest)).tolist() == [9]

    def test_the_probabilities_are_not_changed(self):
        p = np.array([[0.5, 0.5]])
        p.flags.writeable = False
        assert draw(p, np.random.default_rng(0)).shape == (1,)

    @pytest.mark.errors
    @pytest.mark.parametrize(
        ("probs", "rng", "error", "message"),
        [
            ([[0.5, 0.5]], 0, TypeError, "rng must be a generator"),
            ([["a"]], None, TypeError, "probs must be an array of real numbers"),
            ([[0.5, 0.4]], None, ValueError, "probs must sum to 1 .* got 0.9"),
            ([[1.5, -0.5]], None, ValueError, "probs must not be negative, got -0.5"),
            ([[np.nan, 1.0]], None, ValueError, "probs must hold only finite numbers"),
        ],
    )
    def test_bad_input_is_refused(self, probs, rng, error, message):
        rng = np.random.default_rng(0) if rng is None else rng
        with pytest.raises(error, match=message):
            draw(probs, rng)

    @pytest.mark.errors
    def test_a_row_alone_is_refused(self):
        with pytest.raises(ValueError, match="probs must have 2 axes"):
            draw(np.array([0.5, 0.5]), np.random.default_rng(0))


class FixedUniform(np.random.Generator):
    """A generator whose uniform numbers are all the same one."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, size=None):
        return np.full(size, self.value)
