// Command prove attacks the dispatcher's promise from outside: every message is
// carried out once, in order per key, with one writer per object, or reported.
//
// # The attack
//
// A storm ([storm]) runs the real binary while messages of all types flow: good
// and bad, several keys and selectors for one object. Its cards strike the
// process (kill -9 at random and at named points, SIGTERM, a standby that takes
// over, a disk that is lost, a zombie, a copied data directory), its weather
// strikes everything around it (API, S3, Kafka). SEED reproduces what is done
// and in which order; the moments are the machine's. Before it come surgery on
// the topic, minutes of outage ([outage]), and workers on other hosts ([crowd]),
// whose run hosts take over from each other.
//
// # The oracle
//
// It believes nobody: [oracle] compares what was sent with the stand-in API's
// journal and the history of its objects, the errors topic, the group's commits
// as an observer saw them all the time, and what `jobs list` says of every data
// directory, also of those that are gone. Repeats are allowed only where a
// directory took over from another one, and never behind a commit. Requests
// that were on the wire when their process died cannot be called back: what
// they did is counted, not forgiven silently.
//
// It fails when the promise is broken, and when a kind of fault never struck.
package main
