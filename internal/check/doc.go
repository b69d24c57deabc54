// Package check asks every outside party whether a run could work with it: a
// file per party, a [Row] per question. It joins no group, and writes nothing
// but a file of its own in the data directory, which it removes.
package check
