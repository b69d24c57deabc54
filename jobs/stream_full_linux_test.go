package jobs_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/embed"
)

// onSmallDisk runs the calling test again in a process of its own, on a file
// system of that size, and returns "" then. In that process it returns the
// directory of the file system.
func onSmallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	const variable = "JOBS_SMALL_DISK"
	if dir = os.Getenv(variable); dir != "" {
		resize(t, dir, 0, size)
		return dir
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("no user namespaces here: %s", err)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Fatalf("%v\n%s", err, out)
	}
	return ""
}

func resize(t *testing.T, dir string, flags uintptr, size string) {
	t.Helper()
	if err := syscall.Mount("none", dir, "tmpfs", flags, "size="+size); err != nil {
		t.Fatalf("file system of %s: %s", size, err)
	}
}

// fill appends batches until JOBS takes no more.
func fill(t *testing.T, s *jobs.Stream, batch int) (offset int, after uint64, err error) {
	t.Helper()
	for offset = 0; offset < 10000; offset += batch {
		seqs, err := s.Append(t.Context(), part, envelopes(offset, batch, 100<<10), after)
		if err != nil {
			return offset, after, err
		}
		after = seqs[batch-1]
	}
	t.Fatal("it never was full")
	return
}

func testFullDisk(t *testing.T, batch int) {
	dir := onSmallDisk(t, "24m")
	if dir == "" {
		return
	}
	server, err := embed.Start(embed.Config{StoreDir: filepath.Join(dir, "nats"), AccessFile: filepath.Join(dir, "access")})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	stream, err := jobs.OpenStream(t.Context(), server.Conn, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	stream.SetPatience(500 * time.Millisecond)
	next, after, err := fill(t, stream, batch)
	if !errors.Is(err, jobs.ErrStoreFull) || errors.Is(err, jobs.ErrLimit) || stream.Stuck() == nil {
		t.Fatalf("full: %v, stuck: %v", err, stream.Stuck())
	}

	// What was not synced is shown by the server: nothing of it may be believed.
	for name, err := range map[string]error{
		"append": func() error { _, err := stream.Append(t.Context(), part, envelopes(next, 1, 1), after); return err }(),
		"last":   func() error { _, _, _, err := stream.Last(t.Context(), part); return err }(),
		"scan":   stream.Scan(t.Context(), 1, func(uint64, jobs.Envelope) error { return nil }),
	} {
		if !errors.Is(err, jobs.ErrStoreFull) {
			t.Errorf("%s on a stream that cannot be written: %v", name, err)
		}
	}
	if e, err := stream.Get(t.Context(), 1); err != nil || e.Offset != 0 {
		t.Errorf("what was stored before cannot be read: %v", err)
	}

	// Still no room: it starts, and says the same.
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if seq, _, _, err := stream.Last(t.Context(), part); err == nil && seq != after {
		t.Errorf("the last is said to be %d, acknowledged was %d", seq, after)
	}
	if _, err := jobs.OpenStream(t.Context(), server.Conn, 1<<30); err != nil {
		t.Errorf("opened by a new process: %v", err)
	}
	if _, err := stream.Append(t.Context(), part, envelopes(next, 10, 100<<10), after); err == nil {
		t.Error("a full disk takes a megabyte")
	}

	resize(t, dir, syscall.MS_REMOUNT, "64m")
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	stream.SetPatience(10 * time.Second) // it answers again, be it slowly
	goOn(t, stream, next, after)
}

// goOn does what ingest does after a restart: reads what is there, and appends
// behind it.
func goOn(t *testing.T, stream *jobs.Stream, next int, after uint64) {
	t.Helper()
	last, e, ok, err := stream.Last(t.Context(), part)
	if err != nil || !ok || last < after || int(e.Offset) < next-1 {
		t.Fatalf("acknowledged up to %d at %d; the last is %d at %d, %v", next-1, after, e.Offset, last, err)
	}
	if _, err := stream.Append(t.Context(), part, envelopes(int(e.Offset)+1, 10, 100), last); err != nil {
		t.Fatalf("append when there is room again: %v", err)
	}
	for i, offset := range scan(t, stream, 1) {
		if offset != int64(i) {
			t.Fatalf("record %d has offset %d", i, offset)
		}
	}
}

func TestAFullDiskIsSaidAndLosesNothing(t *testing.T)         { testFullDisk(t, 10) }
func TestAFullDiskIsSaidAndLosesNothingOneByOne(t *testing.T) { testFullDisk(t, 1) }
