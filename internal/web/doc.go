// Package web is the web page on http_listen: to look at jobs and to act on
// them without a shell.
//
// # Purpose
//
// [Server] answers a page (plain HTML, CSS and JavaScript modules, embedded as
// they are written), its JSON, and a stream of events. It decides nothing about
// jobs: all of that is asked of a [control.Backend], as `dispatcher jobs` does.
//
// # Invariants
//
//   - Whoever is let in by [Server.reach] may load the page. On loopback everybody may
//     look, unless a login is configured; beyond loopback nothing is answered
//     without TLS and a login, see [Config.Offered].
//   - To act, and to see a message, takes a session: from a pass that
//     `dispatcher jobs web` asked for (once, within minutes), or from the login.
//     Cookies do not tell ports apart, so that another program on this host may
//     see ours: a change needs the session's token too, which only the page has.
//   - A page under another name (DNS rebinding), of another origin, or through a
//     proxy that was not told of, is refused.
//   - No answer says that something was changed before it is on disk.
//   - Sessions and passes are in memory only: they end with the process.
//   - Who reads slowly is cut off: nothing in the process waits for a browser.
//
// # Failure cases
//
// A browser that loses the process asks again by itself until it is back, then
// reads everything anew; a session that has ended leaves it to look. A change of
// many jobs goes on when its browser has gone.
package web
