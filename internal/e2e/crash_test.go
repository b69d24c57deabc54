package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// TestACrashAtAnyPointLosesAndDoublesNothing is the crash table: the real
// binary is killed between two durable steps, and started again.
func TestACrashAtAnyPointLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"fetched", "appended", "taken", "effect", "effect:4", "ended", "ended:3", "reporting", "reported",
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := NewWorld(t, 1, fakeciso.Config{})
			p := w.Start("CRASH_AT="+at, "CONCURRENCY=1")
			check := w.mixture(t)
			if code := p.Exit(); code != -1 {
				t.Fatalf("the dispatcher was not killed at %s: exit %d\n%s", at, code, p.log)
			}
			w.Start()
			w.Ended(6)
			check(t)
			w.Committed(0, 6)
		})
	}
}

// mixture sends six messages, good and bad, and returns the check of what must
// have become of them.
func (w *World) mixture(t *testing.T) (check func(*testing.T)) {
	t.Helper()
	foo := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	bar := w.API.AddControl(map[string]any{"ref_id": "bar", "name": "Bar"})
	content := base64.StdEncoding.EncodeToString([]byte("proof"))
	w.Produce(
		update("foo", "observation", "1"),
		`{"message_type":"upload_attachment","values":{"file_name":"proof.txt","file_content":"`+content+`","applied_controls":{"ref_id":"bar"}}}`,
		update("nobody", "observation", "x"),
		update("foo", "observation", "2"),
		`{"message_type":"upload_attachment","values":{"file_name":"proof.txt","name":"PROOF.txt","file_content":"`+base64.StdEncoding.EncodeToString([]byte("newer"))+`","applied_controls":{"ref_id":"bar"}}}`,
		update("foo", "observation", "3"),
	)
	return func(t *testing.T) {
		t.Helper()
		var seen []string
		for _, c := range w.API.History("applied-controls", foo) {
			seen = append(seen, fmt.Sprint(c.Fields["observation"]))
		}
		for i := 1; i < len(seen); i++ {
			if seen[i] < seen[i-1] {
				t.Errorf("an older value came back: %v", seen)
			}
		}
		if seen[len(seen)-1] != "3" || len(seen) > 4 {
			t.Errorf("values %v", seen)
		}
		if n := len(w.API.Objects("evidences")); n != 1 {
			t.Errorf("%d evidences", n)
		}
		if n := len(w.API.Objects("evidence-revisions")); n != 2 {
			t.Errorf("%d revisions", n)
		}
		if links := w.API.Object("applied-controls", bar)["evidences"].([]any); len(links) != 1 {
			t.Errorf("links %v", links)
		}
		eventually(t, "the error record", func() error {
			records := w.Errors()
			for _, r := range records {
				if r["job_id"] != "observation-0-2" || r["failed_at"] != records[0]["failed_at"] {
					return fmt.Errorf("records %v", records)
				}
			}
			if len(records) == 0 || len(records) > 2 {
				return fmt.Errorf("%d records", len(records))
			}
			return nil
		})
	}
}

