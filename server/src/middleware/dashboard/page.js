// The dashboard: follows the server's samples and shows them.

import { Chart } from "./charts.js";

// Windows of time that the charts grow through, in milliseconds; the last is what the server keeps.
const WINDOWS = [30_000, 60_000, 120_000, 300_000];
// What rose within this time is marked.
const HOT = 60_000;
// After a refusal that the browser does not repeat by itself.
const TRY_AGAIN = 2000;

const by = (id) => document.getElementById(id);
const samples = [];
const restarts = [];
// What comes while the page is paused; at most as long as the charts are.
const waiting = [];
let isPaused = false;
let cursor = null;
let lastId = "";

// Numbers as they are shown.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

const number = (value) => (value < 10 ? small : whole).format(value);
const none = (format) => (value) => (value === null || value === undefined ? "–" : format(value));
const percent = none((value) => `${whole.format(value)}\u2009%`);

const duration = none((micros) => {
  if (micros < 999.5) return `${fine.format(micros)}\u202fµs`;
  if (micros < 999_500) return `${fine.format(micros / 1e3)}\u202fms`;
  return `${fine.format(micros / 1e6)}\u202fs`;
});

const bytes = none((count) => {
  const [unit, size] = count < 2 ** 30 ? ["MiB", 2 ** 20] : ["GiB", 2 ** 30];
  return `${fine.format(count / size)}\u202f${unit}`;
});

