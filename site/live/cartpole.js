// Gymnasium's CartPole-v1, step for step, and the linear softmax policy of notebook 09.
// A state is [position in m, velocity in m/s, angle in rad, angle rate in rad/s].
// tests/test_live.py compares all of it with Gymnasium.

const GRAVITY = 9.8; // m/s²
const POLE = 0.1; // kg
const CART = 1.0; // kg
const TOTAL = POLE + CART;
const HALF = 0.5; // m, half the pole's length
const PUSH = 10.0; // N
const DT = 0.02; // s

export const MAX_POSITION = 2.4; // m
export const MAX_ANGLE = (12 * 2 * Math.PI) / 360; // rad
export const MAX_STEPS = 500;
export const STEPS_PER_SECOND = 50;

// One unit of each feature, as in pgutils.rollout.UNITS.
export const UNITS = [2.4, 2.0, 0.2095, 1.0];

// What train(make_cartpole(10), np.random.default_rng(0)) found, right minus left as in
// equation (9.2), rounded.
export const TRAINED = [1.1, 0.9, 4.0, 2.4];

/** Cart's and pole's acceleration, in m/s² and rad/s², under a force in N. */
function accelerations([, , angle, rate], force) {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const temp = (force + POLE * HALF * (rate * rate) * sin) / TOTAL;
  const pole =
    (GRAVITY * sin - cos * temp) /
    (HALF * (4.0 / 3.0 - (POLE * (cos * cos)) / TOTAL));
  return [temp - (POLE * HALF * pole * cos) / TOTAL, pole];
}

/** The state one Euler step later under a force in N. */
export function move(state, force) {
  const [position, velocity, angle, rate] = state;
  const [cart, pole] = accelerations(state, force);
  return [
    position + DT * velocity,
    velocity + DT * cart,
    angle + DT * rate,
    rate + DT * pole,
  ];
}

/** The state after action 0, push left, or 1, push right. */
export function step(state, action) {
  return move(state, action === 1 ? PUSH : -PUSH);
}

/** Has the cart left the track, or the pole fallen? */
export function terminated([position, , angle]) {
  return Math.abs(position) > MAX_POSITION || Math.abs(angle) > MAX_ANGLE;
}

/** The state after a blow to the cart, an impulse in N s. */
export function kick(state, impulse) {
  const [position, velocity, angle, rate] = state;
  const [cart, pole] = accelerations(state, 1);
  const [cartAlone, poleAlone] = accelerations(state, 0);
  return [
    position,
    velocity + impulse * (cart - cartAlone),
    angle,
    rate + impulse * (pole - poleAlone),
  ];
}

/** A start like Gymnasium's: each number uniform between -0.05 and 0.05. */
export function start(random = Math.random) {
  return UNITS.map(() => 0.1 * random() - 0.05);
}

/** Probability of pushing right, the sigmoid of w·x, equation (9.2). */
export function probabilityRight(weights, state) {
  const logit = state.reduce((sum, s, i) => sum + (weights[i] * s) / UNITS[i], 0);
  return 1 / (1 + Math.exp(-logit));
}
