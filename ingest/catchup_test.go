package ingest

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/store"
)

// shelf is a JOBS that holds what it is given.
type shelf struct {
	Stream
	places []place
	ends   error // what a scan ends with
}

type place struct {
	seq uint64
	env jobs.Envelope
}

func (s *shelf) Scan(_ context.Context, from uint64, fn func(uint64, jobs.Envelope) error) error {
	for _, p := range s.places {
		if p.seq < from {
			continue
		}
		if err := fn(p.seq, p.env); err != nil {
			return err
		}
	}
	return s.ends
}

// taker brings jobs into the ledger, as the scheduler does.
type taker struct {
	Activity
	ledger *store.Ledger
}

func (t taker) Take(ctx context.Context, in jobs.Intake, _ []jobs.Envelope) error {
	_, err := t.ledger.Take(ctx, in)
	return err
}

func at(seq uint64, partition int32, offset int64) place {
	return place{seq, jobs.Envelope{Topic: "t", Partition: partition, Offset: offset, Value: []byte("{}")}}
}

func TestWhatIsInJOBSButNotInTheLedgerIsTakenUpToTheFirstDamage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		places []place
		ends   error
		taken  []int64 // cursors of partitions 0 and 1 afterwards
	}{
		"all":              {[]place{at(1, 0, 0), at(2, 1, 0), at(3, 0, 1)}, nil, []int64{2, 1}},
		"damaged inside":   {[]place{at(1, 0, 0), at(2, 1, 0), at(4, 0, 2), at(5, 1, 2)}, nil, []int64{1, 1}},
		"damaged at first": {[]place{at(2, 1, 0), at(3, 0, 1)}, nil, []int64{0, 1}},
		"submitted beside": {[]place{at(1, 0, 0), {2, jobs.Envelope{}}, at(3, 0, 1)}, nil, []int64{2, 0}},
		"submitted before": {[]place{at(1, 0, 0), at(3, 0, 1)}, nil, []int64{2, 0}},
		"damaged end":      {[]place{at(1, 0, 0), at(2, 0, 1)}, jobs.ErrDamaged, []int64{2, 0}},
		"nothing":          {nil, nil, []int64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "ledger")})
			if err != nil {
				t.Fatal(err)
			}
			defer ledger.Close()
			stream := &shelf{places: c.places, ends: c.ends}
			g := &Group{cfg: Config{
				Ledger: ledger, Stream: stream, Scheduler: taker{ledger: ledger}, Log: slog.New(slog.DiscardHandler), Jobs: jobs.Reader{Clock: time.Now},
			}}
			for range 2 { // the second finds nothing new
				if _, err := g.catchUp(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var cursors []int64
			for id := range int32(2) {
				state, _ := ledger.Partition(jobs.Partition{Topic: "t", ID: id})
				cursors = append(cursors, state.Cursor)
			}
			if !slices.Equal(cursors, c.taken) {
				t.Errorf("cursors %v, want %v", cursors, c.taken)
			}
		})
	}
}

func TestASequenceThatWasPurgedIsNoDamage(t *testing.T) {
	t.Parallel()
	ledger, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "ledger")})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	stream := &shelf{places: []place{at(1, 0, 0), at(2, 1, 0), at(3, 1, 1), at(4, 1, 2)}}
	g := &Group{cfg: Config{
		Ledger: ledger, Stream: stream, Scheduler: taker{ledger: ledger}, Log: slog.New(slog.DiscardHandler), Jobs: jobs.Reader{Clock: time.Now},
	}}
	if _, err := g.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Partition 1 was purged up to its cursor; partition 0 stands still at 1.
	stream.places = []place{at(1, 0, 0), at(4, 1, 2), at(5, 0, 1), at(6, 1, 3)}
	n, err := g.catchUp(t.Context())
	if n != 2 || err != nil {
		t.Errorf("took %d: %v", n, err)
	}
}
