// Package e2e runs the real binary against stand-ins, or real parts, and asks
// from outside whether it kept its promises.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakekafka"
	"dispatcher/internal/fakes3"
	"dispatcher/internal/kafkatest"
	"dispatcher/internal/stage"
)

// patience bounds every wait of these tests. A machine that does other work as
// well may need most of it: how long a thing takes is proven elsewhere.
const patience = 90 * time.Second

// scratch is where things are built that all tests use; TestMain removes it.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "dispatcher-e2e-") })

// binary builds the dispatcher once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	return stage.Build(dir, "crashpoints")
})

// World is everything around the dispatcher.
type World struct {
	t       testing.TB
	API     *fakeciso.Server
	Base    string // of the API
	Kafka   *kafkatest.Kafka
	Cluster *fakekafka.Cluster // the embedded broker; nil on a real one
	S3      *fakes3.Server
	Dir     string            // of this world: data directory and files
	Env     map[string]string // of every process
}

// NewWorld starts stand-ins with the topics observation and errors.
func NewWorld(t testing.TB, partitions int32, api fakeciso.Config) *World {
	t.Helper()
	cluster, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": partitions, "errors": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := worldOn(t, kafkatest.Connect(cluster.Addr, nil), api)
	w.Cluster = cluster
	return w
}

// worldOn starts the other stand-ins around a Kafka.
func worldOn(t testing.TB, k *kafkatest.Kafka, api fakeciso.Config) *World {
	t.Helper()
	w := &World{t: t, API: fakeciso.New(api), Kafka: k, Dir: t.TempDir()}
	t.Cleanup(func() { _ = k.Close() })
	var err error
	if w.Base, err = w.API.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.API.Close() })
	if w.S3, err = fakes3.Start("bucket"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.S3.Close)
	w.Env = map[string]string{
		"API_URL": w.Base, "USER_TOKEN": "admin-token", "BOOTSTRAP_SERVERS": k.Addr, "S3_URL": w.S3.URL,
		"S3_ACCESS_KEY": fakes3.AccessKey, "S3_SECRET_KEY": fakes3.SecretKey, "DATA_DIR": filepath.Join(w.Dir, "data"),
		"HTTP_LISTEN": "off", "RETRY_BASE": "20ms", "RETRY_CAP": "200ms", "API_WRITE_QUARANTINE": "500ms", "KAFKA_SESSION_TIMEOUT": "6s",
		"API_TIMEOUT": "3s", "GRACE": "5s", "PATH": os.Getenv("PATH"), "HOME": w.Dir,
	}
	return w
}

// Process is a running dispatcher.
type Process struct {
	*stage.Process
	t   testing.TB
	out *stage.Log
	log *stage.Log
}

// Start runs `dispatcher run` with more environment ("A=b") or flags ("--x").
func (w *World) Start(more ...string) *Process {
	w.t.Helper()
	c := w.command("run")
	for _, m := range more {
		if name, value, ok := strings.Cut(m, "="); ok && !strings.HasPrefix(m, "-") {
			c.Env[name] = value
		} else {
			c.Args = append(c.Args, m)
		}
	}
	return w.follow(stage.Start(c))
}

// launch runs a command that ends when it is told to.
func (w *World) launch(args ...string) *Process {
	w.t.Helper()
	return w.follow(stage.Start(w.command(args...)))
}

// follow looks after a process that was started.
func (w *World) follow(started *stage.Process, err error) *Process {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	p := &Process{Process: started, t: w.t, out: started.Out, log: started.Log}
	w.t.Cleanup(func() {
		p.Kill()
		if w.t.Failed() {
			w.t.Logf("log of the dispatcher:\n%s", p.log)
		}
	})
	return p
}

// command is the binary with this world's environment.
func (w *World) command(args ...string) stage.Command {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	return stage.Command{Path: path, Args: args, Env: maps.Clone(w.Env), Dir: w.Dir}
}

// Exit waits for the end and returns the exit code.
func (p *Process) Exit() int {
	p.t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		p.t.Fatalf("the dispatcher does not end:\n%s", p.log)
	}
	return p.Code()
}

// Stop ends the process with SIGTERM, which must be clean.
func (p *Process) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 0 {
		p.t.Fatalf("exit code %d after SIGTERM:\n%s", code, p.log)
	}
}

// Says waits until the log has a text.
func (p *Process) Says(text string) {
	p.t.Helper()
	p.SaysAny(text)
}

// Prints waits until the output has texts.
func (p *Process) Prints(texts ...string) {
	p.t.Helper()
	eventually(p.t, "the output to be "+strings.Join(texts, " and "), func() error {
		out := p.out.String()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				return fmt.Errorf("it is %s", out)
			}
		}
		return nil
	})
}

