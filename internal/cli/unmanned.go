package cli

import (
	"context"
	"log/slog"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/schedule"
)

// When it is looked whether jobs wait for a worker, and how often that is said.
const (
	unmannedLook  = time.Second
	unmannedEvery = time.Minute
)

// unmanned says that jobs wait and no worker is there: at once, then every minute.
type unmanned struct {
	ask  func() (unmanned, missed bool)
	jobs func() int // that wait for a worker; only asked when it is said
	log  *slog.Logger
	said time.Time // zero: not since a worker was there
}

func newUnmanned(s *schedule.Scheduler, log *slog.Logger) *unmanned {
	return &unmanned{ask: s.Unmanned, jobs: func() int { return s.Snapshot().Unmanned }, log: log}
}

// run looks until ctx ends.
func (u *unmanned) run(ctx context.Context) {
	tick := time.NewTicker(unmannedLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			u.look(now)
		}
	}
}

func (u *unmanned) look(now time.Time) {
	_, missed := u.ask()
	switch {
	case !missed:
		u.said = time.Time{}
	case u.said.IsZero() || now.Sub(u.said) >= unmannedEvery:
		u.said = now
		u.log.Warn("no worker is connected: jobs wait", "jobs", u.jobs(), "remedy", jobs.WaitWorker.Remedy())
	}
}

// coordinatorReadiness is that of a process that carries out nothing itself: it
// has no word on the API and S3, besides what all of its workers find away, and is
// of no use without a worker.
func coordinatorReadiness(role string, holds []jobs.Hold, unmanned bool) readiness {
	all := readinessOf(role, holds)
	r := readiness{Role: role, Ready: all.Ready && !unmanned}
	for _, p := range all.Parties {
		if !p.OK || p.Name != "api" && p.Name != "s3" {
			r.Parties = append(r.Parties, p)
		}
	}
	if role != "active" {
		return r // workers come to the active process
	}
	workers := party{Name: "workers", OK: !unmanned}
	if unmanned {
		workers.Why = "no worker is connected: " + jobs.WaitWorker.Remedy()
	}
	r.Parties = append(r.Parties, workers)
	return r
}
