package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/stage"
)

// playEpochs has a worker's report of a failed attempt stand still in a proxy.
// The worker connects again, reports again, and gets the job again; while it
// writes, the proxy delivers the first report. Whoever believes it takes the job
// and its object away from a worker that is writing, and gives the object to
// another job.
func playEpochs(ctx context.Context, t *trial) error {
	const lease = 4 * time.Second
	wire, err := t.remote(ctx, lease)
	if err != nil {
		return err
	}
	const warm = 60
	for i := range warm { // the worker begins with one request at a time
		if err := t.send(ctx, t.update(fmt.Sprint("warm-", i%4), 1+i%2, "observation")); err != nil {
			return err
		}
	}
	if err := t.committed(ctx, warm); err != nil {
		return err
	}
	object := pathOf(t.land.control[0])
	t.api.AddFault(fakeciso.Fault{Method: "PATCH", Path: object, Times: 1, Kind: fakeciso.Status, Code: 500, Body: "<h1>Server Error (500)</h1>", Delay: 600 * time.Millisecond})
	if err := t.send(ctx, t.update("a", 0, "observation")); err != nil {
		return err
	}
	if err := t.until(ctx, fakeciso.Status, 1); err != nil { // the answer to the first attempt is on its way
		return err
	}
	t.api.AddFault(fakeciso.Fault{Method: "PATCH", Path: object, Times: -1, Kind: fakeciso.Slow, Delay: 3 * time.Second})
	drop, release := wire.Hold()
	defer release()
	pause(ctx, 1200*time.Millisecond) // the report is sent, and stands still
	drop()
	if err := t.until(ctx, fakeciso.Slow, 1); err != nil { // the second attempt writes
		return err
	}
	if err := t.send(ctx, t.update("b", 0, "observation"), t.update("b", 0, "observation")); err != nil {
		return err
	}
	// The worker has another job of that object in hand, which waits for the object.
	err = poll(ctx, patience, "the next job to be claimed", func() error {
		journal := t.api.Journal()
		if last := journal[len(journal)-1]; last.Method != "GET" {
			return fmt.Errorf("the last request was %s %s", last.Method, last.Path)
		}
		return nil
	})
	release()
	return err
}

// remote starts run without work of its own, and a worker that reaches it through
// a wire.
func (t *trial) remote(ctx context.Context, lease time.Duration) (*stage.Wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	run, err := t.host(ctx, "active", "LISTEN="+address, "LEASE="+lease.String(), "CONCURRENCY=0", "API_URL=", "USER_TOKEN_FILE=")
	if err != nil {
		return nil, err
	}
	wire, err := stage.NewWire("127.0.0.1:0", address)
	if err != nil {
		return nil, err
	}
	t.onClose(func() { _ = wire.Close() })
	join := filepath.Join(t.dir, "worker.join")
	if err := run.lines(ctx, []string{"credentials", "worker", "--name", "w", "--address", wire.Addr().String(), "-o", join}, nil); err != nil {
		return nil, err
	}
	worker, err := t.startWorkerOf(join, "CONCURRENCY=4", "API_TIMEOUT=5s", "API_UPLOAD_TIMEOUT=5s", "RETRY_BASE=1500ms", "RETRY_CAP=1500ms")
	if err != nil {
		return nil, err
	}
	t.onClose(worker.Kill)
	return wire, nil
}
