package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// The fleet: workers in other processes, as on other hosts.
const (
	fleet       = 4
	fleetMS     = 10
	fleetFlight = 64 // of all together
)

// remote compares workers that join over TLS with those in the process, by turns.
func (b *bench) remote(ctx context.Context) error {
	if err := b.latency(ctx, fleetMS); err != nil {
		return err
	}
	const jobs = 20_000
	var insides, outsides, ratios []float64
	for range 3 {
		inside, _, err := b.pipeline(ctx, fleetFlight, jobs)
		if err != nil {
			return err
		}
		outside, err := b.fleet(ctx, jobs)
		if err != nil {
			return err
		}
		insides, outsides, ratios = append(insides, inside), append(outsides, outside), append(ratios, outside/inside)
	}
	name := fmt.Sprintf("%d workers of %d, %d ms API", fleet, fleetFlight/fleet, fleetMS)
	fmt.Printf("\n%-28s %12.0f jobs/s, in the process %.0f: ratio %.2f (%.2f to %.2f)\n",
		name, median(outsides), median(insides), median(ratios), slices.Min(ratios), slices.Max(ratios))
	b.result["ratio "+name] = median(ratios)
	return b.latency(ctx, 0)
}

// fleet measures the workers that join.
func (b *bench) fleet(ctx context.Context, jobs int) (perSecond float64, err error) {
	var workers []*exec.Cmd
	defer func() {
		for _, w := range workers {
			_ = w.Process.Kill()
			_ = w.Wait()
		}
	}()
	perSecond, _, err = b.work(ctx, jobs, func(s *stage) (err error) {
		workers, err = s.join(ctx)
		return err
	})
	return perSecond, err
}

// join starts a pure coordinator and workers that join it.
func (s *stage) join(ctx context.Context) (workers []*exec.Cmd, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	file := filepath.Join(s.data, "w.join")
	command := exec.CommandContext(ctx, s.binary, "credentials", "worker", "--name", "w", "-o", file)
	command.Env = append(os.Environ(), "DATA_DIR="+s.data, "LISTEN="+address)
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("credentials: %w: %s", err, out)
	}
	if err := s.start("", "API_URL=", "LISTEN="+address, "CONCURRENCY=0"); err != nil {
		return nil, err
	}
	for range fleet {
		w := exec.Command(s.binary, "worker", "--join", file)
		w.Env = append(os.Environ(), "API_URL=http://"+s.api, "USER_TOKEN=t", "LOG_FORMAT=json", fmt.Sprint("CONCURRENCY=", fleetFlight/fleet))
		w.Dir = s.dir
		w.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := w.Start(); err != nil {
			return workers, err
		}
		workers = append(workers, w)
	}
	return workers, nil
}
