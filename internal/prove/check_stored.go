package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dispatcher/jobs"
	"dispatcher/jobs/embed"
)

// checkStored reads JOBS of a directory on which nothing runs: what it holds of a
// partition stands there once, in Kafka's order. What it holds at all is not
// checked here: ended jobs are taken out.
func (k *knowledge) checkStored(ctx context.Context, h *host) (err error) {
	// A copy: opening a store changes it.
	dir, err := os.MkdirTemp(h.arena.dir, "stored-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(h.dir, "data", "jobs"))); err != nil {
		return fmt.Errorf("copy JOBS: %w", err)
	}
	server, err := embed.Start(embed.Config{StoreDir: dir})
	if err != nil {
		return err
	}
	defer server.Stop()
	stream, err := jobs.OpenStream(ctx, server.Conn, 1<<40)
	if err != nil {
		return err
	}
	last, count := make(map[jobs.Partition]place), 0
	err = stream.Scan(ctx, 1, func(seq uint64, e jobs.Envelope) error {
		p, at := jobs.Partition{Topic: e.Topic, ID: e.Partition}, place{e.Replay, e.Offset}
		if was, ok := last[p]; ok && !was.before(at) {
			k.blame("JOBS holds %s offset %d (replay %d) at sequence %d, behind offset %d (replay %d)", p, at.offset, at.replay, seq, was.offset, was.replay)
		}
		last[p] = at
		count++
		return nil
	})
	k.sawStored(count)
	return err
}

// place is where a message stands in Kafka; a topic that is read anew begins a
// further replay.
type place struct {
	replay int
	offset int64
}

func (a place) before(b place) bool {
	return a.replay < b.replay || a.replay == b.replay && a.offset < b.offset
}
