package control

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"
)

// teller lets a client know, every now and then, that its request is being
// worked on and how far that is.
type teller struct {
	request       micro.Request
	done, of      atomic.Int64
	stop, stopped chan struct{}
}

// note implements [Progress].
func (t *teller) note(done, of int) {
	t.of.Store(int64(of))
	t.done.Store(int64(done))
}

func (t *teller) run() {
	defer close(t.stopped)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-tick.C:
			far := fmt.Sprintf("%d/%d", t.done.Load(), t.of.Load())
			_ = t.request.Respond(nil, micro.WithHeaders(micro.Headers{progressHeader: []string{far}})) // it may have gone
		}
	}
}
