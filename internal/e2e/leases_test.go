package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// crowd is a world with a coordinator, two workers and controls c0, c1, …
func crowd(t *testing.T, controls int) (w *World, run, w1, w2 *Process) {
	t.Helper()
	w = NewWorld(t, 1, fakeciso.Config{})
	for i := range controls {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint("c", i), "category": "policy"})
	}
	w.Listen()
	run = w.Start()
	run.Says("active: working")
	j1, j2 := w.Join("worker", "w1"), w.Join("worker", "w2")
	w1, w2 = w.Worker(j1), w.Worker(j2)
	w1.Says("CISO Assistant answers")
	w2.Says("CISO Assistant answers")
	return w, run, w1, w2
}

// slowWrites makes writes take a while, so that they can be interrupted.
func (w *World) slowWrites(d time.Duration) {
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", Path: regexp.MustCompile("applied-controls"), Times: -1, Kind: fakeciso.Slow, Delay: d})
}

// holder waits until a job runs, and tells at which of the workers.
func (w *World) holder(id string) (credential string) {
	w.t.Helper()
	eventually(w.t, id+" to run", func() error {
		job := w.Jobs()[id]
		if job == nil || job["state"] != "running" {
			return fmt.Errorf("it is %v", job)
		}
		credential, _, _ = strings.Cut(job["worker"].(string), "@")
		return nil
	})
	return credential
}

