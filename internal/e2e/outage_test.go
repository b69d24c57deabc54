package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// controls makes n applied controls, c0 to c(n-1), and returns their ids.
func (w *World) controls(n int) (ids []string) {
	for i := range n {
		ref := fmt.Sprint("c", i)
		ids = append(ids, w.API.AddControl(map[string]any{"ref_id": ref, "name": ref}))
	}
	return ids
}

// TestAnOutageIsAskedGentlyAndEndsWithoutAHerd: messages flow all the time; each
// comes with nothing but its own work when the API is back.
func TestAnOutageIsAskedGentlyAndEndsWithoutAHerd(t *testing.T) {
	t.Parallel()
	const concurrency, messages, outage = 4, 200, 12 * time.Second
	w := NewWorld(t, 2, fakeciso.Config{Latency: 20 * time.Millisecond})
	w.controls(20)
	p := w.Start(fmt.Sprint("CONCURRENCY=", concurrency))
	w.Produce(update("c0", "status", "active"))
	w.Ended(1)
	before := len(w.API.Journal())
	w.API.Down(true)
	began := time.Now()
	for i := range messages {
		w.Produce(update(fmt.Sprint("c", i%20), "observation", fmt.Sprint(i)))
		time.Sleep(time.Until(began.Add(time.Duration(i) * outage / messages))) // they flow all the time
	}
	p.Says("work stands still")
	stdout, _, _ := w.Run("jobs", "stats", "--json")
	if !strings.Contains(stdout, `"reason":"api_down"`) {
		t.Errorf("stats %s", stdout)
	}
	// What was under way, then a probe every half a second at first, later every
	// few; a probe is a request or two.
	asked := len(w.API.Journal()) - before
	if most := concurrency + 2*12; asked > most || asked < 2 {
		t.Errorf("%d requests in %s of outage, at most %d are gentle", asked, outage, most)
	}
	w.API.Down(false)
	back := time.Now()
	for id, job := range w.Ended(messages + 1) {
		if job["state"] != "succeeded" || job["attempts"] != float64(1) {
			t.Errorf("%s: %v after %v attempts", id, job["state"], job["attempts"])
		}
	}
	first, most := time.Duration(0), 0
	after := w.API.Journal()[before+asked:]
	for _, e := range after {
		if e.Method == "PATCH" && (first == 0 || e.Start.Sub(back) < first) {
			first = e.Start.Sub(back)
		}
		most = max(most, together(after, e.Start))
	}
	if first == 0 || first > 8*time.Second { // five, on a machine that has time
		t.Errorf("work went on after %s", first)
	}
	if most > concurrency+1 { // and the probe
		t.Errorf("%d requests at a time, allowed are %d", most, concurrency)
	}
	if n := len(w.Errors()); n != 0 {
		t.Errorf("%d error records of an outage", n)
	}
	t.Logf("%d requests in %s of outage, the first write %s after it, at most %d at a time", asked, outage, first.Round(time.Millisecond), most)
}

// together is how many requests were under way at a time.
func together(list []fakeciso.Entry, at time.Time) (n int) {
	for _, e := range list {
		if !e.Start.After(at) && e.End.After(at) {
			n++
		}
	}
	return n
}

// TestAFailingObjectStallsNobodyElse: one object fails always, and a whole queue
// waits behind it; all others go on as if it were not there.
func TestAFailingObjectStallsNobodyElse(t *testing.T) {
	t.Parallel()
	const messages = 300
	w := NewWorld(t, 1, fakeciso.Config{})
	ids := w.controls(11)
	poison := func() {
		w.API.AddFault(fakeciso.Fault{
			Method: "PATCH", Path: regexp.MustCompile(ids[0]), Times: -1, Kind: fakeciso.Status, Code: 500, Body: "<h1>Server Error (500)</h1>",
		})
	}
	poison()
	var values []string
	for i := range messages {
		values = append(values, update("c0", "observation", fmt.Sprint(i)), update(fmt.Sprint("c", 1+i%10), "observation", fmt.Sprint(i)))
	}
	w.Start("CONCURRENCY=2", "RETRY_MAX_ATTEMPTS=1000")
	w.Produce(values...)
	began := time.Now()
	w.Ended(messages)
	others := time.Since(began)
	if n := len(w.API.History("applied-controls", ids[0])); n > 0 {
		t.Fatalf("%d writes of the object that always fails", n)
	}
	w.API.ClearFaults()
	w.Ended(2 * messages)
	w.inOrder(t, ids[0], messages)
	if n := len(w.Errors()); n != 0 {
		t.Errorf("%d error records", n)
	}
	t.Logf("%d others in %s beside it", messages, others.Round(time.Millisecond))
}

// TestAJobThatKillsTheProcessIsIsolated: it is given up after three crashes,
// reported, and the others are done.
func TestAJobThatKillsTheProcessIsIsolated(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	ids := w.controls(4)
	w.Produce(update("c0", "observation", "deadly"))
	for range 3 { // each first write kills it
		if code := w.Start("CRASH_AT=effect", "CONCURRENCY=4").Exit(); code != -1 {
			t.Fatalf("it was not killed but ended with %d", code)
		}
	}
	for i := 1; i < len(ids); i++ {
		w.Produce(update(fmt.Sprint("c", i), "observation", "harmless"))
	}
	w.Produce(update("c0", "observation", "next of its key"))
	w.Start()
	crashed := 0
	for id, job := range w.Ended(len(ids) + 1) {
		if failure, _ := job["error"].(map[string]any); failure["code"] == "crashed" {
			crashed++
		} else if job["state"] != "succeeded" {
			t.Errorf("%s is %s", id, job["state"])
		}
	}
	eventually(t, "the report", func() error {
		if list := w.Errors(); len(list) != 1 || list[0]["code"] != "crashed" {
			return errorOf(list)
		}
		return nil
	})
	if crashed != 1 || lastValue(w, ids[0]) != "next of its key" {
		t.Errorf("%d crashed, the object ends with %s", crashed, lastValue(w, ids[0]))
	}
}

// TestTheStoreShrinksWhenTheBacklogIsDone: messages leave JOBS with their jobs,
// up to a last file of 8 MiB.
func TestTheStoreShrinksWhenTheBacklogIsDone(t *testing.T) {
	t.Parallel()
	const messages = 600
	w := NewWorld(t, 1, fakeciso.Config{})
	w.controls(10)
	w.API.Down(true)
	w.Start()
	for i := range messages {
		w.Produce(padded(fmt.Sprint("c", i%10), i))
	}
	w.Known(messages)
	full := size(t, filepath.Join(w.Env["DATA_DIR"], "jobs"))
	w.API.Down(false)
	w.Ended(messages)
	eventually(t, "JOBS to shrink", func() error {
		if left := size(t, filepath.Join(w.Env["DATA_DIR"], "jobs")); left > 8<<20 || full < 3*left {
			return fmt.Errorf("%d of %d bytes are left", left, full)
		}
		return nil
	})
}

// size is the length of all files below a folder.
func size(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // it has gone meanwhile
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
