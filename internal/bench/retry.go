package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

// retryAll measures a retry of all failed jobs that somebody asks for on a
// terminal which then ends: how soon all are queued and done, whether those of a
// key came one after the other, and how much the API had to bear at a time.
func (s *stage) retryAll(ctx context.Context, client *control.Client) error {
	if err := s.get(ctx, "/control/most/0", nil); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "script", "-qec", s.binary+" jobs retry --code rejected --yes --reason 'the list of states was mended'", "/dev/null")
	cmd.Env = append(os.Environ(), "DATA_DIR="+s.data)
	var screen bytes.Buffer
	cmd.Stdout = &screen
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("a terminal is made by script (bsdutils): %w", err)
	}
	count := func(states ...string) (n int) {
		stats, err := client.Stats(ctx)
		for _, state := range states {
			n += stats.States[state]
		}
		if err != nil {
			return -1
		}
		return n
	}
	// A tenth is queued, then the terminal ends.
	if err := s.wait(ctx, func() bool { return count("failed") <= historyFailed*9/10 }); err != nil {
		return err
	}
	_ = cmd.Process.Kill() // the terminal is gone: its command gets SIGHUP
	_ = cmd.Wait()
	ended := time.Since(began)
	if !bytes.Contains(screen.Bytes(), []byte("%")) {
		return fmt.Errorf("no progress was shown: %q", screen.Bytes())
	}
	if err := s.wait(ctx, func() bool { return count("failed") == 1 }); err != nil {
		return err
	}
	queued := time.Since(began)
	if err := s.wait(ctx, func() bool { return count("succeeded") == historyJobs-1 }); err != nil {
		return err
	}
	done := time.Since(began)
	var most struct{ Flight int64 }
	if err := s.get(ctx, "/control/count", &most); err != nil {
		return err
	}
	wrong, err := disordered(ctx, client)
	_, anon := memory(s.cmd.Process.Pid)
	fmt.Printf("\nretry of %d jobs: the terminal ended after %.1f s, all queued after %.1f s, all done after %.1f s\n"+
		"at most %d requests at a time (CONCURRENCY=64), %d jobs out of the order of their key, RssAnon %.0f MiB\n",
		historyFailed-1, ended.Seconds(), queued.Seconds(), done.Seconds(), most.Flight, wrong, anon)
	s.result["retry queued s"], s.result["retry done s"] = queued.Seconds(), done.Seconds()
	return err
}

// disordered counts retried jobs that ended before an older one of their key.
func disordered(ctx context.Context, client *control.Client) (wrong int, err error) {
	newer := make(map[string]time.Time) // by key: when the next newer job ended
	retried := jobs.Filter{Until: time.Now().Add(-50 * time.Millisecond * (historyJobs - historyFailed))}
	for before := uint64(0); ; {
		page, err := client.List(ctx, control.ListQuery{Filter: retried, Before: before, Limit: control.MaxPage})
		if err != nil {
			return wrong, err
		}
		for _, job := range page.Jobs {
			if at, ok := newer[job.Key]; ok && at.Before(job.FinishedAt) {
				wrong++
			}
			newer[job.Key] = job.FinishedAt
		}
		if before = page.Next; before == 0 {
			return wrong, nil
		}
	}
}
