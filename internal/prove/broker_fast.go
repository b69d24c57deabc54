//go:build !real

package main

// newBroker starts the embedded Kafka: this binary has no real one.
func newBroker(dir string, _ bool) (broker, func(), error) {
	b, err := newFakeBroker(dir)
	if err != nil {
		return nil, nil, err
	}
	return b, b.Kill, nil
}
