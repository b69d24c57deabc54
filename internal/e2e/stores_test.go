package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/stage"
)

// damage is what may happen to a data directory while nothing runs on it. older
// is a copy of it from before.
type damage func(t *testing.T, dir, older string)

var jobsFolder = filepath.Join("jobs", "jetstream", "$G", "streams", "JOBS")

func block(dir string) string { return filepath.Join(dir, jobsFolder, "msgs", "1.blk") }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cutEnd takes bytes away from the end of a file.
func cutEnd(t *testing.T, path string, bytes int64) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	must(t, os.Truncate(path, info.Size()-bytes))
}

// flipEach flips a bit of every nth byte of a file, from an offset on.
func flipEach(t *testing.T, path string, from, n int) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	for at := from; at < len(content); at += n {
		content[at] ^= 0x40
	}
	must(t, os.WriteFile(path, content, 0o600))
}

// replace puts the older copy of a file or folder in its place.
func replace(t *testing.T, dir, older, name string) {
	t.Helper()
	must(t, os.RemoveAll(filepath.Join(dir, name)))
	if out, err := exec.Command("cp", "-a", filepath.Join(older, name), filepath.Join(dir, name)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestADamagedStoreIsMendedOrRefusedAndNothingIsLost: whatever happens to the
// data directory, the start says in one line what is lost and what to do, or
// mends it; and then every message ends as it must.
func TestADamagedStoreIsMendedOrRefusedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]damage{
		"JOBS torn at its end":  func(t *testing.T, dir, _ string) { cutEnd(t, block(dir), 300) },
		"JOBS cut":              func(t *testing.T, dir, _ string) { cutEnd(t, block(dir), 5_000) },
		"JOBS deleted":          func(t *testing.T, dir, _ string) { must(t, os.RemoveAll(filepath.Join(dir, "jobs"))) },
		"JOBS older":            func(t *testing.T, dir, older string) { replace(t, dir, older, "jobs") },
		"ledger deleted":        func(t *testing.T, dir, _ string) { must(t, os.Remove(filepath.Join(dir, "ledger.db"))) },
		"ledger older":          func(t *testing.T, dir, older string) { replace(t, dir, older, "ledger.db") },
		"ledger cut":            func(t *testing.T, dir, _ string) { cutEnd(t, filepath.Join(dir, "ledger.db"), 40_000) },
		"ledger bits, few":      func(t *testing.T, dir, _ string) { flipEach(t, filepath.Join(dir, "ledger.db"), 30_000, 20_000) },
		"ledger bits, other":    func(t *testing.T, dir, _ string) { flipEach(t, filepath.Join(dir, "ledger.db"), 21_003, 9_007) },
		"ledger bits, many":     func(t *testing.T, dir, _ string) { flipEach(t, filepath.Join(dir, "ledger.db"), 9_000, 700) },
		"ledger bits, its meta": func(t *testing.T, dir, _ string) { flipEach(t, filepath.Join(dir, "ledger.db"), 40, 4096) },
		"whole directory older": func(t *testing.T, dir, older string) {
			replace(t, dir, older, "ledger.db")
			replace(t, dir, older, "jobs")
		},
		"slots filled with nonsense": func(t *testing.T, dir, _ string) { flipEach(t, filepath.Join(dir, "slots"), 0, 8) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			harmed(t, harm, strings.HasPrefix(name, "JOBS ") && !strings.HasSuffix(name, "deleted") || strings.HasPrefix(name, "slots"))
		})
	}
}

// Of each control: rounds 0 to 3 were done before the copy was made, 4 to 6
// after it, 7 to 9 are unfinished.
const copied, done, rounds, harmedControls = 4, 7, 10, 8

