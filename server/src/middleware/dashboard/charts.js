// Values over time as SVG, drawn anew with each sample. Times are in milliseconds.

const SVG = "http://www.w3.org/2000/svg";
// Samples that are further apart than this have a hole between them.
const HOLE = 2600;
// For the labels of times.
const FOOT = 16;

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The next round number that is not below. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].find((step) => value <= step * power * 1.0001) * power;
}

/** From values to heights, with the values that have a line and a label. */
function linear(values, least, unit) {
  const max = roundUp(Math.max(least, ...values) / unit) * unit;
  return { place: (value) => value / max, marks: [max / 2, max] };
}

function logarithmic(values) {
  const low = Math.floor(Math.log10(Math.max(1, Math.min(...values, 100))));
  const high = Math.max(low + 2, Math.ceil(Math.log10(Math.max(...values, 1))));
  const marks = [];
  for (let power = low + 1; power <= high; power += 1) marks.push(10 ** power);
  const place = (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
  return { place, marks };
}

export class Chart {
  /**
   * `lines` are functions from a sample to a value or null, each with the name of its colour;
   * between neighbours the chart is filled if `fan` is set, below a single one always. `least` is
   * the least height of a linear scale. A chart with `bare` has neither labels nor room for them.
   * `label` names it, and `words` says what it shows of a sample, to those who do not see it.
   */
  constructor(svg, options) {
    const usual = { fan: false, log: false, bare: false, least: 1, unit: 1 };
    Object.assign(this, { svg }, usual, options);
  }

  /** The time below a place on the screen. */
  timeAt(x, view) {
    const box = this.svg.getBoundingClientRect();
    return view.from + ((x - box.left) / box.width) * (view.to - view.from);
  }

  draw(samples, view) {
    const { clientWidth: width, clientHeight: height } = this.svg;
    if (width < 1 || height < 1) return;
    const head = this.bare ? 3 : 8;
    const foot = height - (this.bare ? 1 : FOOT);
    const shown = samples.filter((sample) => sample.at_ms >= view.from - HOLE);
    const values = shown.flatMap((sample) => this.lines.map(({ of }) => of(sample) ?? 0));
    const known = values.filter((value) => value > 0);
    const scale = this.log ? logarithmic(known) : linear(known, this.least, this.unit);
    const x = (time) => ((time - view.from) / (view.to - view.from)) * (width - (this.bare ? 1 : 5));
    const y = (value) => foot - scale.place(value) * (foot - head);
    const parts = this.bare ? [] : this.#grid(scale, y, width, foot);
    parts.push(...this.#curves(shown, x, y, foot));
    if (!this.bare) parts.push(...this.#labels(scale, y, width, height, view));
    for (const at of view.restarts.filter((at) => at > view.from)) {
      parts.push(element("line", { class: "restart", x1: x(at), x2: x(at), y1: 0, y2: foot }));
      if (!this.bare) {
        const words = { class: "restart-word", x: x(at) + 4, y: 10 };
        if (x(at) > width - 70) Object.assign(words, { x: x(at) - 4, "text-anchor": "end" });
        parts.push(element("text", words, "restarted"));
      }
    }
    if (view.cursor !== null) {
      const at = Math.round(x(view.cursor)) + 0.5;
      parts.push(element("line", { class: "cursor", x1: at, x2: at, y1: 0, y2: foot }));
    }
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(...parts);
  }

  #grid(scale, y, width, foot) {
    const lines = [foot, ...scale.marks.map(y)];
    return lines.map((at) => element("line", { class: "grid", x1: 0, x2: width, y1: at, y2: at }));
  }

  /** On top of the curves, so that they can be read wherever a curve runs. */
  #labels(scale, y, width, height, view) {
    const label = (mark) => element("text", { x: 0, y: y(mark) + 12 }, this.format(mark));
    const parts = scale.marks.map(label);
    const seconds = Math.round((view.to - view.from) / 1000);
    const ago = seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
    parts.push(element("text", { x: 0, y: height - 3 }, ago));
    parts.push(element("text", { x: width, y: height - 3, "text-anchor": "end" }, "now"));
    return parts;
  }

  #curves(samples, x, y, foot) {
    const parts = [];
    const below = [];
    for (const [index, { of, name }] of this.lines.entries()) {
      const line = [];
      for (const run of runs(samples, of)) {
        const points = run.map((sample) => [x(sample.at_ms), y(of(sample))]);
        line.push(path(points));
        let under = [[points.at(-1)[0], foot], [points[0][0], foot]];
        if (this.fan && index > 0) {
          const lower = this.lines[index - 1].of;
          under = run.map((sample) => [x(sample.at_ms), y(lower(sample))]).reverse();
        }
        below.push(element("path", { class: `area ${name}`, d: `${path(points)}L${pairs(under)}Z` }));
      }
      parts.push(element("path", { class: `line ${name}`, d: line.join("") }));
      const last = samples.at(-1);
      if (!this.bare && last && of(last) !== null) {
        const dot = { class: `now ${name}`, r: 3.5, cx: x(last.at_ms), cy: y(of(last)) };
        parts.push(element("circle", dot));
      }
    }
    return [...below, ...parts];
  }
}

/** The samples that have a value, without those that have none and without holes. */
function runs(samples, of) {
  const all = [];
  let run = [];
  for (const sample of samples) {
    const isApart = run.length > 0 && sample.at_ms - run.at(-1).at_ms > HOLE;
    if (of(sample) === null || isApart || sample.isFirst) {
      if (run.length > 0) all.push(run);
      run = [];
    }
    if (of(sample) !== null) run.push(sample);
  }
  return run.length > 0 ? [...all, run] : all;
}

function pairs(points) {
  return points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");
}

function path(points) {
  return `M${pairs(points)}${points.length === 1 ? "h0.01" : ""}`;
}
