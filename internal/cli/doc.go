// Package cli is the command line: one file per command, which reads flags,
// wires the rooms together and prints what came of it. Nothing is decided here
// that another program would need.
package cli