const flow = none((count) => {
  if (count < 1000) return `${whole.format(count)}\u202fB/s`;
  const [unit, size] = count < 1e6 ? ["kB", 1e3] : count < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${fine.format(count / size)}\u202f${unit}/s`;
});

const clock = (sample) => new Date(sample.at_ms).toLocaleTimeString("en-GB");

function span(seconds) {
  const [days, hours, minutes] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60].map(Math.floor);
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
}

// Charts.

const percentile = (name) => ({ name, of: (sample) => sample.latency?.[name] ?? null });
const ofClass = (digit) => ({ name: `c${digit}`, of: (sample) => sample.classes_per_second[digit - 1] });
const charts = [
  new Chart(by("rate-chart"), {
    label: "Requests per second",
    words: (sample) => `${number(sample.requests_per_second)} requests per second`,
    lines: [{ name: "rate", of: (sample) => sample.requests_per_second }],
    least: 10,
    format: (value) => short.format(value),
  }),
  new Chart(by("latency-chart"), {
    label: "Time in the server",
    words: ({ latency }) =>
      latency === null
        ? "no requests"
        : `p50 ${duration(latency.p50)}, p90 ${duration(latency.p90)}, p99 ${duration(latency.p99)}, ` +
          `p99.9 ${duration(latency.p999)}`,
    lines: ["p50", "p90", "p99", "p999"].map(percentile),
    fan: true,
    log: true,
    format: duration,
  }),
  new Chart(by("answers-chart"), {
    label: "Answers per second by class of status",
    words: (sample) =>
      [2, 3, 4, 5].map((digit) => `${number(ofClass(digit).of(sample))} of ${digit}xx`).join(", "),
    lines: [2, 3, 4, 5].map(ofClass),
    log: true, // a few errors are seen beside many answers
    format: (value) => short.format(value),
  }),
  new Chart(by("memory-chart"), {
    label: "Memory",
    words: (sample) => bytes(sample.memory_bytes),
    lines: [{ name: "memory", of: (sample) => sample.memory_bytes }],
    bare: true,
    unit: 2 ** 20,
  }),
  new Chart(by("connections-chart"), {
    label: "Connections",
    words: (sample) => `${whole.format(sample.connections)} connections`,
    lines: [{ name: "connections", of: (sample) => sample.connections }],
    bare: true,
    least: 4,
  }),
];
const lanes = [];

function addLane(core) {
  const item = by("lane").content.firstElementChild.cloneNode(true);
  const [ring, svg] = item.querySelectorAll("svg");
  item.querySelector("b").textContent = `core ${core}`;
  svg.setAttribute("aria-label", `Requests per second of core ${core} over time`);
  by("lanes").append(item);
  lanes.push({
    ring,
    rate: item.querySelector(".lane-rate"),
    more: item.querySelector(".lane-more"),
    chart: new Chart(svg, {
      lines: [{ name: "rate", of: (sample) => sample.cores[core]?.requests_per_second ?? null }],
      bare: true,
      least: 10,
    }),
  });
  followPointer(lanes.at(-1).chart);
}

function showLane({ ring, rate, more }, core, name) {
  const cpu = core.cpu_percent;
  ring.querySelector(".arc").setAttribute("stroke-dasharray", `${cpu ?? 0} 100`);
  ring.querySelector("text").textContent = percent(cpu);
  ring.setAttribute("aria-label", `Core ${name}: ${percent(cpu)} of a processor`);
  rate.textContent = `${number(core.requests_per_second)} req/s`;
  const links = core.connections === 1 ? "1 connection" : `${whole.format(core.connections)} connections`;
  more.textContent = core.p99 === null ? links : `${links} · p99 ${duration(core.p99)}`;
}

// What a sample says.

function facts(sample) {
  const { starved, exhausted, stalls, ...loop } = sample.driver;
  const { refused, heads_refused, panics, accepted_per_second } = sample;
  const totals = { starved, exhausted, stalls, refused, heads_refused, panics, ...sample.timeouts };
  return { now: { ...loop, accepted_per_second }, totals };
}

function showFacts(sample) {
  const { now, totals } = facts(sample);
  const isRecent = (other) => sample.at_ms - other.at_ms <= HOT && other.uptime_seconds <= sample.uptime_seconds;
  const before = facts(samples.find(isRecent)).totals;
  const ratio = none((value) => (value < 10 ? fine : whole).format(value));
  for (const cell of document.querySelectorAll("[data-fact]")) {
    const name = cell.dataset.fact;
    const isTotal = name in totals;
    cell.textContent = isTotal ? whole.format(totals[name]) : ratio(now[name]);
    cell.classList.toggle("hot", isTotal && name !== "idle" && totals[name] > before[name]);
  }
}

function show() {
  const sample = samples.at(-1);
  const read = cursor === null ? sample : nearest(cursor);
  const busy = read.cores.reduce((sum, core) => sum + (core.cpu_percent ?? 0), 0) / read.cores.length;
  by("rate").textContent = number(read.requests_per_second);
  by("errors").textContent = `${number(read.errors_per_second)}/s`;
  by("errors").classList.toggle("bad", read.errors_per_second > 0);
  by("busy").textContent = percent(busy);
  by("bytes").textContent = flow(read.body_bytes_per_second);
  by("peak").textContent = number(Math.max(...samples.map((one) => one.requests_per_second)));
  by("memory-now").textContent = bytes(read.memory_bytes);
  by("connections-now").textContent = whole.format(read.connections);
  for (const item of by("latency-legend").children) {
    item.querySelector("dd").textContent = duration(read.latency?.[item.className]);
  }
  for (const item of by("answers-legend").children) {
    item.querySelector("dd").textContent = number(ofClass(Number(item.className.slice(1))).of(read));
  }
  while (lanes.length < sample.cores.length) addLane(lanes.length);
  while (lanes.length > sample.cores.length) lanes.pop().ring.closest("li").remove();
  by("lanes").classList.toggle("many", lanes.length > 4);
  read.cores.slice(0, lanes.length).forEach((core, index) => showLane(lanes[index], core, index));
  showFacts(sample);
  showTable();
  for (const chart of charts) describe(chart, read);
  by("uptime").textContent = `Up for ${span(sample.uptime_seconds)}, ${whole.format(sample.requests)} requests`;
  document.title = `${short.format(sample.requests_per_second)}/s · Ringlane`;
  draw();
}

function view() {
  const to = samples.at(-1).at_ms;
  const length = WINDOWS.find((length) => samples[0].at_ms >= to - length) ?? WINDOWS.at(-1);
  return { from: to - length, to, restarts, cursor };
}

function draw() {
  if (samples.length === 0) return;
  const shown = view();
  // One scale for all cores: what is uneven is seen.
  const most = Math.max(10, ...samples.flatMap(({ cores }) => cores.map((core) => core.requests_per_second)));
  for (const { chart } of lanes) chart.least = most;
  for (const chart of [...charts, ...lanes.map((lane) => lane.chart)]) chart.draw(samples, shown);
}

function nearest(time) {
  const closer = (one, other) => (Math.abs(other.at_ms - time) < Math.abs(one.at_ms - time) ? other : one);
  return samples.reduce(closer);
}

// Reading the charts: by the pointer, by the keyboard, or aloud.

/** All charts are read at once, at one time. */
function readAt(time) {
  cursor = time;
  if (samples.length > 0) show();
}

function followPointer(chart) {
  chart.svg.addEventListener("pointermove", (event) => {
    if (samples.length > 0) readAt(nearest(chart.timeAt(event.clientX, view())).at_ms);
  });
  chart.svg.addEventListener("pointerleave", () => readAt(null));
}

/** A chart is a slider of its samples: arrows step through them, Escape goes back to now. */
function followKeys(chart) {
  const { svg, label } = chart;
  for (const [name, value] of Object.entries({ tabindex: 0, role: "slider", "aria-label": `${label} over time` })) {
    svg.setAttribute(name, value);
  }
  svg.addEventListener("keydown", (event) => {
    if (samples.length === 0) return;
    const at = samples.indexOf(nearest(cursor ?? samples.at(-1).at_ms));
    const steps = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
      PageUp: at + 10, PageDown: at - 10, Home: 0, End: samples.length - 1 };
    if (event.key === "Escape") readAt(null);
    else if (event.key in steps) {
      readAt(samples[Math.min(Math.max(steps[event.key], 0), samples.length - 1)].at_ms);
    } else return;
    event.preventDefault();
  });
  svg.addEventListener("blur", () => readAt(null));
}

function describe({ svg, words }, sample) {
  svg.setAttribute("aria-valuemin", 0);
  svg.setAttribute("aria-valuemax", samples.length - 1);
  svg.setAttribute("aria-valuenow", samples.indexOf(sample));
  svg.setAttribute("aria-valuetext", `${clock(sample)}: ${words(sample)}`);
}

// What the charts show, in words: a column for each figure.
const COLUMNS = {
  Time: clock,
  "Requests/s": (sample) => number(sample.requests_per_second),
  "2xx/s": (sample) => number(ofClass(2).of(sample)),
  "3xx/s": (sample) => number(ofClass(3).of(sample)),
  "4xx/s": (sample) => number(ofClass(4).of(sample)),
  "5xx/s": (sample) => number(ofClass(5).of(sample)),
  "Errors/s": (sample) => number(sample.errors_per_second),
  Sent: (sample) => flow(sample.body_bytes_per_second),
  p50: (sample) => duration(sample.latency?.p50),
  p99: (sample) => duration(sample.latency?.p99),
  "p99.9": (sample) => duration(sample.latency?.p999),
  Connections: (sample) => whole.format(sample.connections),
  Memory: (sample) => bytes(sample.memory_bytes),
};

function row(kind, texts) {
  const made = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement(kind);
    if (kind === "th") cell.scope = "col";
    cell.textContent = text;
    made.append(cell);
  }
  return made;
}

function showTable() {
  if (!by("table").open) return;
  const rows = samples.slice(-60).reverse();
  const texts = (sample) => Object.values(COLUMNS).map((of) => of(sample));
  by("table").querySelector("tbody").replaceChildren(...rows.map((sample) => row("td", texts(sample))));
}

function pause(yes) {
  isPaused = yes;
  by("pause").setAttribute("aria-pressed", yes);
  by("pause").textContent = yes ? "Resume" : "Pause";
  if (yes) return;
  waiting.splice(0).forEach(take);
  if (samples.length > 0) show();
}

// What comes from the server.

function take(sample) {
  const last = samples.at(-1);
  if (last) {
    sample.isFirst = sample.uptime_seconds < last.uptime_seconds;
    if (sample.isFirst) restarts.push(sample.at_ms - sample.seconds * 1000);
    // The machine's clock was set back: its former times mean nothing any more.
    else if (sample.at_ms <= last.at_ms) samples.length = 0;
  }
  samples.push(sample);
  while (samples[0].at_ms < sample.at_ms - WINDOWS.at(-1)) samples.shift();
  while (restarts[0] < samples[0].at_ms) restarts.shift();
}

function tell(name, words) {
  const state = by("state");
  document.body.classList.toggle("lost-contact", name === "lost");
  state.className = name;
  if (state.textContent !== words) state.textContent = words; // said aloud when it changes
}

async function tellAbout() {
  const answer = await fetch("about");
  const { version, driver, cores } = await answer.json();
  by("about").textContent = `${version} · ${cores === 1 ? "1 core" : `${cores} cores`} · ${driver}`;
  by("about").title = driver;
}

let awaited = false;
function showSoon() {
  if (awaited) return; // a history comes all at once
  awaited = true;
  setTimeout(() => {
    awaited = false;
    show();
  });
}

function connect() {
  // An id that no server has sent asks for all that there is.
  const stream = new EventSource(`events?last_event_id=${encodeURIComponent(lastId || "none")}`);
  let hasRestarted = false;
  stream.addEventListener("gap", (event) => {
    hasRestarted = samples.length > 0 && JSON.parse(event.data).reason === "restarted";
    if (hasRestarted) tell("live", "live again: the server was restarted");
  });
  stream.addEventListener("sample", (event) => {
    lastId = event.lastEventId;
    const sample = JSON.parse(event.data);
    if (isPaused) {
      waiting.push(sample);
      while (waiting[0].at_ms < sample.at_ms - WINDOWS.at(-1)) waiting.shift();
      return;
    }
    take(sample);
    showSoon();
  });
  stream.onopen = () => {
    tell("live", "live");
    tellAbout().catch(() => {}); // it is told with the next connection
  };
  stream.onerror = () => {
    tell("lost", "connection lost, trying again");
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, TRY_AGAIN);
  };
}

charts.forEach(followPointer);
charts.forEach(followKeys);
by("table").querySelector("thead").replaceChildren(row("th", Object.keys(COLUMNS)));
by("table").addEventListener("toggle", () => samples.length > 0 && showTable());
by("pause").addEventListener("click", () => pause(!isPaused));
new ResizeObserver(draw).observe(document.body);
connect();
