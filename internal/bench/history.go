package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
	"dispatcher/jobs/embed"
	"dispatcher/store"
)

// historyJobs have ended; the oldest historyFailed of them failed.
const (
	historyJobs   = 1_000_000
	historyFailed = 100_000
)

// history measures how soon an operator is answered when a million jobs are
// remembered, and a retry of a hundred thousand.
func (b *bench) history(ctx context.Context) error {
	s, err := b.stage(ctx, 0, 0)
	if err != nil {
		return err
	}
	defer s.close()
	began := time.Now()
	if err := fill(ctx, filepath.Join(s.data, "ledger.db")); err != nil {
		return err
	}
	fmt.Printf("\n%d ended jobs, made in %.0f s, %.0f MiB\n", historyJobs, time.Since(began).Seconds(), diskMiB(s.data))
	began = time.Now()
	if err := s.start(b.api, "CONCURRENCY=64"); err != nil {
		return err
	}
	var client *control.Client
	err = b.wait(ctx, func() bool {
		client, err = dial(s.data)
		if err == nil {
			_, err = client.Stats(ctx)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("started in %.2f s\n%-34s %10s %10s %8s\n", time.Since(began).Seconds(), "asked", "answer ms", "whole ms", "jobs")
	if err := s.ask(ctx, client); err != nil {
		return err
	}
	return s.retryAll(ctx, client)
}

// dial connects to a process as `dispatcher jobs` does.
func dial(data string) (*control.Client, error) {
	access, err := embed.ReadAccess(filepath.Join(data, "control.json"))
	if err != nil {
		return nil, err
	}
	conn, err := access.Connect()
	if err != nil {
		return nil, err
	}
	return &control.Client{Conn: conn}, nil
}

// fill makes a ledger whose oldest jobs are the only ones that some filters choose.
func fill(ctx context.Context, path string) error {
	ledger, err := store.Open(store.Options{Path: path, NoSync: true})
	if err != nil {
		return err
	}
	defer ledger.Close()
	now := time.Now()
	for from := 0; from < historyJobs; from += 1000 {
		in := jobs.Intake{Partition: jobs.Partition{Topic: "observation"}, From: int64(from), Next: int64(from + 1000)}
		for i := from; i < from+1000; i++ {
			job, payload := ended(i, now)
			in.Jobs, in.Payloads = append(in.Jobs, job), append(in.Payloads, payload)
		}
		if _, err := ledger.Take(ctx, in); err != nil {
			return err
		}
		waiting, err := ledger.Outbox(jobs.Report{}, 1000)
		if err == nil && len(waiting) > 0 {
			err = ledger.Delivered(ctx, waiting)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func ended(i int, now time.Time) (*jobs.Job, []byte) {
	at := now.Add(time.Duration(i-historyJobs) * 50 * time.Millisecond)
	env := jobs.Envelope{Topic: "observation", Offset: int64(i), Timestamp: at, Value: message(i, 200)}
	job := &jobs.Job{
		ID: env.ID(), State: jobs.Succeeded, Type: jobs.TypeUpdateAppliedControl, Key: fmt.Sprint("applied-controls?ref_id=AC-", i%(historyFailed/2)),
		Source: env.Source(), ReceivedAt: at, StartedAt: at, FinishedAt: at.Add(time.Second), Attempts: 1, Worker: "host/2",
		Objects: []string{"6cc3e32f-7f0b-4c5e-9f3e-8a2f4a1f5a10"},
	}
	if i >= historyFailed {
		job.Key = fmt.Sprint("applied-controls?ref_id=later-", i)
		return job, nil
	}
	job.State, job.Failure, job.Objects = jobs.Failed, jobs.Fail(jobs.CodeRejected, "status: \"Frozen\" is not a valid choice."), nil
	switch i {
	case 7:
		job.Type, job.Failure, job.Key, job.Worker = jobs.TypeUploadAttachment, jobs.Fail(jobs.CodeNoMatch, "a needle in a haystack"), "the key", "host/1"
	}
	return job, env.Encode(nil)
}

// ask asks everything that `jobs list` can filter by, at its worst.
func (s *stage) ask(ctx context.Context, client *control.Client) error {
	asked := func(name string, limit float64, answer func() (int, error), args ...string) error {
		began := time.Now()
		n, err := answer()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		took := time.Since(began)
		began = time.Now()
		lines, first, err := s.command(ctx, args...)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		note := ""
		if lines > 1000 {
			note = fmt.Sprintf("  first line after %.0f ms", ms(first))
		}
		fmt.Printf("%-34s %10.1f %10.0f %8d%s\n", name, ms(took), ms(time.Since(began)), max(n, lines), note)
		if limit > 0 && ms(took) > limit {
			s.result["too slow: "+name] = ms(took)
		}
		return nil
	}
	if err := asked("stats", 50, func() (int, error) { _, err := client.Stats(ctx); return 0, err }, "stats", "--json"); err != nil {
		return err
	}
	for _, q := range []struct {
		name   string
		filter jobs.Filter
		args   []string
	}{
		{"list", jobs.Filter{}, nil},
		{"list --state failed", jobs.Filter{States: []jobs.State{jobs.Failed}}, []string{"--state", "failed"}},
		{"list --state queued", jobs.Filter{States: []jobs.State{jobs.Queued}}, []string{"--state", "queued"}},
		{"list --state canceled", jobs.Filter{States: []jobs.State{jobs.Canceled}}, []string{"--state", "canceled"}},
		{"list --type upload_attachment", jobs.Filter{Types: []string{jobs.TypeUploadAttachment}}, []string{"--type", "upload_attachment"}},
		{"list --code no_match", jobs.Filter{Codes: []jobs.Code{jobs.CodeNoMatch}}, []string{"--code", "no_match"}},
		{"list --key", jobs.Filter{Keys: []string{"the key"}}, []string{"--key", "the key"}},
		{"list --worker", jobs.Filter{Workers: []string{"host/1"}}, []string{"--worker", "host/1"}},
		{"list --since (none)", jobs.Filter{Since: time.Now()}, []string{"--since", "0s"}},
		{"list --until (oldest)", jobs.Filter{Until: time.Now().Add(-49_999 * time.Second)}, []string{"--until", "49999s"}},
		{"list --search needle", jobs.Filter{Search: "needle"}, []string{"--search", "needle"}},
	} {
		answer := func() (int, error) {
			page, err := client.List(ctx, control.ListQuery{Filter: q.filter, Limit: 50})
			return len(page.Jobs), err
		}
		if err := asked(q.name, 1000, answer, append([]string{"list", "--json"}, q.args...)...); err != nil {
			return err
		}
	}
	return asked("list --limit 0", 0, func() (int, error) { return 0, nil }, "list", "--limit", "0", "--json")
}

// command runs `dispatcher jobs`, counts the lines and tells when the first came.
func (s *stage) command(ctx context.Context, args ...string) (lines int, first time.Duration, err error) {
	cmd := exec.CommandContext(ctx, s.binary, append([]string{"jobs"}, args...)...)
	cmd.Env = append(os.Environ(), "DATA_DIR="+s.data)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	for r := bufio.NewScanner(out); r.Scan(); lines++ {
		if lines == 0 {
			first = time.Since(began)
		}
	}
	return lines, first, cmd.Wait()
}
