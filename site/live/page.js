// The page of the live cart: sliders and buttons in, drawing and numbers out.
import {
  MAX_ANGLE,
  MAX_POSITION,
  MAX_STEPS,
  STEPS_PER_SECOND,
  TRAINED,
  kick,
  move,
  probabilityRight,
  start,
  step,
  terminated,
} from "./cartpole.js";

const BLOW = 1; // N s
const LYING = Math.PI / 2; // a fallen pole is drawn until it lies, rad
const VIEW = 2.9; // m to either side of the middle
const DIGITS = [2, 2, 1, 2];
const SHOWN_IN = ["m", "m/s", "°", "rad/s"];

const part = (name) => document.getElementById(`live-${name}`);
/** Write a text, if it is another one: a screen reader may read out what is written. */
const say = (name, text) => {
  if (part(name).textContent !== text) part(name).textContent = text;
};
const sliders = TRAINED.map((_, i) => part(`w${i}`));
const canvas = part("cart");
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

let state, steps, action, over;
let fallen = null; // after the end, for the eye only
let running = !still.matches;
let clock = null; // time of the last drawing, ms
let owed = 0; // steps that are due since

const weights = () => sliders.map((slider) => Number(slider.value));
const signed = (number, digits) =>
  (number < 0 ? "−" : "+") + Math.abs(number).toFixed(digits);

function restart() {
  state = start();
  steps = 0;
  action = null;
  over = false;
  fallen = null;
  say("message", running ? "" : "Paused: press Play.");
  draw();
}

function end(words) {
  over = true;
  action = null;
  if (Math.abs(state[2]) > MAX_ANGLE) fallen = state;
  say("message", `${words} Restart, or move a weight, to try again.`);
}

/** One step of the episode; after its end, the pole falls on until it lies. */
function advance() {
  if (fallen && Math.abs(fallen[2]) < LYING) fallen = move(fallen, 0);
  if (over) return;
  const p = probabilityRight(weights(), state);
  action = Number((part("greedy").checked ? 0.5 : Math.random()) < p);
  state = step(state, action);
  steps += 1;
  if (Math.abs(state[0]) > MAX_POSITION) end(`Off the track after ${steps} steps.`);
  else if (terminated(state)) end(`The pole fell after ${steps} steps.`);
  else if (steps === MAX_STEPS) end("500 steps, and the pole still stands.");
}

function colours() {
  const style = getComputedStyle(canvas);
  const of = (name) => style.getPropertyValue(`--live-${name}`).trim();
  return { line: of("line"), cart: of("cart"), pole: of("pole"), limit: of("limit") };
}

function draw() {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext("2d");
  const { line, cart, pole, limit } = colours();
  const metre = width / (2 * VIEW);
  const ground = height - 16;
  const [position, , angle] = fallen ?? state;
  const segment = (colour, thickness, dash, ...points) => {
    g.strokeStyle = colour;
    g.lineWidth = thickness;
    g.setLineDash(dash);
    g.beginPath();
    points.forEach(([x, y]) => g.lineTo(x, y));
    g.stroke();
  };

  // The middle of the track, on the ground, is (0, 0).
  g.setTransform(ratio, 0, 0, ratio, (width / 2) * ratio, ground * ratio);
  const track = MAX_POSITION * metre;
  segment(line, 2, [], [-track, 0], [track, 0]);
  for (const side of [-1, 1]) segment(limit, 2, [], [side * track, -12], [side * track, 6]);

  const x = position * metre;
  const [wide, high] = [0.4 * metre, 0.22 * metre];
  const tip = (a, length) => [
    x + length * metre * Math.sin(a),
    -high - length * metre * Math.cos(a),
  ];
  for (const side of [-1, 1])
    segment(limit, 1, [4, 4], [x, -high], tip(side * MAX_ANGLE, 1.1));
  g.lineCap = "round";
  segment(pole, 0.08 * metre, [], [x, -high], tip(angle, 1));
  g.lineCap = "butt";
  g.fillStyle = cart;
  g.fillRect(x - wide / 2, -high, wide, high - 2);
  if (action !== null) {
    const side = action === 1 ? 1 : -1; // the push, as an arrow on the cart's side
    const from = x + (side * wide) / 2 + side * 5;
    const to = from + side * 0.3 * metre;
    segment(cart, 3, [], [from, -high / 2], [to, -high / 2]);
    segment(cart, 3, [], [to - side * 6, -high / 2 - 6], [to, -high / 2], [to - side * 6, -high / 2 + 6]);
  }
  write();
}

function write() {
  const values = [state[0], state[1], (state[2] * 180) / Math.PI, state[3]];
  values.forEach((value, i) => {
    const space = SHOWN_IN[i] === "°" ? "" : " ";
    say(`s${i}`, signed(value, DIGITS[i]) + space + SHOWN_IN[i]);
  });
  weights().forEach((w, i) => say(`o${i}`, signed(w, 1)));
  const p = probabilityRight(weights(), state);
  say("p", p.toFixed(2));
  part("bar").style.width = `${100 * p}%`;
  say("steps", `${steps} of ${MAX_STEPS}`);
}

function frame(now) {
  if (!running) return;
  // A tab that was hidden does not catch up.
  owed += clock === null ? 0 : Math.min((now - clock) / 1000, 0.1) * STEPS_PER_SECOND;
  clock = now;
  for (; owed >= 1; owed -= 1) advance();
  draw();
  requestAnimationFrame(frame);
}

function play(on) {
  running = on;
  clock = null;
  say("play", on ? "Pause" : "Play");
  if (!over) say("message", on ? "" : "Paused: press Play.");
  if (on) requestAnimationFrame(frame);
}

function choose(chosen) {
  sliders.forEach((slider, i) => (slider.value = chosen[i]));
  restart();
}

function push(impulse) {
  if (over) return;
  state = kick(state, impulse);
  draw();
}

part("play").addEventListener("click", () => play(!running));
part("restart").addEventListener("click", restart);
part("left").addEventListener("click", () => push(-BLOW));
part("right").addEventListener("click", () => push(BLOW));
part("trained").addEventListener("click", () => choose(TRAINED));
part("zero").addEventListener("click", () => choose([0, 0, 0, 0]));
for (const slider of sliders)
  slider.addEventListener("input", () => (over ? restart() : draw()));
new ResizeObserver(draw).observe(canvas);
// The theme's switch changes the colours.
new MutationObserver(draw).observe(document.documentElement, { attributes: true });

restart();
play(running);