func TestARestartOnTheSameDataDirectoryDoesNotWaitForItsGhost(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := w.Start("KAFKA_SESSION_TIMEOUT=30s")
	w.Produce(update("foo", "status", "active"))
	w.Ended(1)
	p.Kill()
	began := time.Now()
	w.Start("KAFKA_SESSION_TIMEOUT=30s")
	w.Produce(update("foo", "status", "to_do"))
	w.Ended(2)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAStandbyTakesOverAndALostHostLosesNothing(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 2, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	active := w.Start()
	active.Says("active: working")
	w.Env["DATA_DIR"] = filepath.Join(w.Dir, "second")
	standby := w.Start()
	standby.Says("standing by")
	w.Env["DATA_DIR"] = filepath.Join(w.Dir, "data")
	for i := range 5 {
		w.Send(keyed("a", update("foo", "observation", fmt.Sprint(i))))
	}
	w.Ended(5)
	time.Sleep(1500 * time.Millisecond) // one commit
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", Times: -1, Kind: fakeciso.Status, Code: 500, Body: "<html>"})
	for i := 5; i < 10; i++ {
		w.Send(keyed("a", update("foo", "observation", fmt.Sprint(i))))
	}
	eventually(t, "an attempt", func() error {
		if w.API.Struck()[fakeciso.Status] == 0 {
			return fmt.Errorf("none")
		}
		return nil
	})
	active.Kill()
	if err := os.RemoveAll(filepath.Join(w.Dir, "data")); err != nil {
		t.Fatal(err)
	}
	w.API.ClearFaults()
	standby.Says("active: working")
	w.Env["DATA_DIR"] = filepath.Join(w.Dir, "second")
	w.Ended(5)
	var seen []string
	for _, c := range w.API.History("applied-controls", id) {
		seen = append(seen, fmt.Sprint(c.Fields["observation"]))
	}
	if got := strings.Join(seen, ""); got != "0123456789" {
		t.Errorf("values %s", got)
	}
	standby.Stop()
}

func TestStoppingBurnsNoAttemptAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", Times: 1, Kind: fakeciso.Hang, Delay: 30 * time.Second})
	p := w.Start("API_TIMEOUT=5s", "GRACE=1s")
	w.Produce(update("foo", "status", "active"), update("foo", "status", "to_do"))
	eventually(t, "the request to hang", func() error {
		if w.API.Struck()[fakeciso.Hang] == 0 {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	began := time.Now()
	p.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
	w.Start()
	for id, job := range w.Ended(2) {
		if job["state"] != "succeeded" || job["attempts"] != float64(1) {
			t.Errorf("%s: %v after %v attempts", id, job["state"], job["attempts"])
		}
	}
}

func TestASignalDuringTheStartIsAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	for after := time.Duration(0); after < 120*time.Millisecond; after += 4 * time.Millisecond {
		p := w.Start()
		time.Sleep(after) // each time at another place of the start
		p.Signal(syscall.SIGTERM)
		code := p.Exit()
		if deaf := code == -1 && p.log.String() == ""; code != 0 && !deaf { // the signal came before Go listened
			t.Fatalf("exit code %d after %s:\n%s", code, after, p.log)
		}
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", Times: 1, Kind: fakeciso.Hang, Delay: 30 * time.Second})
	p := w.Start("API_TIMEOUT=5s", "GRACE=30s")
	w.Produce(update("foo", "status", "active"))
	eventually(t, "the request to hang", func() error {
		if w.API.Struck()[fakeciso.Hang] == 0 {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	p.Signal(syscall.SIGTERM)
	p.Says("stopping")
	p.Signal(syscall.SIGTERM)
	began := time.Now()
	p.Exit()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestAFileWhoseUploadLandsLateIsStoredOnce: the API stores it after our
// timeout, and after the first look of our own retry.
func TestAFileWhoseUploadLandsLateIsStoredOnce(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddEvidence(map[string]any{"name": "Proof"})
	w.API.AddFault(fakeciso.Fault{Method: "POST", Times: 1, Kind: fakeciso.Late, Delay: 2 * time.Second})
	w.Start("API_TIMEOUT=1s", "API_UPLOAD_TIMEOUT=1s", "API_WRITE_QUARANTINE=3s")
	w.Produce(`{"message_type":"upload_attachment","selector":{"name":"Proof"},"values":{"file_name":"a.txt","file_content":"YQ=="}}`)
	if job := w.Ended(1)["observation-0-0"]; job["state"] != "succeeded" {
		t.Errorf("job %v", job)
	}
	if n := len(w.API.Objects("evidence-revisions")); n != 2 { // the empty one, and ours
		t.Errorf("%d revisions", n)
	}
}

// TestACopiedDirectoryDisturbsNobody: a copy that has seen every commit of its
// original knows its membership, and must not make it leave.
func TestACopiedDirectoryDisturbsNobody(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	original := w.Start()
	w.Produce(update("foo", "observation", "0"))
	w.Ended(1)
	w.Committed(0, 1)
	original.Signal(syscall.SIGSTOP) // so that the copy is whole
	err := os.CopyFS(filepath.Join(w.Dir, "copy"), os.DirFS(w.Env["DATA_DIR"]))
	original.Signal(syscall.SIGCONT)
	if err != nil {
		t.Fatal(err)
	}
	second := w.Start("DATA_DIR=" + filepath.Join(w.Dir, "copy"))
	second.Says("is a copy")
	second.Says("standing by")
	w.Produce(update("foo", "observation", "1"))
	w.Ended(2)
	w.Committed(0, 2) // a second later: a heartbeat would have told
	if original.log.Has("standing by") || second.log.Has("active: working") {
		t.Errorf("the original was disturbed:\n%s\ncopy:\n%s", original.log, second.log)
	}
	if n := len(w.API.History("applied-controls", id)); n != 2 {
		t.Errorf("%d writes", n)
	}
}
