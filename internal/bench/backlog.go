package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// backlogMessages wait in Kafka: ten times what is read ahead.
const backlogMessages = 1_000_000

// backlog measures whether a large backlog stays Kafka's: memory and disk while
// it is worked off, a kill in the middle, and what is left behind.
func (b *bench) backlog(ctx context.Context) error {
	s, err := b.stage(ctx, backlogMessages, 200)
	if err != nil {
		return err
	}
	defer s.close()
	before, err := b.count(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.start(b.api, "CONCURRENCY=64"); err != nil {
		return err
	}
	fmt.Printf("\nbacklog of %d messages\n%10s %12s %14s %12s\n", backlogMessages, "done", "jobs/s", "RssAnon MiB", "disk MiB")
	var most float64
	for quarter := int64(1); quarter <= 4; quarter++ {
		var done int64
		err := b.wait(ctx, func() bool {
			_, anon := memory(s.cmd.Process.Pid)
			most = max(most, anon)
			c, err := b.count(ctx)
			done = c.Patches - before.Patches
			return err == nil && done >= backlogMessages*quarter/4
		})
		if err != nil {
			return err
		}
		_, anon := memory(s.cmd.Process.Pid)
		fmt.Printf("%10d %12.0f %14.0f %12.0f\n", done, float64(done)/time.Since(began).Seconds(), anon, diskMiB(s.data))
		if quarter == 2 {
			if err := s.restart(ctx); err != nil {
				return err
			}
		}
	}
	time.Sleep(15 * time.Second) // the last purge, and memory that is given back
	_, anon := memory(s.cmd.Process.Pid)
	fmt.Printf("%10s %12s %14.0f %12.0f\nRssAnon at most %.0f MiB\n", "15 s after", "", anon, diskMiB(s.data), most)
	b.result["backlog RssAnon most MiB"] = most
	return nil
}

// restart kills the process and measures how soon work goes on.
func (s *stage) restart(ctx context.Context) error {
	s.kill()
	before, err := s.count(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.start(s.api, "CONCURRENCY=64"); err != nil {
		return err
	}
	err = s.wait(ctx, func() bool { c, err := s.count(ctx); return err == nil && c.Patches > before.Patches })
	fmt.Printf("%10s kill -9, then first job after %.2f s\n", "", time.Since(began).Seconds())
	return err
}

// diskMiB is the size of a directory's files.
func diskMiB(dir string) float64 {
	var bytes int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return float64(bytes) / (1 << 20)
}
