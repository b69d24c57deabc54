import { get, mayAct } from "./api.js";
import { h } from "./dom.js";
import { span, stamp } from "./format.js";
import { timeline } from "./timeline.js";
import { badge, ended, trouble, waits, when } from "./parts.js";

// view is all that is known of one job.
export function view(id) {
  let job, message = null;
  return {
    name: "job",
    title: id,
    async load(signal) { job = await get(`/api/jobs/${encodeURIComponent(id)}`, { signal }); },
    moved: (ids, many) => many || ids.includes(id) || Boolean(job?.waiting),
    draw: (world) => [
      h("div", { class: "head" }, h("h1", { tabindex: "-1", class: "id" }, id), job && badge(job.state), job && mayAct() && tools(job)),
      world.trouble && trouble(world.trouble),
      job ? [why(job), facts(job), timeline(job), payload(message)] : !world.trouble && h("p", {}, "Reading…"),
    ],
    deeds: {
      async message() {
        try {
          const answer = await get(`/api/jobs/${encodeURIComponent(id)}?payload=1`);
          message = answer.message_omitted ?? JSON.stringify(answer.message, null, 2);
        } catch (error) { message = error.message; }
      },
      conceal() { message = null; },
    },
  };
}

function tools(job) {
  const button = (verb, text) => h("button", { type: "button", class: verb === "retry" ? "primary" : "", "data-do": "act", "data-verb": verb, "data-ids": job.id, "data-key": verb }, text);
  return h("div", { class: "tools" },
    ["failed", "canceled"].includes(job.state) && button("retry", "Retry…"), !ended(job.state) && button("cancel", "Cancel…"));
}

// why says at once why it failed, or what it waits for.
function why(job) {
  const waiting = waits(job);
  const e = job.error;
  return [
    waiting && h("p", { class: "why wait", "data-key": "wait" }, h("strong", {}, waiting)),
    e && h("div", { class: `why ${job.state === "failed" ? "bad" : "wait"}`, "data-key": "why" },
      h("p", {}, h("code", {}, e.code), h("span", { class: "class" }, e.class), e.http_status && h("span", { class: "class" }, `HTTP ${e.http_status}`)),
      h("p", { class: "words" }, e.message)),
  ];
}

function facts(job) {
  const at = (time) => time && [stamp(time), h("span", { class: "note" }, " ", when(time))];
  const source = job.source && `${job.source.topic} · partition ${job.source.partition} · offset ${job.source.offset}`;
  const list = {
    Type: job.type, Key: job.key && h("code", {}, job.key), Source: source ?? "submitted",
    Received: at(job.received_at), Started: at(job.started_at), Finished: at(job.finished_at),
    Took: job.started_at && job.finished_at && span((Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000),
    Attempts: String(job.attempts), Worker: job.worker, Objects: job.objects && h("span", { class: "ids" }, job.objects.join(" ")), Note: job.note,
  };
  return h("dl", { class: "facts" }, Object.entries(list).filter(([, value]) => value).map(([name, value]) => h("div", { "data-key": name }, h("dt", {}, name), h("dd", {}, value))));
}

function payload(message) {
  return h("section", { class: "card message" }, h("h2", {}, "Message"),
    !mayAct() ? h("p", { class: "empty" }, "It may hold secrets: shown in a session only.")
      : message === null ? h("button", { type: "button", "data-do": "message" }, "Show message")
        : [h("button", { type: "button", "data-do": "conceal" }, "Hide message"), h("pre", { tabindex: "0", role: "region", "aria-label": "Message" }, message)]);
}
