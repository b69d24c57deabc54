import { mayAct } from "./api.js";
import { chart } from "./chart.js";
import { h } from "./dom.js";
import { count, now, rate, span, stamp } from "./format.js";
import { badge, states, trouble } from "./parts.js";

// view is the state of the whole. What it draws is read by the page itself.
export function view() {
  return {
    name: "overview",
    title: "Overview",
    async load() {},
    draw(world) {
      const known = world.overview;
      return [
        h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Overview"),
          known && h("p", { class: "about" }, "running since ", h("time", { datetime: known.started_at }, stamp(known.started_at))),
          mayAct() && h("div", { class: "tools" }, h("button", { type: "button", "data-do": "act", "data-verb": "pause" }, "Pause work…"))),
        world.notice && trouble(world.notice),
        world.trouble && trouble(world.trouble),
        known ? [counts(known.stats), charts(known), h("div", { class: "tables" }, failures(known.stats), partitions(known.stats), workers(known.stats))] : !world.trouble && h("p", {}, "Reading…"),
      ];
    },
  };
}

const counts = (stats) => h("ul", { class: "counts", "aria-label": "Jobs by state" }, states.map((state) => {
  const n = stats.states[state] ?? 0;
  return h("li", { class: n ? state : "none" }, h("a", { href: `/jobs?state=${state}` }, h("span", { class: "n" }, count(n)), " ", badge(state)));
}));

function charts({ stats, samples, every }) {
  const lag = (stats.ingest ?? []).reduce((sum, p) => sum + p.lag, 0);
  const unfinished = stats.states.queued + stats.states.running + stats.states.retrying;
  const age = stats.oldest_unfinished_at ? Math.max(0, (now() - Date.parse(stats.oldest_unfinished_at)) / 1000) : 0;
  const one = (name) => [{ name, kind: "line", of: (p) => p[name] }];
  return h("section", { class: "charts", "aria-label": "The last hour" },
    chart({
      title: "Ended per second", value: rate(stats.rate["1m"]), note: `last minute · 15 m: ${rate(stats.rate["15m"])}`, samples, every, show: rate,
      series: [{ name: "failed", kind: "bars", of: (p) => p.failed }, { name: "succeeded", kind: "bars", of: (p) => p.succeeded }],
    }),
    chart({ title: "Unfinished", value: count(unfinished), note: "jobs", samples, every, show: count, series: one("unfinished") }),
    chart({ title: "Oldest unfinished", value: age ? span(Math.floor(age)) : "–", note: age ? "old" : "all have ended", samples, every, show: (n) => span(n), series: one("oldest") }),
    chart({ title: "Kafka lag", value: count(lag), note: "records not read yet", samples, every, show: count, series: one("lag") }));
}

function table(caption, heads, rows, empty) {
  return h("section", { class: "card" }, h("h2", {}, caption),
    rows.length ? h("table", { "aria-label": caption }, h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col", class: name.startsWith("#") ? "num" : null }, name ? name.replace("#", "") : h("span", { class: "hidden" }, "action"))))), h("tbody", {}, rows))
      : h("p", { class: "empty" }, empty));
}

const failures = (stats) => table("Failed, by code", ["code", "#jobs", ""],
  Object.entries(stats.codes ?? {}).sort((a, b) => b[1] - a[1]).map(([code, n]) => h("tr", { "data-key": code },
    h("th", { scope: "row" }, h("a", { href: `/jobs?state=failed&code=${code}` }, h("code", {}, code))), h("td", { class: "num" }, count(n)),
    h("td", { class: "tools" }, mayAct() && h("button", { type: "button", "data-do": "act", "data-verb": "retry", "data-filter": `state=failed&code=${code}`, "aria-label": `Retry all ${code}` }, "Retry…")))),
  stats.errors_pending ? "" : "No job has failed.");

const partitions = (stats) => table("Kafka", ["partition", "#read to", "#committed", "#lag"],
  [...(stats.ingest ?? [])].sort((a, b) => a.partition - b.partition).map((p) => h("tr", { "data-key": `${p.topic} ${p.partition}` },
    h("th", { scope: "row" }, `${p.topic} ${p.partition}`), h("td", { class: "num" }, count(p.cursor)), h("td", { class: "num" }, count(p.committed)), h("td", { class: p.lag ? "num much" : "num" }, count(p.lag)))),
  "No partition has been read yet.");

const workers = (stats) => h("div", {}, table("Workers", ["name", "#running"],
  [...(stats.workers ?? [])].sort((a, b) => a.name.localeCompare(b.name)).map((w) => h("tr", { "data-key": w.name },
    h("th", { scope: "row" }, h("a", { href: `/jobs?worker=${encodeURIComponent(w.name)}` }, w.name)), h("td", { class: "num" }, count(w.running)))),
  "No worker is here."),
h("p", { class: stats.errors_pending ? "pending much" : "pending" }, "Failures not yet on the errors topic: ", count(stats.errors_pending)));
