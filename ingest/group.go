package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/uptime"
	"dispatcher/jobs"
)

// Ledger is what the group records and reads.
type Ledger interface {
	Partitioner
	Identity() string
	SetIdentity(ctx context.Context, id string) error
	CommitCounter() uint64
	SetCommitCounter(ctx context.Context, n uint64) error
	MetaGet(name string) []byte
	MetaSet(ctx context.Context, name string, value []byte) error
}

// Partitioner is the ledger's view of partitions.
type Partitioner interface {
	Partition(p jobs.Partition) (jobs.PartitionState, bool)
	Partitions() []jobs.PartitionState
	Watermark(p jobs.Partition) (low int64, above []jobs.Interval)
	Begin(ctx context.Context, p jobs.Partition, from int64, replay int, finished []jobs.Interval) error
	Skip(ctx context.Context, p jobs.Partition, next, expired int64) error
	Finish(ctx context.Context, p jobs.Partition, finished []jobs.Interval) error
	Committed(ctx context.Context, p jobs.Partition, offset int64) error
}

// Activity is the scheduler's switch.
type Activity interface {
	Scheduler
	Activate()
	Deactivate()
	Renew(until time.Duration)
	Revoke()
	Drained(ctx context.Context) error
	Release(ctx context.Context, p jobs.Partition, finished func(offset int64) bool) (int, error)
}

// Holds is where standing still is noted.
type Holds interface {
	SetHold(h jobs.Hold) (isNew bool)
	ClearHold(reason jobs.Reason, scope string) (was bool)
}

// Config is what a group needs.
type Config struct {
	Connection     Connection
	Topic          string
	GroupID        string
	SessionTimeout time.Duration // 45s
	LookEvery      time.Duration // at the topic, while active or standing by: 5s
	ResetCursor    bool          // an operator accepts that the topic was truncated

	Ledger       Ledger
	Stream       Stream
	Scheduler    Activity
	Holds        Holds
	Jobs         jobs.Reader
	Uptime       func() time.Duration // a clock that goes on while the process stands still: uptime.Now
	OnWriteError func()               // JOBS failed to write: its server keeps refusing until it is started again
	Log          *slog.Logger
}

// Group is this process's membership in the consumer group.
type Group struct {
	cfg      Config
	links    *links
	log      topicLog
	balancer *balancer
	status   status
}

// NewGroup returns a group that has not joined yet.
func NewGroup(cfg Config) (*Group, error) {
	l, err := cfg.Connection.links()
	if err != nil {
		return nil, err
	}
	if cfg.SessionTimeout == 0 {
		cfg.SessionTimeout = 45 * time.Second
	}
	if cfg.Uptime == nil {
		cfg.Uptime = uptime.Now
	}
	if cfg.LookEvery == 0 {
		cfg.LookEvery = 5 * time.Second
	}
	return &Group{
		cfg: cfg, links: l, log: topicLog{l.client}, balancer: &balancer{identity: cfg.Ledger.Identity()}, status: newStatus(),
	}, nil
}

// Times of the membership.
const (
	retryFirst   = 500 * time.Millisecond
	retryMost    = 2 * time.Second
	remindEvery  = time.Minute
	leaveTimeout = 3 * time.Second
)

// errReassign says that the assignment does not fit the topic any more.
var errReassign = errors.New("the topic has changed")

// Run is a member of the group until ctx ends. No trouble with Kafka ends it.
func (g *Group) Run(ctx context.Context) {
	wait := retryFirst
	for ctx.Err() == nil {
		began := time.Now()
		err := g.member(ctx)
		g.status.setRole("offline")
		// Out of the group it is a newcomer, who takes over from nobody.
		g.balancer.since.Store(0)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, errReassign), errors.Is(err, jobs.ErrFenced): // JOBS has more than was known: it is caught up
			g.cfg.Log.Info("joining the group again", "why", err)
			wait = retryFirst
			pause(ctx, retryFirst)
		default:
			if time.Since(began) > remindEvery {
				wait = retryFirst
			}
			if errors.Is(err, jobs.ErrStoreFull) {
				g.storeFull(err)
			} else {
				// kafka-go keeps connections to a broker that has died, and each fails
				// one attempt.
				g.links.transport.CloseIdleConnections()
				g.hold(err)
			}
			pause(ctx, wait)
			wait = min(2*wait, retryMost)
		}
	}
	g.leave()
}

// hold says what is wrong: at once when it is new, then each minute.
func (g *Group) hold(err error) {
	err = g.cfg.Connection.explain(err)
	isNew := g.cfg.Holds.SetHold(jobs.Hold{Reason: jobs.HoldKafkaDown, Scope: "all", Message: err.Error()})
	if g.status.remind(err.Error(), isNew) {
		g.cfg.Log.Warn("kafka: work stands still", "error", err)
	}
}

