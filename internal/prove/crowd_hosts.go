package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dispatcher/internal/stage"
)

// seat is where a run host listens: its directory may be lost, the address stays.
type seat struct {
	address string
	host    *host
}

// hand is one worker.
type hand struct {
	*stage.Process
	name   string
	cables [2]*stage.Wire // to each seat
	joins  [2][]byte      // join files for each of them
}

// begin starts a run host and workers that know two.
func (c *crowd) begin(ctx context.Context) (err error) {
	for i := range c.seats {
		if c.seats[i], err = c.newSeat(); err != nil {
			return err
		}
	}
	for i := range c.workers {
		if c.workers[i], err = c.newHand(fmt.Sprint("w", i)); err != nil {
			return err
		}
	}
	first := c.seats[0].host
	c.take(first)
	if err := first.start(); err != nil {
		return err
	}
	if err := first.becomes(ctx, "active", patience); err != nil {
		return err
	}
	for at := range c.seats {
		if err := c.invite(ctx, at); err != nil {
			return err
		}
	}
	for _, w := range c.workers {
		if err := c.startWorker(w); err != nil {
			return err
		}
	}
	return nil
}

// newSeat finds an address for a run host.
func (c *crowd) newSeat() (*seat, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &seat{address: l.Addr().String()}
	return s, errors.Join(c.furnish(s), l.Close())
}

// furnish gives a seat a host with a new directory.
func (c *crowd) furnish(s *seat) (err error) {
	if s.host, err = c.newHost(); err == nil {
		s.host.env = []string{"LISTEN=" + s.address, "LEASE=" + lease.String(), "CONCURRENCY=0", "API_URL=", "USER_TOKEN_FILE="}
	}
	return err
}

func (c *crowd) newHand(name string) (w *hand, err error) {
	w = &hand{name: name}
	for i, s := range c.seats {
		if w.cables[i], err = stage.NewWire("127.0.0.1:0", s.address); err != nil {
			return nil, err
		}
		c.onClose(func() { _ = w.cables[i].Close() })
	}
	return w, nil
}

// invite makes a join file at a seat for each worker.
func (c *crowd) invite(ctx context.Context, at int) error {
	for _, w := range c.workers {
		var file bytes.Buffer
		err := c.seats[at].host.lines(ctx, []string{"credentials", "worker", "--name", w.name, "--address", w.cables[at].Addr().String()}, func(line []byte) error {
			_, err := file.Write(line)
			return err
		})
		if err != nil {
			return err
		}
		w.joins[at] = file.Bytes()
	}
	return nil
}

// startWorker starts a worker that may come to both seats.
func (c *crowd) startWorker(w *hand) (err error) {
	path := filepath.Join(c.dir, w.name+".join")
	if err := os.WriteFile(path, slices.Concat(w.joins[0], w.joins[1]), 0o600); err != nil {
		return err
	}
	w.Process, err = c.startWorkerOf(path, "CONCURRENCY=4")
	return err
}

// restart ends a worker, as an operator or as a crash does. One that is told to end
// waits some seconds for the lost host to take its outcomes.
func (c *crowd) restart(w *hand, told bool) error {
	if !told {
		w.Kill()
	} else if err := ends(w.Process, 20*time.Second); err != nil {
		return err
	}
	return c.startWorker(w)
}

// startWorkerOf runs `dispatcher worker` with a join file and more environment.
func (a *arena) startWorkerOf(join string, more ...string) (*stage.Process, error) {
	cmd := stage.Command{Path: a.binary, Args: []string{"worker", "--join", join}, Dir: a.dir, Env: map[string]string{"TMPDIR": a.dir}}
	for _, name := range []string{"API_URL", "USER_TOKEN_FILE", "S3_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY", "API_TIMEOUT", "API_UPLOAD_TIMEOUT", "GRACE", "PATH", "HOME"} {
		cmd.Env[name] = a.env[name]
	}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		cmd.Env[name] = value
	}
	return stage.Start(cmd)
}
