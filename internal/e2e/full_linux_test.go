package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// smallDisk puts the data directory on a file system of its own.
func (w *World) smallDisk(t *testing.T, size string) *ballast {
	t.Helper()
	dir := filepath.Join(w.Dir, "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("NOT TESTED: a full disk needs the right to mount a file system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w.Env["DATA_DIR"] = filepath.Join(dir, "data")
	w.Env["HTTP_LISTEN"] = freeAddress(t)
	return &ballast{t: t, path: filepath.Join(dir, "ballast")}
}

// ballast takes all room that is left on a file system.
type ballast struct {
	t    *testing.T
	path string
}

func (b *ballast) fill() {
	b.t.Helper()
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096} {
		for err = nil; err == nil; _, err = f.Write(make([]byte, size)) {
		}
		if !errors.Is(err, syscall.ENOSPC) {
			b.t.Fatal(err)
		}
	}
}

func (b *ballast) drop() {
	b.t.Helper()
	if err := os.Remove(b.path); err != nil {
		b.t.Fatal(err)
	}
}

// health waits until /healthz answers with a status and a text.
func (w *World) health(status int, text string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("/healthz to say %d %s", status, text), func() error {
		resp, err := http.Get("http://" + w.Env["HTTP_LISTEN"] + "/healthz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || !strings.Contains(string(body), text) {
			return fmt.Errorf("%d %s", resp.StatusCode, body)
		}
		return nil
	})
}

// committedIsOver fails when the commit has passed more messages than are over,
// within some looks.
func (w *World) committedIsOver(over func() int) {
	w.t.Helper()
	for range 20 {
		at, _, err := w.Kafka.Commit(w.t.Context(), "my-group", "observation", 0)
		if n := over(); err != nil || at > int64(n) {
			w.t.Fatalf("%d messages are committed, and %d are over: %v", at, n, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// padded is an update with a message of 50 KB.
func padded(ref string, i int) string {
	return fmt.Sprintf(`{"message_type":"update_applied_control","selector":{"ref_id":%q},"values":{"observation":"%d %s"}}`, ref, i, strings.Repeat("x", 50<<10))
}

func TestADiskThatIsFullWhileAppendingIsSaidAndNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	disk := w.smallDisk(t, "48m")
	foo := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	w.Produce(update("foo", "observation", "first"))
	w.Ended(1)
	w.Committed(0, 1)
	disk.fill()
	for i := range 40 {
		w.Produce(padded("foo", i))
	}
	p.Says("the store is full: reading stands still")
	w.health(http.StatusServiceUnavailable, "store_full")
	w.committedIsOver(func() int { return len(w.API.History("applied-controls", foo)) })
	disk.drop()
	p.Says("the store has room again")
	w.health(http.StatusOK, "ok")
	w.Ended(41)
	w.Committed(0, 41)
	w.inOrder(t, foo, 40)
	p.Stop()
}

// inOrder checks that the values 0 to n-1 were written to a control, once each.
func (w *World) inOrder(t *testing.T, control string, n int) {
	t.Helper()
	next := 0
	for _, c := range w.API.History("applied-controls", control) {
		value, _, _ := strings.Cut(fmt.Sprint(c.Fields["observation"]), " ")
		if i, err := strconv.Atoi(value); err == nil {
			if i != next {
				t.Errorf("%d was written after %d", i, next-1)
			}
			next = i + 1
		}
	}
	if next != n {
		t.Errorf("the last of %d values is %d", n, next-1)
	}
}

func TestADiskThatIsFullWhileTheLedgerCommitsIsSaidAndNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	disk := w.smallDisk(t, "48m")
	w.API.Down(true)
	p := w.Start("CONCURRENCY=4")
	const messages = 200
	for i := range messages { // they fail, and a failed job's message moves to the ledger
		w.Produce(padded(fmt.Sprint("nobody-", i), i))
	}
	w.Known(messages)
	disk.fill()
	w.API.Down(false)
	p.Says("ledger does not store")
	w.health(http.StatusServiceUnavailable, "ledger")
	w.committedIsOver(func() int { return len(w.Errors()) })
	if len(w.Errors()) == messages {
		t.Fatal("the disk was never full")
	}
	disk.drop()
	w.health(http.StatusOK, "ok")
	w.Ended(messages)
	w.Committed(0, messages)
	reported := make(map[any]int)
	for _, e := range w.Errors() {
		reported[e["job_id"]]++
	}
	if len(reported) != messages || len(w.Errors()) != messages {
		t.Errorf("%d of %d failures are reported, in %d records", len(reported), messages, len(w.Errors()))
	}
	p.Stop()
}

// TestADiskThatRefusesSyncsIsSaidAndNothingIsAcknowledged: writes reach the
// cache, and only the sync says that there is no room.
func TestADiskThatRefusesSyncsIsSaidAndNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Env["HTTP_LISTEN"] = freeAddress(t)
	foo := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	w.Produce(update("foo", "observation", "first"))
	w.Ended(1)
	w.Committed(0, 1)
	letGo := refuseSyncs(t, p.PID())
	for i := range 40 {
		w.Produce(padded("foo", i))
	}
	p.SaysAny("the store is full: reading stands still", "ledger does not store")
	w.health(http.StatusServiceUnavailable, "")
	w.committedIsOver(func() int { return len(w.API.History("applied-controls", foo)) })
	if at, _, _ := w.Kafka.Commit(t.Context(), "my-group", "observation", 0); at > 20 {
		t.Errorf("%d are committed while nothing can be synced", at)
	}
	letGo()
	w.health(http.StatusOK, "ok")
	w.Ended(41)
	w.Committed(0, 41)
	w.inOrder(t, foo, 40)
	p.Stop()
}

// refuseSyncs has every sync of a process fail with ENOSPC until it is let go.
func refuseSyncs(t *testing.T, pid int) (letGo func()) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("REAL") == "require" {
			t.Fatal("strace is required: ", err)
		}
		t.Skip("NOT TESTED: strace is not here")
	}
	var said bytes.Buffer
	strace := exec.Command("strace", "-f", "-p", strconv.Itoa(pid), "-o", filepath.Join(t.TempDir(), "trace"),
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=ENOSPC")
	strace.Stderr = &said
	if err := strace.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- strace.Wait() }()
	traced := func() bool {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return !strings.Contains(string(status), "TracerPid:\t0\n")
	}
	for end := time.Now().Add(patience); !traced(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			t.Skipf("NOT TESTED: strace may not trace here: %s", said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatal("strace does not attach")
		}
	}
	letGo = func() {
		_ = strace.Process.Signal(syscall.SIGINT)
		<-ended
	}
	t.Cleanup(func() { _ = strace.Process.Kill() })
	return letGo
}
