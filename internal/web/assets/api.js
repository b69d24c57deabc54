// Requests to the process, and the session that may act.

const tokenKey = "dispatcher.token";

// Refused is an answer that says no, in words for people.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const session = { operator: "", login: false, open: true, version: "", token: "" };

// mayAct: a session whose token this page has.
export const mayAct = () => Boolean(session.operator && session.token);

// mayLook: everybody may, or there is a session.
export const mayLook = () => Boolean(session.open || session.operator);

async function request(method, path, body, more = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-Dispatcher-Token"] = session.token;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), ...more });
  if (answer.ok) return answer;
  let why = `HTTP ${answer.status}`;
  try { why = (await answer.json()).error || why; } catch { /* it is not ours */ }
  throw new Refused(answer.status, why);
}

export const get = async (path, more) => (await request("GET", path, undefined, more)).json();

export const post = async (path, body) => (await request("POST", path, body)).json();

// change asks for a change of jobs and tells how far it is.
export async function change(path, body, told) {
  const answer = await request("POST", path, body);
  let last, rest = "";
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      last = JSON.parse(line);
      if (last.of) told?.(last.done ?? 0, last.of);
    }
  }
  if (!last?.changed) throw new Error("the connection has ended; the dispatcher goes on with what it was asked");
  if (last.error) throw new Error(last.error);
  return last.changed;
}

function adopt(account) {
  if (account.token) localStorage.setItem(tokenKey, account.token);
  if (!account.operator) localStorage.removeItem(tokenKey);
  Object.assign(session, { operator: "" }, account, { token: localStorage.getItem(tokenKey) ?? "" });
}

// whoami asks what this page may do.
export const whoami = async () => adopt(await get("/api/session"));

// enter opens a session with a pass, or a name and a password.
export const enter = async (proof) => adopt(await post("/api/session", proof));

export const leave = async () => adopt(await (await request("DELETE", "/api/session")).json());

// pass takes the pass out of the address, where it must not stay.
export function pass() {
  const found = new URLSearchParams(location.hash.slice(1)).get("pass");
  if (found) history.replaceState(null, "", location.pathname + location.search);
  return found;
}
