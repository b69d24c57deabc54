// Package fakeciso is a strict stand-in of the CISO Assistant REST API for
// tests, the demo and measurements: it answers like v3.20.8 (or, with Old, like
// v3.14.0), traps included.
//
// It ignores unknown and empty filters, answers 301 without a slash, takes
// unknown fields of a PATCH for nothing, saves whole rows so that parallel
// writes of one object lose one of them, reads chunked bodies as empty, computes
// a wrong hash when a file name is already in storage, destroys a file that is
// uploaded over, masks what a user may not see, and enforces the rules on names,
// choices, locks, file types and the length of requests. What it does was
// observed on real servers: their recordings are replayed against it, in the
// order in which they were made (testdata/takes.txt).
//
// Every request is in its journal, every change in an object's history (both
// may be bounded), faults can be injected by route or by chance, and the socket
// can refuse for a while. Nothing here is used by the dispatcher.
package fakeciso
