// Command bench measures the dispatcher against a bare loop that sends the same
// requests over the standard transport, in one run on one machine: ratios, not
// absolute figures, are what to compare.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakekafka"
	"dispatcher/internal/kafkatest"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "stub" {
		l, err := net.Listen("tcp", os.Args[2])
		if err != nil {
			fail(err)
		}
		(&stub{}).serve(l)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	b, err := newBench(ctx)
	if err == nil {
		err = b.run(ctx)
	}
	b.close()
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// bench is everything around the dispatcher that is measured.
type bench struct {
	dir, binary string
	api         string // host:port of the stub
	http        *http.Client
	cleanup     []func()
	result      map[string]float64
	short       bool // a look that a change can afford, in place of the figures
}

func newBench(ctx context.Context) (b *bench, err error) {
	b = &bench{result: make(map[string]float64), short: os.Getenv("SHORT") != ""}
	if b.dir, err = os.MkdirTemp("", "dispatcher-bench-"); err != nil {
		return b, err
	}
	b.cleanup = append(b.cleanup, func() { _ = os.RemoveAll(b.dir) })
	b.binary = filepath.Join(b.dir, "dispatcher")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return b, fmt.Errorf("build: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return b, err
	}
	b.api = l.Addr().String()
	_ = l.Close()
	own, err := os.Executable()
	if err != nil {
		return b, err
	}
	server := exec.Command(own, "stub", b.api)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		return b, err
	}
	b.cleanup = append(b.cleanup, func() { _ = server.Process.Kill(); _ = server.Wait() })
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 256
	b.http = &http.Client{Transport: transport}
	return b, b.wait(ctx, func() bool { _, err := b.count(ctx); return err == nil })
}

func (b *bench) close() {
	for i := len(b.cleanup) - 1; i >= 0; i-- {
		b.cleanup[i]()
	}
}

func (b *bench) wait(ctx context.Context, done func() bool) error {
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// counted is what the stub has seen.
type counted struct{ Patches, Last int64 }

func (b *bench) count(ctx context.Context) (c counted, err error) {
	return c, b.get(ctx, "/control/count", &c)
}

func (b *bench) latency(ctx context.Context, ms int) error {
	return b.get(ctx, fmt.Sprint("/control/latency/", ms), nil)
}

func (b *bench) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.api+path, nil)
	if err != nil {
		return err
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// stage is a broker with messages, and a dispatcher on it.
type stage struct {
	*bench
	broker *fakekafka.Cluster
	kafka  *kafkatest.Kafka
	data   string
	cmd    *exec.Cmd
}

func (b *bench) stage(ctx context.Context, messages, size int) (*stage, error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	broker, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1, "errors": 1}, MaxMessage: 17 << 20})
	if err != nil {
		return nil, err
	}
	s := &stage{bench: b, broker: broker, kafka: kafkatest.Connect(broker.Addr, nil), data: data}
	return s, s.produce(ctx, messages, size)
}

func (s *stage) produce(ctx context.Context, messages, size int) error {
	for from := 0; from < messages; from += 1000 {
		var batch []kafka.Message
		for i := from; i < min(from+1000, messages); i++ {
			batch = append(batch, kafka.Message{Topic: "observation", Value: message(i, size)})
		}
		if err := s.kafka.Produce(ctx, batch...); err != nil {
			return err
		}
	}
	return nil
}

// message updates control i and has about size bytes.
func message(i, size int) []byte {
	head := fmt.Sprintf(`{"message_type":"update_applied_control","selector":{"ref_id":"AC-%d"},"values":{"observation":"`, i)
	pad := make([]byte, max(1, size-len(head)-3))
	for j := range pad {
		pad[j] = 'x'
	}
	return append(append([]byte(head), pad...), `"}}`...)
}

func (s *stage) start(api string, more ...string) error {
	s.cmd = exec.Command(s.binary, "run")
	s.cmd.Env = append(append(os.Environ(), "API_URL=http://"+api, "USER_TOKEN=t", "BOOTSTRAP_SERVERS="+s.broker.Addr, "DATA_DIR="+s.data,
		"HTTP_LISTEN=off", "LOG_FORMAT=json"), more...)
	s.cmd.Dir = s.dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return s.cmd.Start()
}

func (s *stage) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *stage) close() {
	s.kill()
	_ = s.kafka.Close()
	s.broker.Close()
}

// cursor is how far the dispatcher has taken messages.
func (s *stage) cursor(ctx context.Context) int64 {
	cmd := exec.CommandContext(ctx, s.binary, "jobs", "stats", "--json")
	cmd.Env = append(os.Environ(), "DATA_DIR="+s.data)
	out, err := cmd.Output()
	var stats struct{ Ingest []struct{ Cursor int64 } }
	if err != nil || json.Unmarshal(out, &stats) != nil || len(stats.Ingest) == 0 {
		return 0
	}
	return stats.Ingest[0].Cursor
}

func (b *bench) run(ctx context.Context) error {
	fmt.Printf("%s, %d cores, %s\n", runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
		when    when
	}{
		{"pipeline", b.pipelines, always}, {"ingest", b.ingest, always}, {"idle", b.idle, always},
		{"workers", b.remote, inFull}, {"many", b.many, inFull},
		{"crowd", b.crowd, inFull}, {"files", b.files, inFull}, {"backlog", b.backlog, onRequest}, {"history", b.history, onRequest},
	} {
		if only := os.Getenv("BENCH_ONLY"); only == part.name || only == "" && (part.when == always || part.when == inFull && !b.short) {
			if err := part.measure(ctx); err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	b.compare()
	return b.save()
}

// when a part is measured.
type when int

const (
	always when = iota
	inFull
	onRequest // it takes minutes
)
