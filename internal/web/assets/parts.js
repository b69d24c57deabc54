// What several views show.
import { h } from "./dom.js";
import { ago, stamp } from "./format.js";

export const states = ["queued", "running", "retrying", "succeeded", "failed", "canceled", "released"];

export const types = ["update_applied_control", "update_requirement_assessment", "upload_attachment"];

export const codes = ["invalid_message", "unknown_type", "invalid_selector", "no_match", "many_matches", "too_many_matches",
  "rejected", "ignored_fields", "forbidden", "file_missing", "file_refused", "exhausted", "denied", "crashed"];

export const ended = (state) => ["succeeded", "failed", "canceled", "released"].includes(state);

// A shape per state, so that colour is not needed.
const marks = { queued: "○", running: "▶", retrying: "↻", succeeded: "✓", failed: "✕", canceled: "⊘", released: "⇥" };

export const badge = (state) => h("span", { class: `state ${state}` }, h("span", { "aria-hidden": "true" }, marks[state] ?? "?"), ` ${state}`);

// when shows a time from now, and the time itself to whoever points at it.
export const when = (at) => h("time", { datetime: at, title: stamp(at) }, ago(at));

export const path = (id) => `/jobs/${encodeURIComponent(id)}`;

export const link = (id) => h("a", { href: path(id), class: "id" }, id);

const reasons = {
  behind: "an earlier job of its key is unfinished",
  locked: "another job writes an object of it, or wrote it without an answer",
  backoff: "its next attempt is due later",
  standby: "this process is not the active one of its group",
  worker: "no worker is connected",
};

// waits says in words what an unfinished job waits for.
export function waits(job) {
  const w = job.waiting;
  if (!w) return null;
  if (w.behind) return [`waits behind `, link(w.behind)];
  if (w.reason === "backoff" && job.next_attempt_at) return ["next attempt ", when(job.next_attempt_at)];
  return `waits: ${reasons[w.reason] ?? `on hold, ${w.reason}`}`;
}

// detail is what matters most about a job in one cell.
export function detail(job) {
  const w = waits(job);
  if (w && job.waiting.reason !== "backoff") return w;
  if (job.error) {
    const first = job.next_attempt_at ? ["next attempt ", when(job.next_attempt_at)] : h("code", {}, job.error.code);
    return [first, " ", job.error.message];
  }
  if (w) return w;
  if (job.note) return job.note;
  return job.key ?? "";
}

// trouble is a line that something went wrong.
export const trouble = (text) => h("p", { class: "trouble", role: "alert" }, text);
