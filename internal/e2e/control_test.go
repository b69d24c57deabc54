package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"dispatcher/internal/fakeciso"
)

// must runs a command that has to succeed.
func (w *World) must(args ...string) (stdout string) {
	w.t.Helper()
	stdout, stderr, code := w.Run(args...)
	if code != 0 {
		w.t.Fatalf("%s: exit %d: %s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// soon repeats a command until it succeeds: the process may be starting.
func (w *World) soon(args ...string) (stdout string) {
	w.t.Helper()
	eventually(w.t, strings.Join(args, " "), func() error {
		out, stderr, code := w.Run(args...)
		if stdout = out; code != 0 {
			return fmt.Errorf("exit %d: %s", code, stderr)
		}
		return nil
	})
	return stdout
}

// errorOf shows what was found instead.
func errorOf(found any) error { return fmt.Errorf("%v", found) }

// become waits until a job has a state.
func (w *World) become(id, state string) {
	w.t.Helper()
	eventually(w.t, id+" to be "+state, func() error {
		if job := w.Jobs()[id]; job["state"] != state {
			return fmt.Errorf("%v", job)
		}
		return nil
	})
}

func TestOperatorsPauseAndCancelWork(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	for i := range 5 {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint(i)})
	}
	p := w.Start()
	w.soon("jobs", "stats")
	w.must("jobs", "pause", "--reason", "audit week")
	if again := w.must("jobs", "pause"); !strings.Contains(again, "already") {
		t.Errorf("a second pause: %s", again)
	}
	w.Produce(update("c0", "status", "active"), update("c1", "status", "active"), update("c2", "status", "active"))
	w.Known(3)
	if out := w.must("jobs", "cancel", "observation-0-0", "--reason", "typo", "--json"); out != "{\"matched\":1,\"changed\":1,\"skipped\":[]}\n" {
		t.Errorf("cancel: %s", out)
	}
	if out := w.must("jobs", "cancel", "--state", "queued", "--dry-run", "--json"); !strings.Contains(out, `"matched":2,"changed":0`) {
		t.Errorf("dry run: %s", out)
	}
	p.Stop()
	if out := w.must("jobs", "cancel", "observation-0-1", "--json"); !strings.Contains(out, `"changed":1`) {
		t.Errorf("cancel offline: %s", out)
	}
	if out := w.must("jobs", "stats"); !strings.Contains(out, "paused") {
		t.Errorf("stats: %s", out)
	}
	w.Start()
	w.soon("jobs", "stats")
	if out := w.must("jobs", "resume"); !strings.Contains(out, "goes on") {
		t.Errorf("resume: %s", out)
	}
	if out := w.must("jobs", "resume"); !strings.Contains(out, "was not paused") {
		t.Errorf("a second resume: %s", out)
	}
	w.Ended(3)
	w.Committed(0, 3)
	if list := w.Errors(); len(list) != 0 {
		t.Errorf("canceled jobs are reported: %v", list)
	}
	if _, stderr, code := w.Run("jobs", "cancel", "--all", "--yes"); code != 3 || stderr != "dispatcher: jobs cancel: no job matches; see dispatcher jobs list\n" {
		t.Errorf("nothing to cancel: exit %d", code)
	}
	if out := w.must("jobs", "cancel", "observation-0-2", "--json"); !strings.Contains(out, `"changed":0,"skipped":[{"id":"observation-0-2","why":"it is succeeded already"}]`) {
		t.Errorf("an ended job: %s", out)
	}
	if out := w.must("jobs", "retry", "--state", "canceled", "--yes", "--json"); !strings.Contains(out, `"changed":2`) {
		t.Errorf("retry: %s", out)
	}
	w.become("observation-0-0", "succeeded")
	w.become("observation-0-1", "succeeded")
	var shown struct{ Audit []map[string]string }
	if err := json.Unmarshal([]byte(w.must("jobs", "show", "observation-0-0", "--json")), &shown); err != nil || len(shown.Audit) != 2 ||
		shown.Audit[0]["action"] != "cancel" || shown.Audit[0]["reason"] != "typo" || !strings.Contains(shown.Audit[0]["operator"], "@") {
		t.Errorf("audit %v: %v", shown.Audit, err)
	}
}

func TestARunningJobIsCanceledBetweenItsRequests(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	for i := range 2 {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint(i), "status": "to_do"})
	}
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", Times: 1, Kind: fakeciso.Slow, Delay: 4 * time.Second})
	w.Start("API_TIMEOUT=30s", "KAFKA_SESSION_TIMEOUT=45s")
	w.Produce(`{"message_type":"update_applied_control","selector":{"status":"to_do","target":"multiple"},"values":{"observation":"x"}}`)
	eventually(t, "the first request", func() error {
		if w.API.Struck()[fakeciso.Slow] == 0 {
			return fmt.Errorf("none")
		}
		return nil
	})
	if out := w.must("jobs", "cancel", "--all", "--yes", "--json"); !strings.Contains(out, `"changed":1`) {
		t.Errorf("cancel: %s", out)
	}
	var job struct {
		State   string
		Objects []string
		Steps   []map[string]any
	}
	if err := json.Unmarshal([]byte(w.must("jobs", "show", "observation-0-0", "--json")), &job); err != nil || job.State != "canceled" || len(job.Objects) != 1 || len(job.Steps) != 2 {
		t.Errorf("%+v %v", job, err)
	}
}

