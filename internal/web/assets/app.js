// The page: which view its address names, what is known, and what is said.
import { enter, get, leave, mayAct, mayLook, pass, session, whoami } from "./api.js";
import { ask } from "./dialogs.js";
import { fill, h, say } from "./dom.js";
import { learn } from "./format.js";
import { live, follow, toggle } from "./live.js";
import { holds } from "./holds.js";
import * as login from "./login.js";
import * as overview from "./overview.js";
import * as jobs from "./jobs.js";
import * as job from "./job.js";

// world is what the views draw.
const world = { overview: null, trouble: "", notice: "", version: "" };

const main = document.getElementById("main");
let view; // {name, title, load(), draw(world), moved?(ids, many), …}

function viewOf(url) {
  if (!mayLook()) return login.view();
  if (url.pathname.startsWith("/jobs/")) return job.view(decodeURIComponent(url.pathname.slice(6)));
  if (url.pathname === "/jobs") return jobs.view(new URLSearchParams(url.search));
  return overview.view();
}

// show opens the view of the present address. With quiet the focus stays where it is.
async function show({ quiet = false } = {}) {
  view = viewOf(new URL(location.href));
  document.title = `${view.title} · Dispatcher`;
  const shown = view;
  await load();
  if (shown !== view) return;
  if (quiet) {
    if (view.summary) say(view.summary());
    return;
  }
  scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

function go(address, options) {
  world.notice = "";
  history.pushState(null, "", address);
  return show(options);
}

// load reads what the view needs; an error is shown beside what is known. What
// was asked for before, and is not answered yet, is not wanted any more.
let asked, took = 0;
async function load() {
  asked?.abort();
  const mine = asked = new AbortController();
  const begun = performance.now();
  try {
    await view.load(mine.signal);
    if (mine.signal.aborted) return;
    world.trouble = "";
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error.status === 401) return signedOut();
    world.trouble = error instanceof TypeError ? "The dispatcher does not answer." : error.message;
  }
  asked = undefined;
  took = performance.now() - begun;
  draw();
}

async function signedOut() {
  await whoami().catch(() => {});
  if (!mayLook() && view.name !== "login") await show();
  else draw();
}

function draw() {
  frame();
  if (view) fill(main, view.draw(world));
}

function frame() {
  const at = location.pathname;
  const tab = (address, text, here) => h("a", { href: address, "aria-current": here ? "page" : null }, text);
  fill(document.querySelector("nav"), mayLook() && [tab("/", "Overview", at === "/"), tab("/jobs", "Jobs", at.startsWith("/jobs"))]);
  fill(document.querySelector(".where"),
    world.overview && h("span", { class: `role ${world.overview.stats.role}` }, world.overview.stats.role),
    mayLook() && h("button", { type: "button", "data-do": "live", class: `live ${live.connected ? "up" : "down"}`, "aria-pressed": String(live.on), title: live.on ? "Stop updating" : "Update again" },
      h("span", { class: "dot", "aria-hidden": "true" }), live.on ? (live.connected ? "live" : "reconnecting") : "standing still"),
    mayAct()
      ? [h("span", { class: "who" }, session.operator), h("button", { type: "button", "data-do": "leave" }, "Log out")]
      : mayLook() && h("span", { class: "who", title: session.login ? "" : "To act: dispatcher jobs web" }, "read only", !session.login && h("span", { class: "hint" }, " – to act: ", h("code", {}, "dispatcher jobs web"))),
    session.login && !session.operator && view?.name !== "login" && h("button", { type: "button", "data-do": "login" }, "Log in"));
  holds(document.getElementById("holds"), mayLook() ? world.overview?.stats.holds : null);
}

// What the stream tells.
let due;
function soon() { // a view is read again about once a second, one that takes long less often
  due ??= setTimeout(() => {
    due = undefined;
    if (asked) soon(); // what comes now is not in its answer
    else load();
  }, Math.max(700, 4 * took));
}

const heard = {
  async hello(data) {
    if (world.version && world.version !== data.version) return location.reload();
    world.version = data.version;
    await refresh();
  },
  stats(data) {
    learn(data.now);
    if (!world.overview) return;
    const known = world.overview;
    announce(known.stats, data.stats);
    known.stats = data.stats;
    if (data.sample && data.sample.at > (known.samples.at(-1)?.at ?? 0)) known.samples.push(data.sample);
    draw();
  },
  jobs({ ids, many }) {
    if (view.moved?.(ids, many)) soon();
  },
  changed() {
    say(live.on ? (live.connected ? "Connected" : "Connection lost, trying again") : "Updates are off");
    draw();
  },
};

// announce says aloud only what an operator must not miss.
function announce(before, after) {
  const reasons = (stats) => new Set((stats.holds ?? []).map((hold) => `${hold.reason} ${hold.scope}`));
  const old = reasons(before), present = reasons(after);
  const begun = [...present].filter((one) => !old.has(one)), over = [...old].filter((one) => !present.has(one));
  if (begun.length) say(`On hold: ${begun.join(", ")}`);
  else if (over.length) say(`Hold ended: ${over.join(", ")}`);
}

async function refresh() {
  try {
    await whoami();
    if (mayLook()) {
      world.overview = await get("/api/overview");
      learn(world.overview.now);
    }
  } catch (error) {
    if (error.status !== 401) world.trouble = "The dispatcher does not answer.";
  }
  await load();
}

// What people do.
const deeds = {
  live: toggle,
  login: () => { view = login.view(); draw(); main.querySelector("input")?.focus(); },
  async leave() {
    await leave().catch(() => {});
    say("Logged out: you may only look now");
    await show();
  },
  act: (button) => ask(button.dataset, { mayAct: mayAct(), done: refresh }),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) {
    const deed = deeds[button.dataset.do] ?? view.deeds?.[button.dataset.do];
    if (deed) Promise.resolve(deed(button)).then(draw);
    return;
  }
  const anchor = event.target.closest("a[href^='/']");
  if (!anchor || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(anchor.getAttribute("href"));
});

for (const kind of ["change", "submit"]) {
  document.addEventListener(kind, async (event) => {
    if (event.target.closest("dialog")) return;
    if (kind === "submit") event.preventDefault();
    const next = await view[kind]?.(event.target);
    if (next === "draw") draw();
    else if (next === "in") await begin();
    else if (next) go(next, { quiet: true });
  });
}

addEventListener("popstate", () => show());
addEventListener("storage", () => whoami().then(draw, () => {}));
setInterval(() => { if (!document.hidden) draw(); }, 5000); // relative times
setInterval(() => { if (!document.hidden && !live.connected && live.on && mayLook()) refresh(); }, 10000);

async function begin() {
  await refresh();
  await show();
  if (mayAct()) say(`You act as ${session.operator}`);
}

const proof = pass();
if (proof) {
  try { await enter({ pass: proof }); } catch (error) { world.notice = error.message; }
}
await whoami().catch(() => {});
if (world.notice) say(world.notice);
await begin();
follow(heard);
