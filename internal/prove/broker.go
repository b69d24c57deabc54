package main

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"dispatcher/internal/fakekafka"
)

// broker is a Kafka that can be killed.
type broker interface {
	Addr() string
	Name() string
	Kill()
	Start() error // again, with what it had
}

// fakeBroker is the embedded one.
type fakeBroker struct {
	cluster *fakekafka.Cluster
	dir     string
	port    int
}

func newFakeBroker(dir string) (*fakeBroker, error) {
	b := &fakeBroker{dir: dir}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return b, b.Start()
}

func (b *fakeBroker) Start() (err error) {
	if b.cluster, err = fakekafka.Start(fakekafka.Config{DataDir: b.dir, Port: b.port}); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(b.cluster.Addr)
	if err != nil {
		return fmt.Errorf("address of the broker: %w", err)
	}
	b.port, err = strconv.Atoi(port)
	return err
}

func (b *fakeBroker) Addr() string { return b.cluster.Addr }
func (b *fakeBroker) Name() string { return "embedded kfake" }
func (b *fakeBroker) Kill()        { b.cluster.Close() }

// mute leaves heartbeats without an answer until speak is called.
func (b *fakeBroker) mute() (speak func()) {
	silence, cluster := make(chan struct{}), b.cluster
	cluster.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cluster.SleepControl(func() { <-silence })
		return nil, nil, false
	})
	return func() { close(silence) }
}