func (w *World) show(id string) (detail struct {
	Attempts int
	State    string
	Worker   string
	Steps    []struct{ Name, State string }
}) {
	w.t.Helper()
	stdout, stderr, code := w.Run("jobs", "show", id, "--json")
	if code != 0 {
		w.t.Fatalf("jobs show: exit %d: %s", code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &detail); err != nil {
		w.t.Fatal(err)
	}
	return detail
}

// writes returns the writes of a job, by object.
func (w *World) writes(id string) map[string]int {
	n := make(map[string]int)
	for _, e := range w.API.Journal() {
		if e.Job == id {
			for _, object := range e.Written {
				n[object]++
			}
		}
	}
	return n
}

const many = `{"message_type":"update_applied_control","selector":{"category":"policy","target":"multiple"},"values":{"observation":"by all"}}`

// TestAWorkerThatIsKilledLosesItsJobWhichAnotherResumesAtItsStep: objects that were
// written and recorded are not written again.
func TestAWorkerThatIsKilledLosesItsJobWhichAnotherResumesAtItsStep(t *testing.T) {
	t.Parallel()
	w, _, w1, w2 := crowd(t, 12)
	w.slowWrites(300 * time.Millisecond)
	w.Produce(many, update("c0", "observation", "after"))
	first := w.holder("observation-0-0")
	eventually(t, "some objects to be written", func() error {
		if n := len(w.writes("observation-0-0")); n < 4 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	victim := map[string]*Process{"w1": w1, "w2": w2}[first]
	victim.Kill()
	w.API.ClearFaults()
	w.Ended(2)
	after := w.show("observation-0-0")
	if after.State != "succeeded" || strings.HasPrefix(after.Worker, first+"@") {
		t.Errorf("it was %s by %s, and before by %s", after.State, after.Worker, first)
	}
	twice := 0
	for object, n := range w.writes("observation-0-0") {
		if n > 1 {
			twice++
			t.Logf("%s was written %d times", object, n)
		}
	}
	if len(w.writes("observation-0-0")) != 12 || twice > 2 {
		t.Errorf("%d objects were written, %d of them twice", len(w.writes("observation-0-0")), twice)
	}
	inOrder(t, w)
}

// inOrder checks that no two jobs wrote one object at the same time.
func inOrder(t *testing.T, w *World) {
	t.Helper()
	last := make(map[string]fakeciso.Entry)
	for _, e := range w.API.Journal() {
		for _, object := range e.Written {
			if before, ok := last[object]; ok && before.Job != e.Job && e.Start.Before(before.End) {
				t.Errorf("%s was written by %s and %s at the same time", object, before.Job, e.Job)
			}
			last[object] = e
		}
	}
}

// TestAWorkerThatWasStoppedSendsNothingWhenItWakes: its job went to another.
func TestAWorkerThatWasStoppedSendsNothingWhenItWakes(t *testing.T) {
	t.Parallel()
	w, _, w1, w2 := crowd(t, 12)
	w.slowWrites(200 * time.Millisecond)
	w.Produce(many)
	first := w.holder("observation-0-0")
	eventually(t, "an object to be written", func() error {
		if len(w.writes("observation-0-0")) < 2 {
			return errors.New("it is not")
		}
		return nil
	})
	victim := map[string]*Process{"w1": w1, "w2": w2}[first]
	victim.Signal(syscall.SIGSTOP)
	w.Ended(1)
	sent := len(w.API.Journal())
	victim.Signal(syscall.SIGCONT)
	victim.SaysAny("an outcome is not taken", "it is tried again")
	for _, e := range w.API.Journal()[sent:] {
		if e.Job == "observation-0-0" {
			t.Errorf("it sent %s %s after it had lost the job", e.Method, e.Path)
		}
	}
	// It works on as before.
	w.API.ClearFaults()
	w.Produce(update("c1", "observation", "x"), update("c2", "observation", "y"), update("c3", "observation", "z"))
	for id, job := range w.Ended(4) {
		if job["state"] != "succeeded" {
			t.Errorf("%s: %v", id, job)
		}
	}
	inOrder(t, w)
}

// TestARestartOfRunLosesNoOutcomeOfAWorker: what was in hand goes on, is reported
// to the new process, and is not carried out again.
func TestARestartOfRunLosesNoOutcomeOfAWorker(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*Process){
		"kill": func(p *Process) { p.Kill() },
		"stop": func(p *Process) { p.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, run, w1, w2 := crowd(t, 4)
			w.slowWrites(700 * time.Millisecond)
			w.Produce(update("c0", "observation", "a"), update("c1", "observation", "b"), update("c2", "observation", "c"))
			eventually(t, "a write to begin", func() error {
				if w.API.Count("PATCH", "/api/applied-controls") < 3 {
					return errors.New("it has not")
				}
				return nil
			})
			stop(run)
			w.Start().Says("active: working")
			w.Produce(update("c3", "observation", "d"))
			for id, job := range w.Ended(4) {
				if job["state"] != "succeeded" || job["attempts"] != 1.0 {
					t.Errorf("%s: %v", id, job)
				}
				for object, n := range w.writes(id) {
					if n > 1 {
						t.Errorf("%s wrote %s %d times", id, object, n)
					}
				}
			}
			w1.Stop()
			w2.Stop()
		})
	}
}

// TestAWorkerThatIsToldToEndGivesBackWithoutAnAttempt, after it has let requests
// end that were on the way.
func TestAWorkerThatIsToldToEndGivesBackWithoutAnAttempt(t *testing.T) {
	t.Parallel()
	w, _, w1, w2 := crowd(t, 30)
	w.slowWrites(400 * time.Millisecond)
	w.Produce(many)
	first := w.holder("observation-0-0")
	victim := map[string]*Process{"w1": w1, "w2": w2}[first]
	eventually(t, "an object to be written", func() error {
		if len(w.writes("observation-0-0")) < 1 {
			return errors.New("it is not")
		}
		return nil
	})
	victim.Stop()
	w.API.ClearFaults()
	w.Ended(1)
	if after := w.show("observation-0-0"); after.State != "succeeded" || after.Attempts != 1 || strings.HasPrefix(after.Worker, first+"@") {
		t.Errorf("%+v", after)
	}
	total := 0
	for _, n := range w.writes("observation-0-0") {
		total += n
	}
	if total > 31 { // the request that the end of the grace cut off comes again
		t.Errorf("30 objects were written %d times", total)
	}
}

// TestARevokedWorkerIsCutOffAtOnce, and one with another dispatcher's key or CA
// never comes in.
func TestARevokedWorkerIsCutOffAtOnce(t *testing.T) {
	t.Parallel()
	w, run, w1, w2 := crowd(t, 4)
	w2.Stop()
	if stdout, _, _ := w.Run("credentials", "list"); !strings.Contains(stdout, "w1") || regexp.MustCompile(`\bSU`).MatchString(stdout) {
		t.Errorf("credentials list prints %s", stdout)
	}
	if _, stderr, code := w.Run("credentials", "revoke", "w1"); code != 0 {
		t.Fatalf("revoke: %s", stderr)
	}
	w1.Says("this key is refused")
	run.Says("its credential was revoked")
	w.Produce(update("c0", "observation", "a"))
	w.Known(1)
	if job := w.Jobs()["observation-0-0"]; job["state"] != "queued" {
		t.Errorf("it is carried out: %v", job)
	}
	if _, stderr, code := w.Run("credentials", "revoke", "w1"); code != 2 || !strings.Contains(stderr, "no such credential") {
		t.Errorf("revoked twice: exit %d %s", code, stderr)
	}

	// A key of another dispatcher, at the right address with the right CA, and the
	// right key with another CA.
	other := NewWorld(t, 1, fakeciso.Config{})
	other.Env["LISTEN"] = w.Env["LISTEN"]
	good, foreign := read(t, w.Join("worker", "w3")), read(t, other.Join("worker", "w3"))
	for name, change := range map[string]func(map[string]any){
		"this key is refused": func(f map[string]any) { f["seed"] = foreign["seed"] },
		"certificate":         func(f map[string]any) { f["ca"] = foreign["ca"] },
	} {
		bad := maps.Clone(good)
		change(bad)
		path := filepath.Join(w.Dir, strings.Fields(name)[0]+".join")
		data, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p := w.Worker(path)
		p.Says(name)
		if p.log.Has("connected to the run host") {
			t.Errorf("%s: it is let in", name)
		}
	}
}

func read(t *testing.T, path string) (join map[string]any) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%s has mode %v, %v", path, info.Mode(), err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &join); err != nil {
		t.Fatal(err)
	}
	return join
}

