// Package realparts runs the real servers that the dispatcher works with, an
// Apache Kafka and an S3 server (versitygw), on loopback, for tests with the
// build tag real.
//
// The parts are fetched once into $REALPARTS_DIR (default: the user's cache) from
// Maven Central and the Go module proxy. Where they cannot be had a test is
// skipped, but fails when REAL=require: CI sets that.
package realparts
