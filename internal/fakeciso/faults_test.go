package fakeciso

import (
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"
)

func TestAShareOfRequestsFailsAndEqualSeedsFailAlike(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (codes []int) {
		s := New(Config{Seed: seed})
		s.AddFault(Fault{Kind: Status, Code: 503, Times: -1, Share: 0.3})
		for range 200 {
			codes = append(codes, do(s, "GET", "/api/health/", ""))
		}
		return codes
	}
	first := run(1)
	struck := 0
	for _, code := range first {
		if code == 503 {
			struck++
		}
	}
	if struck < 30 || struck > 90 {
		t.Errorf("%d of 200 failed, want about 60", struck)
	}
	if !slices.Equal(first, run(1)) {
		t.Error("equal seeds fail otherwise")
	}
	if slices.Equal(first, run(2)) {
		t.Error("other seeds fail alike")
	}
}

func TestASlowAnswerIsLateAndRight(t *testing.T) {
	t.Parallel()
	const delay = 50 * time.Millisecond
	s := New(Config{})
	id := s.AddControl(map[string]any{"name": "n"})
	s.AddFault(Fault{Method: "PATCH", Path: regexp.MustCompile("applied-controls"), Kind: Slow, Delay: delay, Times: 1})
	start := time.Now()
	if code := do(s, "PATCH", "/api/applied-controls/"+id+"/", `{"status":"active"}`); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	if took := time.Since(start); took < delay {
		t.Errorf("it took %s", took)
	}
	if status := s.Object("applied-controls", id)["status"]; status != "active" {
		t.Errorf("status is %v", status)
	}
}

func TestAPausedServerRefusesAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	base, err := s.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ask := func() error {
		resp, err := client.Get(base + "/health/")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	id := s.AddControl(map[string]any{"name": "n"})
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	if ask() == nil {
		t.Error("a paused server answers")
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	if s.Object("applied-controls", id) == nil {
		t.Error("it has forgotten its objects")
	}
	if s.Resume() == nil {
		t.Error("it resumes what is not paused")
	}
}

func TestJournalAndHistoryKeepTheNewest(t *testing.T) {
	t.Parallel()
	s := New(Config{JournalLimit: 10, HistoryLimit: 3})
	id := s.AddControl(map[string]any{"name": "n"})
	for range 100 {
		do(s, "PATCH", "/api/applied-controls/"+id+"/", `{"status":"active"}`)
	}
	journal := s.Journal()
	if n := len(journal); n < 10 || n >= 20 || journal[n-1].Seq != 100 {
		t.Errorf("%d entries, the last is %d", n, journal[n-1].Seq)
	}
	if n := len(s.History("applied-controls", id)); n < 3 || n >= 6 {
		t.Errorf("%d changes", n)
	}
}