// TestAnOutageThatOneWorkerSeesStopsThatOneOnly: the others go on, and it comes
// back by itself.
func TestAnOutageThatOneWorkerSeesStopsThatOneOnly(t *testing.T) {
	t.Parallel()
	w, _, _, w2 := crowd(t, 4)
	w2.Stop()
	nowhere := freeAddress(t)
	astray := w.Worker(w.Join("worker", "astray"), "API_URL=http://"+nowhere+"/api")
	astray.Says("work stands still")
	scope := func() (list []string) {
		stdout, _, _ := w.Run("jobs", "stats", "--json")
		var stats struct {
			Holds   []struct{ Reason, Scope string }
			Workers []struct {
				Name string
				Seen time.Time `json:"last_seen_at"`
			}
		}
		if err := json.Unmarshal([]byte(stdout), &stats); err != nil {
			t.Fatalf("%s: %v", stdout, err)
		}
		for _, h := range stats.Holds {
			list = append(list, h.Reason+" "+h.Scope)
		}
		return list
	}
	eventually(t, "the hold to be told", func() error {
		if list := scope(); len(list) != 1 || !strings.HasPrefix(list[0], "api_down worker:astray@") {
			return fmt.Errorf("it is %v", list)
		}
		return nil
	})
	w.Produce(update("c0", "observation", "a"), update("c1", "observation", "b"))
	for id, job := range w.Ended(2) {
		if job["state"] != "succeeded" || !strings.HasPrefix(job["worker"].(string), "w1@") || job["attempts"] != 1.0 {
			t.Errorf("%s: %v", id, job)
		}
	}
	astray.Stop()
	eventually(t, "the hold to end with its worker", func() error {
		if list := scope(); len(list) > 0 {
			return fmt.Errorf("there is %v", list)
		}
		return nil
	})
}

// TestAWorkerFollowsATakeover: its join file names both run hosts.
func TestAWorkerFollowsATakeover(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	for i := range 4 {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint("c", i)})
	}
	w.Listen()
	active := w.Start()
	active.Says("active: working")
	a := w.Join("worker", "w1")
	w.Env["DATA_DIR"], w.Env["LISTEN"] = filepath.Join(w.Dir, "other"), freeAddress(t)
	standby := w.Start()
	standby.Says("listening for workers")
	b := w.Join("worker", "w2")
	both := filepath.Join(w.Dir, "both.join")
	var content []byte
	for _, path := range []string{a, b} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content = slices.Concat(content, data)
	}
	if err := os.WriteFile(both, content, 0o600); err != nil {
		t.Fatal(err)
	}
	worker := w.Worker(both)
	worker.Says("CISO Assistant answers")
	w.Produce(update("c0", "observation", "a"))
	eventually(t, "the first to be carried out", func() error {
		if w.API.Count("PATCH", "/api/applied-controls") < 1 {
			return errors.New("it is not")
		}
		return nil
	})
	active.Stop()
	standby.Says("active: working")
	w.Produce(update("c1", "observation", "b"), update("c2", "observation", "c"))
	eventually(t, "the others to be carried out", func() error {
		if n := w.API.Count("PATCH", "/api/applied-controls"); n != 3 {
			return fmt.Errorf("%d writes", n)
		}
		return nil
	})
	worker.Stop()
}