func TestWatchShowsChangesAndOutlivesARestart(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start()
	w.soon("jobs", "stats")
	watching := w.launch("jobs", "watch", "--json", "--state", "succeeded", "--state", "running")
	watching.Says("watching")
	w.Produce(update("foo", "status", "active"))
	watching.Prints(`"id":"observation-0-0","state":"running"`, `"id":"observation-0-0","state":"succeeded"`)
	p.Stop()
	watching.Says("waiting for it")
	w.Start()
	eventually(t, "watching again", func() error {
		if log := watching.log.String(); strings.Count(log, "note: watching") != 2 {
			return errorOf(log)
		}
		return nil
	})
	w.Produce(update("foo", "status", "to_do"))
	watching.Prints(`"id":"observation-0-1","state":"succeeded"`)
	watching.Signal(syscall.SIGINT)
	if code := watching.Exit(); code != 0 {
		t.Errorf("exit %d: %s", code, watching.log)
	}
}

func TestWatchWithoutAProcessSaysThatNoneRunsAndWaits(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Process){"stopped": (*Process).Stop, "killed": func(p *Process) { p.Kill() }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := NewWorld(t, 1, fakeciso.Config{})
			p := w.Start()
			w.soon("jobs", "stats")
			end(p)
			watching := w.launch("jobs", "watch")
			watching.Says("note: no dispatcher runs on " + w.Env["DATA_DIR"] + ", waiting for it")
			if log := watching.log.String(); strings.Contains(log, "in use") {
				t.Errorf("it says %s", log)
			}
			w.Start()
			watching.Says("note: watching")
		})
	}
}

func TestWhatCannotBeAskedIsSaidInOneLineWithTheRemedy(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	p := w.Start()
	w.soon("jobs", "stats")
	unknown := func(when string) {
		for _, command := range []string{"show", "retry", "cancel"} {
			stdout, stderr, code := w.Run("jobs", command, "observation-9-9")
			said := strings.TrimPrefix(stderr, "note: no dispatcher runs on "+w.Env["DATA_DIR"]+", its store is read directly\n")
			if code != 3 || stdout != "" || !strings.Contains(said, "observation-9-9: no such job; ") || strings.Count(said, "\n") != 1 {
				t.Errorf("%s %s: exit %d: %s%s", command, when, code, stdout, stderr)
			}
		}
	}
	unknown("live")
	p.Stop()
	unknown("offline")
	ledger, err := bolt.Open(filepath.Join(w.Env["DATA_DIR"], "ledger.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = ledger.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{99}) })
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"jobs", "list"}, {"jobs", "pause"}, {"run"}} {
		if _, stderr, code := w.Run(args...); code != 2 || !strings.Contains(stderr, "upgrade this dispatcher") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("a newer store, %v: exit %d: %s", args, code, stderr)
		}
	}
}
