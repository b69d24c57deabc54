package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// Config is what a scheduler needs. The zero value of a limit takes the
// contract's default.
type Config struct {
	Ledger   Ledger
	Payloads Payloads
	Origin   Origin // nil: what JOBS lost is lost

	Results       bool          // successes are reported, too
	MaxUnfinished int           // read-ahead, 100,000
	CacheBytes    int64         // payloads kept in memory for jobs soon to run, 16 MiB
	MaxAttempts   int           // 10
	MaxAge        time.Duration // 24h, from the first failed attempt, holds excluded
	BackoffBase   time.Duration // 1s
	BackoffCap    time.Duration // 5m
	Quarantine    time.Duration // 100s (gunicorn's own limit for a request); negative: off
	Lease         time.Duration // of workers on other hosts, unless it is renewed, 30s; negative: this process gives out nothing
	MaxPinned     int           // a payload that holds back the purge of more than this many moves to the ledger, 10,000

	SlotFile string // "" keeps none (tests)
	Clock    func() time.Time
	Uptime   func() time.Duration // of sessions, suspensions included; nil: nobody else can be active
	Log      *slog.Logger
}

func (c *Config) setDefaults() {
	defaultTo(&c.MaxUnfinished, 100_000)
	defaultTo(&c.CacheBytes, 16<<20)
	defaultTo(&c.MaxAttempts, 10)
	defaultTo(&c.MaxAge, 24*time.Hour)
	defaultTo(&c.BackoffBase, time.Second)
	defaultTo(&c.BackoffCap, 5*time.Minute)
	defaultTo(&c.Quarantine, 100*time.Second)
	if safeguard.Off("quarantine") {
		c.Quarantine = -1
	}
	defaultTo(&c.Lease, 30*time.Second)
	defaultTo(&c.MaxPinned, 10_000)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports what cannot work.
func (c *Config) Validate() error {
	switch {
	case c.Ledger == nil || c.Payloads == nil:
		return fmt.Errorf("schedule: a ledger and payloads are needed")
	case c.MaxUnfinished < 1 || c.MaxAttempts < 1:
		return fmt.Errorf("schedule: max unfinished %d and max attempts %d must be at least 1", c.MaxUnfinished, c.MaxAttempts)
	case c.BackoffBase <= 0 || c.BackoffCap < c.BackoffBase:
		return fmt.Errorf("schedule: backoff base %s must be positive and at most the cap %s", c.BackoffBase, c.BackoffCap)
	}
	return nil
}

// Ledger is where the scheduler writes before it acts. Every method returns
// after the sync unless it says otherwise.
type Ledger interface {
	Recorder
	Operator
	Unfinished(fn func(jobs.Job) error) error
	Partitions() []jobs.PartitionState
	JobBySeq(seq uint64) (jobs.Job, error)
	Steps(seq uint64) ([]jobs.Step, error)
	Payload(seq uint64) ([]byte, error)
	OwnKey(ctx context.Context, key string, seq uint64) (owner uint64, err error)
	Leases
}

// Leases is the part of the ledger about workers on other hosts.
type Leases interface {
	NextTerm(ctx context.Context) (uint64, error)
	Leases() ([]jobs.Leased, error)
	SetLease(ctx context.Context, lease jobs.Leased) error
	DropLease(seq uint64) error
}

// Recorder is the part of the ledger that running jobs use.
type Recorder interface {
	Take(ctx context.Context, in jobs.Intake) ([]jobs.TakeResult, error)
	Checkpoint(ctx context.Context, seq uint64, steps []jobs.Step, sync bool) error
	Update(ctx context.Context, job jobs.Job, attempt *jobs.Attempt, steps []jobs.Step, payload []byte) error
	End(ctx context.Context, list ...jobs.Ending) error
}

// Operator is the part of the ledger that operators' commands and upkeep use.
type Operator interface {
	Reopen(ctx context.Context, list []jobs.Job, fromStart bool, audit jobs.AuditEntry) (reopened []bool, err error)
	HasPayload(seq uint64) bool
	Pauses() ([]jobs.Hold, error)
	SetPauses(ctx context.Context, list []jobs.Hold) error
	LastSuccess(key string) (seq uint64, ok bool)
	Keep(ctx context.Context, seq uint64, payload []byte) error
	Quarantine() []jobs.Quarantined
	SetQuarantine(ctx context.Context, add []jobs.Quarantined, removeObjects []string) error
}

// Payloads is the JOBS stream as the scheduler uses it.
type Payloads interface {
	Get(ctx context.Context, seq uint64) (jobs.Envelope, error)
	Scan(ctx context.Context, from uint64, fn func(seq uint64, e jobs.Envelope) error) error
	Purge(ctx context.Context, p jobs.Partition, before uint64) error
}
