//go:build real

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"dispatcher/internal/realparts"
)

// newBroker starts a real Apache Kafka, or the embedded one if fast.
func newBroker(dir string, fast bool) (b broker, stop func(), err error) {
	if fast {
		fake, err := newFakeBroker(dir)
		if err != nil {
			return nil, nil, err
		}
		return fake, fake.Kill, nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, nil, err
	}
	for range 3 { // somebody may take a port before the broker does
		if b, stop, err = newRealBroker(dir); err == nil {
			return b, stop, nil
		}
	}
	return nil, nil, err
}

func newRealBroker(dir string) (b broker, stop func(), err error) {
	host := &partsHost{dir: dir}
	defer func() {
		if problem := recover(); problem != nil {
			host.end()
			failed, ok := problem.(partsError)
			if !ok {
				panic(problem)
			}
			err = failed
		}
	}()
	return realBroker{realparts.StartKafka(host)}, host.end, nil
}

type realBroker struct{ kafka *realparts.Kafka }

func (b realBroker) Addr() string { return b.kafka.Addrs["PLAINTEXT"] }
func (b realBroker) Name() string { return "Apache Kafka " + b.kafka.Version() }
func (b realBroker) Kill()        { b.kafka.Kill() }

// Start starts the broker again; its trouble is a panic of the host.
func (b realBroker) Start() (err error) {
	defer func() {
		if failed, ok := recover().(partsError); ok {
			err = failed
		}
	}()
	b.kafka.Start()
	return nil
}

// partsHost runs the real parts for a command, as a test does for tests.
type partsHost struct {
	dir     string
	cleanup []func()
}

type partsError struct{ error }

func (h *partsHost) Helper()                  {}
func (h *partsHost) Context() context.Context { return context.Background() }
func (h *partsHost) Cleanup(fn func())        { h.cleanup = append(h.cleanup, fn) }
func (h *partsHost) Fatal(args ...any)        { panic(partsError{errors.New(fmt.Sprint(args...))}) }
func (h *partsHost) Fatalf(format string, args ...any) {
	panic(partsError{fmt.Errorf(format, args...)})
}

// Skipf fails: who has no real Kafka asks for the embedded one.
func (h *partsHost) Skipf(format string, args ...any) {
	panic(partsError{fmt.Errorf(format+"; FAST=1 uses an embedded Kafka", args...)})
}

func (h *partsHost) TempDir() string {
	dir, err := os.MkdirTemp(h.dir, "kafka-")
	if err != nil {
		h.Fatal(err)
	}
	return dir
}

func (h *partsHost) end() {
	for _, fn := range h.cleanup {
		fn()
	}
	h.cleanup = nil
}
