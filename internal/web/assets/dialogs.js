// The dialog before something is changed: what it would do, why, and then what
// came of it.
import { change, post } from "./api.js";
import { fill, h, say } from "./dom.js";
import { plural } from "./format.js";
import { types } from "./parts.js";

const dialog = document.getElementById("dialog");
const most = 8; // lines of what was left as it is
let current; // the state that is shown: of one before, work may go on

const verbs = {
  retry: { name: "Retry", done: "queued again", path: "/api/retry", which: "failed and canceled" },
  cancel: { name: "Cancel", done: "canceled", path: "/api/cancel", which: "unfinished", danger: true },
  pause: { name: "Pause", path: "/api/pause" },
  resume: { name: "Resume", path: "/api/resume" },
};

// ask opens the dialog for a button's data: verb, and ids, filter, all or type.
export async function ask(data, { mayAct, done }) {
  if (!mayAct) return;
  const verb = verbs[data.verb];
  const state = { verb, phase: "ask", data, done, how: {} };
  current = state; // not undone when it closes: that is told late, maybe when the next one is open
  dialog.onsubmit = (event) => {
    event.preventDefault();
    carryOut(state, new FormData(event.target));
  };
  dialog.onchange = (event) => {
    if (event.target.type !== "checkbox") return;
    state.how[event.target.name] = event.target.checked;
    look(state);
  };
  dialog.onclick = (event) => { if (event.target.closest("[data-close]")) dialog.close(); };
  dialog.replaceChildren();
  if (verb.done) {
    state.phase = "count";
    draw(state);
    dialog.showModal();
    await look(state);
  } else {
    draw(state);
    dialog.showModal();
  }
  dialog.querySelector("textarea")?.focus();
}

function bodyOf({ data, how }, more) {
  return { ids: data.ids ? data.ids.split(" ") : [], filter: data.filter ?? "", all: data.all === "1", ...how, ...more };
}

// look counts what would be changed.
async function look(state) {
  try {
    state.would = await change(state.verb.path, bodyOf(state, { dry_run: true }));
    state.phase = "ask";
  } catch (error) {
    Object.assign(state, { phase: "end", trouble: error.message });
  }
  draw(state);
}

async function carryOut(state, form) {
  const { verb, data } = state;
  const reason = form.get("reason").trim();
  Object.assign(state, { phase: "work", far: "" });
  draw(state);
  try {
    if (verb.done) {
      const made = await change(verb.path, bodyOf(state, { reason }), (n, of) => { state.far = { n, of }; draw(state); });
      state.result = `${made.changed} of ${plural(made.matched, "job")} ${made.changed === 1 ? "is" : "are"} ${verb.done}.`;
      state.skipped = made.skipped;
    } else {
      const made = await post(verb.path, { type: form.get("type") ?? data.type ?? "", reason });
      state.result = data.verb === "pause" ? (made.changed ? "Work is paused. What runs may end." : "It was paused already.") : (made.changed ? "Work goes on." : "It was not paused.");
    }
  } catch (error) {
    state.trouble = error.message;
  }
  state.phase = "end";
  draw(state);
  if (state === current) dialog.querySelector("[data-close]")?.focus();
  say(state.trouble ?? state.result);
  await state.done();
}

function draw(state) {
  if (state !== current) return;
  const { verb, phase, data } = state;
  const n = state.would ? state.would.matched - state.would.skipped.length : 0;
  const what = verb.done ? `${verb.name} ${data.ids && !data.ids.includes(" ") ? data.ids : "jobs"}` : `${verb.name} work`;
  const close = (text) => h("button", { type: "button", "data-close": "" }, text);
  const asking = phase === "ask" && (!verb.done || n > 0 || state.how.force !== undefined || superseded(state));
  fill(dialog, h("form", { method: "dialog" },
    h("h2", { id: "dialog-title" }, what),
    phase === "count" && h("p", {}, "Counting…"),
    phase === "ask" && verb.done && would(state, n),
    asking && fields(state),
    phase === "work" && h("div", { class: "work" }, h("p", {}, state.far ? `${state.far.n} of ${state.far.of}` : "Working…"),
      h("progress", { "aria-label": "Progress", ...(state.far ? { value: state.far.n, max: state.far.of } : {}) }),
      h("p", { class: "note" }, "It goes on when this page is closed.")),
    phase === "end" && (state.trouble ? h("p", { class: "trouble", role: "alert" }, state.trouble) : h("p", { class: "result" }, state.result)),
    phase === "end" && skipped(state.skipped),
    h("div", { class: "buttons" },
      phase === "end" || !asking ? close("Close") : [close("Do nothing"), h("button", { class: verb.danger ? "danger" : "primary", disabled: Boolean(verb.done) && n === 0 }, verb.done ? `${verb.name} ${plural(n, "job")}` : verb.name)])));
}

function would({ would: found, verb, data }, n) {
  return [
    h("p", {}, n ? `${plural(n, "job")} would be ${verb.done}.` : data.ids ? "" : `No ${verb.which} job matches.`),
    n > 1 && found.sample?.length > 0 && h("ul", { class: "sample" }, found.sample.map((job) => h("li", {}, h("span", { class: "id" }, job.id), " ", job.error?.code ?? job.state)), n > found.sample.length && h("li", {}, `… and ${n - found.sample.length} more`)),
    skipped(found.skipped),
  ];
}

function skipped(list) {
  if (!list?.length) return null;
  return h("div", { class: "skipped" }, h("p", {}, `Left as ${list.length === 1 ? "it is" : "they are"}:`),
    h("ul", {}, list.slice(0, most).map(({ id, why }) => h("li", {}, h("span", { class: "id" }, id), ` ${why}`)), list.length > most && h("li", {}, `… and ${list.length - most} more`)));
}

// superseded: some are left as they are unless that is forced.
const superseded = ({ data, would: found }) => data.verb === "retry" && found?.skipped.some(({ why }) => why.includes("superseded"));

function fields({ data, how }) {
  const box = (name, text) => h("label", { class: "box" }, h("input", { type: "checkbox", name, checked: how[name] }), ` ${text}`);
  return [
    data.verb === "pause" && h("label", { class: "field" }, h("span", {}, "What"),
      h("select", { name: "type" }, h("option", { value: "" }, "all work"), types.map((type) => h("option", { value: type }, `only ${type}`)))),
    data.verb === "pause" && h("p", { class: "note" }, "No more work begins until it is resumed, over restarts too."),
    data.verb === "resume" && h("p", {}, data.type ? `Work on ${data.type} goes on.` : "All pauses end."),
    h("label", { class: "field" }, h("span", {}, "Reason"), h("textarea", { name: "reason", rows: 2, maxlength: 500, required: true, placeholder: "kept in the audit" })),
    data.verb === "retry" && h("fieldset", { class: "boxes" }, h("legend", { class: "hidden" }, "How"),
      box("from_start", "from the start, forgetting the steps that are done"), box("force", "even if a newer job of the same key has succeeded since")),
  ];
}
