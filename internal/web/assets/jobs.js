import { get, mayAct } from "./api.js";
import { h, say } from "./dom.js";
import { plural } from "./format.js";
import { badge, codes, detail, link, states, trouble, types, when } from "./parts.js";

const names = ["state", "type", "code", "key", "worker", "since", "until", "search"];

// filterOf keeps of an address what chooses jobs.
function filterOf(params) {
  const filter = new URLSearchParams();
  for (const name of names) for (const value of params.getAll(name)) if (value) filter.append(name, value);
  return filter;
}

// view lists jobs. Its address has the filter, and where the page begins.
export function view(params) {
  const filter = filterOf(params), before = params.get("before") ?? "";
  const chosen = new Set();
  let page;
  const shown = () => page?.jobs ?? [];
  return {
    name: "jobs",
    title: "Jobs",
    async load(signal) {
      const query = new URLSearchParams(filter);
      if (before) query.set("before", before);
      page = await get(`/api/jobs?${query}`, { signal });
      for (const id of chosen) if (!shown().some((job) => job.id === id)) chosen.delete(id);
    },
    // New jobs come in on the first page only; others are as they were.
    moved: (ids, many) => !before || many || ids.some((id) => shown().some((job) => job.id === id)),
    summary: () => (page ? `${plural(shown().length, "job")}${page.next ? ", more on the next page" : ""}` : ""),
    draw: (world) => [
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Jobs"), h("p", { class: "about" }, page && summary(page, before))),
      form(filter, world.overview?.stats),
      world.trouble && trouble(world.trouble),
      mayAct() && tools(filter, chosen),
      page && (shown().length ? table(shown(), chosen) : h("p", { class: "empty" }, "No job matches.")),
      page && pages(filter, before, page.next),
    ],
    change(target) {
      if (target.dataset.chosen !== undefined) return choose(target, chosen, shown());
      return target.form && `/jobs?${read(target.form)}`;
    },
    submit: (target) => `/jobs?${read(target)}`,
  };
}

const summary = (page, before) => `${before ? "older, " : ""}newest first · ${plural(page.jobs.length, "row")}`;

function choose(target, chosen, jobs) {
  const ids = target.dataset.chosen ? [target.dataset.chosen] : jobs.map((job) => job.id);
  for (const id of ids) target.checked ? chosen.add(id) : chosen.delete(id);
  say(`${chosen.size} selected`);
  return "draw";
}

// read is the filter that the form shows.
function read(form) {
  return filterOf({ getAll: (name) => new FormData(form).getAll(name).map((value) => value.trim()) });
}

function form(filter, stats) {
  const boxes = (name, values, label) => values.map((value) => h("label", { class: "box" },
    h("input", { type: "checkbox", name, value, checked: filter.getAll(name).includes(value) }), label ? label(value) : ` ${value}`));
  const menu = (name, title, values) => {
    const n = filter.getAll(name).length;
    return h("details", { class: "menu", "data-key": name }, h("summary", { class: n ? "set" : "" }, title, n > 0 && ` (${n})`), h("div", {}, boxes(name, values)));
  };
  const field = (name, title, more) => (filter.getAll(name).length ? filter.getAll(name) : [""]).map((value, i) =>
    h("label", { class: "field", "data-key": `${name}${i}` }, h("span", {}, title), h("input", { name, value, autocomplete: "off", spellcheck: "false", ...more })));
  return h("form", { class: "filter", role: "search", "aria-label": "Filter jobs" },
    h("fieldset", {}, h("legend", { class: "hidden" }, "State"),
      boxes("state", states, (state) => [badge(state), stats && h("span", { class: "n" }, String(stats.states[state] ?? 0))])),
    h("div", { class: "row" },
      menu("type", "Type", types), menu("code", "Code", codes),
      field("search", "Search", { type: "search", placeholder: "id, key or error" }),
      field("key", "Key"), field("worker", "Worker", { placeholder: "host/pid" }),
      field("since", "Since", { placeholder: "24h, 7d or time", list: "spans" }), field("until", "Until", { placeholder: "1h or time", list: "spans" }),
      h("datalist", { id: "spans" }, ["15m", "1h", "24h", "7d"].map((value) => h("option", { value }))),
      h("button", {}, "Apply"),
      filter.size > 0 && h("a", { href: "/jobs", class: "clear" }, "Clear filter")));
}

function tools(filter, chosen) {
  const button = (verb, data, text) => h("button", { type: "button", "data-do": "act", "data-verb": verb, ...data, "data-key": verb + text.slice(-4) }, text);
  if (chosen.size > 0) {
    const ids = { "data-ids": [...chosen].join(" ") };
    return h("div", { class: "tools bulk", "data-key": "tools" }, h("span", {}, `${chosen.size} selected:`), button("retry", ids, "Retry…"), button("cancel", ids, "Cancel…"));
  }
  const all = { "data-filter": String(filter), "data-all": filter.size ? null : "1" };
  return h("div", { class: "tools bulk", "data-key": "tools" }, h("span", {}, filter.size ? "All that match:" : "All jobs:"), button("retry", all, "Retry…"), button("cancel", all, "Cancel…"));
}

function table(jobs, chosen) {
  const every = jobs.every((job) => chosen.has(job.id));
  const box = (id, label, checked) => h("input", { type: "checkbox", "data-chosen": id, "aria-label": label, checked });
  const cell = (name, ...content) => h("td", { role: "cell", class: name }, ...content);
  return h("table", { class: "jobs", role: "table", "aria-label": "Jobs, newest first" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      mayAct() && h("th", { role: "columnheader", scope: "col", class: "pick" }, box("", "Select all on this page", every)),
      ["State", "Id", "Type", "Tries", "Received", "Detail"].map((name) => h("th", { role: "columnheader", scope: "col", class: name.toLowerCase() }, name)))),
    h("tbody", { role: "rowgroup" }, jobs.map((job) => h("tr", { role: "row", "data-key": job.id },
      mayAct() && cell("pick", box(job.id, `Select ${job.id}`, chosen.has(job.id))),
      cell("", badge(job.state)), cell("", link(job.id)), cell("type", job.type ?? "–"), cell("tries", String(job.attempts)), cell("received", when(job.received_at)), h("td", { role: "cell", class: "detail", title: job.error?.message }, detail(job))))));
}

function pages(filter, before, next) {
  const at = (mark) => {
    const query = new URLSearchParams(filter);
    if (mark) query.set("before", mark);
    return `/jobs${query.size ? `?${query}` : ""}`;
  };
  if (!before && !next) return null;
  return h("nav", { class: "pages", "aria-label": "Pages" },
    before && h("a", { href: at(""), rel: "first" }, "⇤ Newest"), next && h("a", { href: at(next), rel: "next" }, "Older →"));
}