// storeFull holds ingest, and lets it go on.
func (g *Group) storeFull(err error) {
	if err == nil {
		if g.cfg.Holds.ClearHold(jobs.HoldStoreFull, "all") {
			g.cfg.Log.Info("the store has room again: reading goes on")
		}
		return
	}
	hold := jobs.Hold{Reason: jobs.HoldStoreFull, Scope: "all", Message: fmt.Sprintf("reading stands still, Kafka keeps the backlog: %s", err)}
	if g.cfg.Holds.SetHold(hold) {
		g.cfg.Log.Warn("the store is full: reading stands still, Kafka keeps the backlog", "error", err)
	}
	// A byte limit that is reached passes by itself; a write error stays.
	if g.cfg.OnWriteError != nil && !errors.Is(err, jobs.ErrLimit) {
		g.cfg.OnWriteError()
	}
}

// member joins once and stays until something changes.
func (g *Group) member(ctx context.Context) error {
	ids, err := g.log.partitions(ctx, g.cfg.Topic)
	if errors.Is(err, errMissing) {
		return fmt.Errorf("topic %s does not exist; create it (the dispatcher never does)", g.cfg.Topic)
	}
	if err != nil {
		return err
	}
	if err := g.leaveGhost(ctx, ids); err != nil {
		return err
	}
	cg, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                g.cfg.GroupID,
		Brokers:           g.cfg.Connection.Servers,
		Dialer:            g.links.dialer,
		Topics:            []string{g.cfg.Topic},
		GroupBalancers:    []kafka.GroupBalancer{g.balancer},
		HeartbeatInterval: min(time.Second, g.cfg.SessionTimeout/3),
		SessionTimeout:    g.cfg.SessionTimeout,
		RebalanceTimeout:  g.cfg.SessionTimeout,
		JoinGroupBackoff:  200 * time.Millisecond,
		StartOffset:       kafka.FirstOffset,
		Timeout:           dialTimeout,
	})
	if err != nil {
		return fmt.Errorf("join group %s: %w", g.cfg.GroupID, err)
	}
	defer closeGroup(ctx, cg)
	for first := true; ; first = false {
		generation, err := g.next(ctx, cg, first)
		if err != nil {
			return err
		}
		if err := g.live(ctx, generation, ids); err != nil {
			return err
		}
	}
}

// closePatience is how long a process that ends waits for the broker to answer
// its joining, which takes up to a session when members are gone.
const closePatience = 2 * time.Second

// closeGroup ends the membership. Nothing of a session is left by now.
func closeGroup(ctx context.Context, cg *kafka.ConsumerGroup) {
	closed := make(chan struct{})
	go func() {
		_ = cg.Close()
		close(closed)
	}()
	var late <-chan time.Time // never, as long as the process goes on
	if ctx.Err() != nil {
		late = time.After(closePatience)
	}
	select {
	case <-closed:
	case <-late:
	}
}

// joinPatience is how long joining may take before it is said.
const joinPatience = 3 * time.Second

// next waits for a generation. A group on a fresh cluster has no coordinator at
// the first asking.
func (g *Group) next(ctx context.Context, cg *kafka.ConsumerGroup, first bool) (*kafka.Generation, error) {
	said := make(chan struct{})
	wait := time.AfterFunc(joinPatience, func() {
		defer close(said)
		g.hold(g.joining())
	})
	defer func() { // what is said must be over before the hold is lifted
		if !wait.Stop() {
			<-said
		}
	}()
	for tries := 0; ; tries++ {
		generation, err := cg.Next(ctx)
		if err == nil {
			return generation, g.remember(ctx, generation.MemberID)
		}
		if ctx.Err() == nil && errors.Is(err, kafka.RebalanceInProgress) {
			continue // still a member: kafka-go joins again
		}
		if ctx.Err() != nil || !first || tries > 3 || !errors.Is(err, kafka.GroupCoordinatorNotAvailable) {
			return nil, fmt.Errorf("join group %s: %w", g.cfg.GroupID, err)
		}
	}
}

// joining says what the broker waits for.
func (g *Group) joining() error {
	return fmt.Errorf("joining group %s: the broker waits for members that are gone or slow, at most %s (kafka.session_timeout)", g.cfg.GroupID, g.cfg.SessionTimeout)
}

// live lives through one generation, active or standing by.
func (g *Group) live(ctx context.Context, generation *kafka.Generation, ids []int32) error {
	assigned := generation.Assignments[g.cfg.Topic]
	g.cfg.Holds.ClearHold(jobs.HoldKafkaDown, "all")
	s := &session{Group: g, generation: generation, partitions: ids, finished: make(chan error, 1)}
	if len(assigned) == 0 {
		g.balancer.since.Store(0)
		g.status.setRole("standby")
		g.cfg.Log.Info("standing by: another process of the group is active", "group", g.cfg.GroupID)
		generation.Start(s.standBy)
	} else {
		generation.Start(s.work)
	}
	select {
	case err := <-s.finished:
		return err
	case <-ctx.Done():
		// The session ends with its generation, when the group is closed.
		s.stop()
		return <-s.finished
	}
}

// Again reads the message of a source from Kafka once more; ok is false if it is
// not there any more.
func (g *Group) Again(ctx context.Context, source jobs.Source) (jobs.Envelope, bool, error) {
	return g.log.again(ctx, source)
}