// SaysAny waits until the log has one of some texts, and returns that.
func (p *Process) SaysAny(texts ...string) (said string) {
	p.t.Helper()
	eventually(p.t, "the log to say "+strings.Join(texts, " or "), func() error {
		log := p.log.String()
		for _, text := range texts {
			if strings.Contains(log, text) {
				said = text
				return nil
			}
		}
		return errors.New("it does not")
	})
	return said
}

// Run runs a command to its end.
func (w *World) Run(args ...string) (stdout, stderr string, code int) {
	return w.RunWith(nil, "", args...)
}

// RunWith runs a command with other environment and input.
func (w *World) RunWith(env map[string]string, stdin string, args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := w.command(args...)
	maps.Copy(c.Env, env)
	stdout, stderr, code, err := stage.Run(ctx, c, stdin)
	if err != nil {
		w.t.Fatal(err)
	}
	return stdout, stderr, code
}

// Produce sends messages to the topic observation; values are JSON texts.
func (w *World) Produce(values ...string) {
	w.t.Helper()
	var messages []kafka.Message
	for _, v := range values {
		messages = append(messages, kafka.Message{Topic: "observation", Value: []byte(v)})
	}
	w.Send(messages...)
}

// Send sends records.
func (w *World) Send(messages ...kafka.Message) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.Kafka.Produce(ctx, messages...); err != nil {
		w.t.Fatal(err)
	}
}

// Errors returns the values on the errors topic, read as JSON.
func (w *World) Errors() (list []map[string]any) {
	w.t.Helper()
	for _, m := range w.records("errors") {
		var v map[string]any
		if err := json.Unmarshal(m.Value, &v); err != nil {
			w.t.Fatalf("error record %q: %v", m.Value, err)
		}
		list = append(list, v)
	}
	return list
}

func (w *World) records(topic string) []kafka.Message {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list, err := w.Kafka.Records(ctx, topic)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// Jobs returns `jobs list --json --limit 0`, by id.
func (w *World) Jobs() map[string]map[string]any {
	w.t.Helper()
	stdout, stderr, code := w.Run("jobs", "list", "--json", "--limit", "0")
	if code != 0 {
		w.t.Fatalf("jobs list: exit %d: %s", code, stderr)
	}
	list := make(map[string]map[string]any)
	for line := range strings.Lines(stdout) {
		var job map[string]any
		if err := json.Unmarshal([]byte(line), &job); err != nil {
			w.t.Fatalf("jobs list: %q: %v", line, err)
		}
		list[job["id"].(string)] = job
	}
	return list
}

// Known waits until n messages are jobs, in whatever state.
func (w *World) Known(n int) {
	w.t.Helper()
	w.counted(fmt.Sprintf("%d messages to be jobs", n), n,
		"queued", "running", "retrying", "succeeded", "failed", "canceled", "released")
}

// Ended waits until n jobs have ended and returns all.
func (w *World) Ended(n int) (jobs map[string]map[string]any) {
	w.t.Helper()
	w.counted(fmt.Sprintf("%d jobs to end", n), n, "succeeded", "failed", "canceled", "released")
	return w.Jobs()
}

// counted waits until n jobs are in some states; the store need not be there yet.
func (w *World) counted(what string, n int, states ...string) {
	w.t.Helper()
	eventually(w.t, what, func() error {
		stdout, stderr, code := w.Run("jobs", "stats", "--json")
		var stats struct{ States map[string]int }
		if code != 0 || json.Unmarshal([]byte(stdout), &stats) != nil {
			return fmt.Errorf("jobs stats: exit %d: %s", code, stderr)
		}
		sum := 0
		for _, state := range states {
			sum += stats.States[state]
		}
		if sum < n {
			return fmt.Errorf("%v", stats.States)
		}
		return nil
	})
}

// Committed waits until the group's commit is at an offset.
func (w *World) Committed(partition int, offset int64) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("the commit to be %d", offset), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		got, metadata, err := w.Kafka.Commit(ctx, "my-group", "observation", partition)
		if err != nil || got != offset {
			return fmt.Errorf("it is %d %q: %v", got, metadata, err)
		}
		return nil
	})
}

// eventually polls until check is satisfied.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %v", patience, what, err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks, not for luck
	}
}

// update is a message that updates an applied control.
func update(ref, field, value string) string {
	return fmt.Sprintf(`{"message_type":"update_applied_control","selector":{"ref_id":%q},"values":{%q:%q}}`, ref, field, value)
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
