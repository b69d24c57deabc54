import { h, s } from "./dom.js";
import { span, stamp } from "./format.js";

const lane = 200; // units of a bar's place

// timeline draws what happened to a job, in order: receipt, steps, attempts
// that failed, what operators did, the end.
export function timeline(job) {
  const events = eventsOf(job);
  const first = Math.min(...events.map((e) => e.at)), last = Math.max(...events.map((e) => e.until ?? e.at));
  const length = Math.max(last - first, 1);
  return h("section", { class: "card timeline" }, h("h2", {}, "What happened"),
    h("ol", {}, events.map((e, i) => h("li", { class: e.kind, "data-key": `${e.kind}${e.title}${e.at}${i}` },
      h("time", { datetime: new Date(e.at).toISOString() }, stamp(e.at, true)),
      h("span", { class: "offset" }, `+${span((e.at - first) / 1000)}`),
      h("span", { class: "mark", "aria-hidden": "true" }, e.mark),
      h("div", { class: "what" }, h("strong", {}, e.title), e.note && h("span", { class: "note" }, " ", e.note), e.words && h("p", { class: "words" }, e.words)),
      h("span", { class: "took" }, e.until ? span((e.until - e.at) / 1000) : ""),
      s("svg", { class: "lane", viewBox: `0 0 ${lane} 10`, preserveAspectRatio: "none", "aria-hidden": "true" }, bar(e, first, length))))));
}

function bar(e, first, length) {
  const wide = Math.max(3, (((e.until ?? e.at) - e.at) / length) * lane);
  return s("rect", { x: Math.min(lane - wide, ((e.at - first) / length) * lane).toFixed(1), width: wide.toFixed(1), y: 1, height: 8, rx: 1 });
}

function eventsOf(job) {
  const events = [];
  const add = (at, kind, mark, title, more) => { if (at) events.push({ at: Date.parse(at), kind, mark, title, ...more }); };
  add(job.source?.timestamp, "in", "·", "Written to Kafka");
  add(job.received_at, "in", "·", "Received", { note: "on disk" });
  add(job.started_at, "in", "·", "First attempt");
  for (const step of job.steps ?? []) {
    const done = step.state === "done";
    add(step.started_at, done ? "step" : "open", done ? "✓" : "…", step.name, { until: step.finished_at && Date.parse(step.finished_at), note: done ? "" : "begun; whether it had an effect is looked up", words: resultOf(step) });
  }
  for (const a of job.attempt_log ?? []) {
    const note = [a.code, a.http_status && `HTTP ${a.http_status}`].filter(Boolean).join(" · ");
    add(a.started_at, "bad", "✕", `Attempt ${a.n} did not succeed`, { until: Date.parse(a.started_at) + a.duration_ms, note, words: a.message });
  }
  for (const entry of job.audit ?? []) add(entry.at, "operator", "◆", `${entry.action} by ${entry.operator}`, { words: entry.reason });
  if (job.finished_at) add(job.finished_at, job.state === "succeeded" ? "step" : "bad", job.state === "succeeded" ? "✓" : "✕", `Ended: ${job.state}`);
  return events.sort((a, b) => a.at - b.at);
}

function resultOf(step) {
  if (step.result === undefined || step.result === null) return "";
  const text = JSON.stringify(step.result);
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
