import { h, s } from "./dom.js";
import { now, span } from "./format.js";

const width = 320, height = 56, shortest = 300, longest = 3600;

// chart draws series of samples over time.
//   title, value: in words; samples: the oldest first
//   series: [{of: sample → number, name, kind: "line" or "bars"}]; bars are sums
//   per second, on top of each other
//   show: number → text
export function chart({ title, value, note, samples, every, series, show }) {
  const end = now() / 1000;
  const seen = samples.length ? end - samples[0].at : 0;
  const length = Math.min(longest, Math.max(shortest, seen));
  const x = (at) => width * (1 - (end - at) / length);
  const bars = series[0].kind === "bars";
  const points = bars ? buckets(samples, series, every, end, length) : samples.map((p) => ({ at: p.at, values: series.map((one) => one.of(p)) }));
  const top = Math.max(...points.map((p) => p.values.reduce((a, b) => a + b, 0)), 0);
  const y = (n) => height - 1 - (top ? (n / top) * (height - 4) : 0);
  const words = points.length
    ? `${title} over the last ${span(Math.round(length))}: now ${value}, at most ${show(top)}`
    : `${title}: now ${value}, no history yet`;
  return h("figure", { class: "chart", "data-key": title },
    h("figcaption", {}, h("span", { class: "name" }, title), h("span", { class: "value" }, value), h("span", { class: "note" }, note ?? "")),
    s("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": words },
      s("line", { class: "axis", x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
      bars ? columns(points, series, x, y, length) : line(points, x, y)),
    h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, `−${span(Math.round(length / 60) * 60)}`), h("span", {}, points.length ? `max ${show(top)}` : "no history yet"), h("span", {}, "now")));
}

// buckets sums samples up, so that bars are wide enough to be seen.
function buckets(samples, series, every, end, length) {
  const size = Math.max(every, Math.ceil(length / 60 / every) * every);
  const sums = new Map();
  for (const p of samples) {
    const at = Math.floor(p.at / size) * size;
    const sum = sums.get(at) ?? { at, size, values: series.map(() => 0) };
    series.forEach((one, i) => { sum.values[i] += one.of(p) / size; });
    sums.set(at, sum);
  }
  return [...sums.values()];
}

function columns(points, series, x, y, length) {
  return points.flatMap((p) => {
    let below = 0;
    return p.values.map((n, i) => {
      const from = below;
      below += n;
      const wide = Math.max(1, (p.size / length) * width - 0.6);
      return n > 0 && s("rect", { class: series[i].name, x: x(p.at).toFixed(1), width: wide.toFixed(1), y: y(below).toFixed(1), height: (y(from) - y(below)).toFixed(1) });
    });
  });
}

function line(points, x, y) {
  if (points.length === 0) return [];
  const path = points.map((p) => `${x(p.at).toFixed(1)},${y(p.values[0]).toFixed(1)}`);
  const last = points.at(-1), first = points[0];
  path.push(`${width},${y(last.values[0]).toFixed(1)}`);
  const base = height - 1;
  return [
    s("path", { class: "area", d: `M${x(first.at).toFixed(1)},${base} L${path.join(" L")} L${width},${base} Z` }),
    s("polyline", { class: "line", points: path.join(" ") }),
  ];
}
