// How numbers and times are shown. Times are the server's: the clock of the
// browser may be wrong.

let skew = 0;

// learn takes the server's time.
export function learn(now) { skew = Date.parse(now) - Date.now(); }

export const now = () => Date.now() + skew;

const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

// span shows seconds with two units at most: 1h 5m.
export function span(seconds) {
  if (seconds < 1) return seconds <= 0 ? "0s" : `${Math.round(seconds * 1000)}ms`;
  let left = seconds < 10 ? seconds : Math.round(seconds);
  if (left < 10) return `${left.toFixed(left % 1 ? 1 : 0)}s`;
  const parts = [];
  for (const [name, size] of units) {
    if (parts.length === 2) break;
    const n = Math.floor(left / size);
    if (n > 0) parts.push(`${n}${name}`);
    else if (parts.length > 0) break;
    left -= n * size;
  }
  return parts.join(" ");
}

// ago shows a time from now.
export function ago(at) {
  const seconds = (now() - Date.parse(at)) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `${coarse(seconds)} ago` : `in ${coarse(-seconds)}`;
}

function coarse(seconds) {
  for (const [name, size] of units) if (seconds >= size) return `${Math.floor(seconds / size)}${name}`;
  return "0s";
}

const pad = (n, digits = 2) => String(n).padStart(digits, "0");

// stamp is a time of day, with its date unless that is today's.
export function stamp(at, precise) {
  const t = new Date(at), today = new Date(now());
  const time = `${pad(t.getHours())}:${pad(t.getMinutes())}:${pad(t.getSeconds())}${precise ? `.${pad(t.getMilliseconds(), 3)}` : ""}`;
  if (t.toDateString() === today.toDateString()) return time;
  return `${t.getFullYear()}-${pad(t.getMonth() + 1)}-${pad(t.getDate())} ${time}`;
}

export const count = (n) => Number(n).toLocaleString("en");

// rate shows a number per second.
export const rate = (n) => (n >= 10 || n === 0 ? n.toFixed(0) : n.toFixed(n > 0 && n < 0.1 ? 2 : 1));

export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many ?? `${one}s`}`;
