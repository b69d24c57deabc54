// The stream of events. A connection that is lost is made again until it holds;
// a page that nobody sees has none.

const pauses = [1000, 2000, 4000, 5000];

export const live = { on: true, connected: false };

let source, timer, tries = 0, handlers;

// follow calls handlers: hello, stats, jobs, changed (of [live] itself).
export function follow(those) {
  handlers = those;
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  start();
}

// toggle lets the page stand still, or move again.
export function toggle() {
  live.on = !live.on;
  if (live.on) start();
  else stop();
  handlers.changed();
}

function stop() {
  clearTimeout(timer);
  source?.close();
  source = undefined;
}

// start connects; what happened meanwhile is read by whoever hears hello.
export function start() {
  stop();
  if (!live.on || document.hidden) return;
  source = new EventSource("/api/events");
  const on = (name, told) => source.addEventListener(name, (event) => told(JSON.parse(event.data)));
  on("hello", (data) => {
    tries = 0;
    set(true);
    handlers.hello(data);
  });
  on("stats", handlers.stats);
  on("jobs", handlers.jobs);
  source.addEventListener("error", lost);
}

function lost() {
  stop();
  set(false);
  timer = setTimeout(start, pauses[Math.min(tries++, pauses.length - 1)]);
}

function set(connected) {
  if (live.connected === connected) return;
  live.connected = connected;
  handlers.changed();
}