func harmed(t *testing.T, harm damage, crash bool) {
	w := NewWorld(t, 1, fakeciso.Config{})
	dir, older := w.Env["DATA_DIR"], filepath.Join(w.Dir, "older")
	var ids []string
	for i := range harmedControls {
		ids = append(ids, w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint("C", i)}))
	}
	send := func(from, to int) (n int) {
		for round := from; round < to; round++ {
			var values []string
			for i := range ids {
				values = append(values, update(fmt.Sprint("c", i), "observation", fmt.Sprint(round)))
			}
			w.Produce(append(values, update("nobody", "observation", fmt.Sprint(round)))...)
		}
		return to * (harmedControls + 1)
	}
	p := w.Start()
	n := send(0, copied)
	w.Ended(n)
	w.Committed(0, int64(n))
	p.Stop()
	if out, err := exec.Command("cp", "-a", dir, older).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p = w.Start()
	n = send(copied, done)
	w.Ended(n)
	w.Committed(0, int64(n))
	w.API.Down(true)
	n = send(done, rounds)
	w.Known(n)
	if crash {
		p.Kill()
	} else {
		p.Stop()
	}
	harm(t, dir, older)
	w.API.Down(false)
	p = w.startOrRebuild(t)
	eventually(t, "all messages to end", func() error {
		for i, id := range ids {
			if got := lastValue(w, id); got != fmt.Sprint(rounds-1) {
				return fmt.Errorf("c%d ends with %s", i, got)
			}
		}
		return nil
	})
	w.Committed(0, int64(n))
	w.allWritten(t, ids)
	reported := make(map[any]bool)
	for _, e := range w.Errors() {
		reported[e["job_id"]] = true
	}
	if len(reported) != rounds {
		t.Errorf("%d of %d failures are reported", len(reported), rounds)
	}
	if _, stderr, code := w.Run("jobs", "list", "--json", "--limit", "0"); code != 0 { // of the history only, and the log has said so
		if !strings.Contains(stderr, "--rebuild") {
			t.Errorf("exit %d: %s", code, stderr)
		}
		p.Says("the history of ended jobs cannot be listed")
		return
	}
	for id, job := range w.Jobs() {
		if state := job["state"]; state != "succeeded" && state != "failed" && state != "released" {
			t.Errorf("%s is %s", id, state)
		}
	}
}

// startOrRebuild starts the dispatcher; when it refuses, it must say so in one
// line that leads to --rebuild, which then must do.
func (w *World) startOrRebuild(t *testing.T) *Process {
	t.Helper()
	p := w.Start()
	eventually(t, "the process to work or to end", func() error {
		select {
		case <-p.Done():
			return nil
		default:
		}
		if !p.log.Has("active: working") {
			return errors.New("neither")
		}
		return nil
	})
	if p.log.Has("active: working") {
		return p
	}
	code := p.Exit()
	if p.log.Has("go.etcd.io/bbolt") { // a page that leads out of the file is a fault that nobody can catch
		t.Log("the ledger's library has ended the process")
		p = w.Start("--rebuild")
		p.Says("active: working")
		return p
	}
	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	if last := lines[len(lines)-1]; code == 0 || !strings.Contains(last, "--rebuild") {
		t.Errorf("exit %d without the remedy: %s", code, last)
	}
	p = w.Start("--rebuild")
	p.Says("active: working")
	return p
}

func lastValue(w *World, id string) string {
	history := w.API.History("applied-controls", id)
	if len(history) == 0 {
		return "nothing"
	}
	return fmt.Sprint(history[len(history)-1].Fields["observation"])
}

// allWritten checks that each value was written, and none of what was committed
// again.
func (w *World) allWritten(t *testing.T, ids []string) {
	t.Helper()
	for i, id := range ids {
		times := make(map[string]int)
		for _, c := range w.API.History("applied-controls", id) {
			times[fmt.Sprint(c.Fields["observation"])]++
		}
		for round := range rounds {
			if n := times[fmt.Sprint(round)]; n == 0 || round < done && n > 1 {
				t.Errorf("c%d: value %d was written %d times", i, round, n)
			}
		}
	}
}

// TestAStoreThatMayNotBeReadIsRefusedWithTheRemedy: after a chmod, or a start as
// another user.
func TestAStoreThatMayNotBeReadIsRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	var command []string // root may read everything, unless it gives that up
	if os.Getuid() == 0 {
		path, err := exec.LookPath("setpriv")
		if err != nil {
			t.Skip("NOT TESTED: root cannot give up its rights without setpriv")
		}
		command = []string{path, "--bounding-set=-dac_override,-dac_read_search"}
	}
	w := NewWorld(t, 1, fakeciso.Config{})
	foo := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	w.Produce(update("foo", "observation", "0"))
	w.Ended(1)
	w.API.Down(true)
	w.Produce(update("foo", "observation", "1"))
	w.Known(2)
	p.Stop()
	for _, name := range []string{"ledger.db", "jobs", filepath.Join(jobsFolder, "msgs", "1.blk"), filepath.Join(jobsFolder, "meta.inf"), "slots"} {
		path := filepath.Join(w.Env["DATA_DIR"], name)
		info, err := os.Stat(path)
		must(t, err)
		must(t, os.Chmod(path, 0))
		c := w.command("run")
		if command != nil {
			c.Path, c.Args = command[0], append(append(command[1:len(command):len(command)], c.Path), c.Args...)
		}
		p := w.follow(stage.Start(c))
		if code := p.Exit(); code == 0 || !strings.Contains(p.log.String(), "owner") || strings.Count(strings.TrimSpace(p.log.String()), "\n") > 0 {
			t.Errorf("%s: exit %d: %s", name, code, p.log)
		}
		must(t, os.Chmod(path, info.Mode()))
	}
	w.API.Down(false)
	w.Start()
	w.Ended(2)
	if got := lastValue(w, foo); got != "1" {
		t.Errorf("it ends with %s", got)
	}
}
