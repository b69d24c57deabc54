package workers

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dispatcher/jobs"
)

// slowClaims has Lock wait for a word.
type slowClaims struct {
	*fakeClaims
	locked chan struct{}
}

func (s *slowClaims) Lock(ctx context.Context, lease jobs.Lease, objects []string) error {
	<-s.locked
	return s.fakeClaims.Lock(ctx, lease, objects)
}

func awayConfig(claims Claims) PoolConfig {
	return PoolConfig{Away: true, Claims: claims, Concurrency: 1, Grace: time.Minute}
}

// A job that waits for a place could be another worker's: few may, and at the end
// they are given back with no attempt spent.
func TestAwayAJobThatWaitsForAPlaceIsGivenBackAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		claims, release := newClaims(), make(chan struct{})
		claims.add(5, anUpdate)
		stop, ended := runPool(t, func(context.Context, *Run) error { <-release; return nil }, awayConfig(claims))
		synctest.Wait()
		if left := len(claims.queue); left != 3 {
			t.Errorf("%d of 5 are left, want 3: one in flight and one ahead", left)
		}
		stop()
		synctest.Wait()
		close(release)
		<-ended
		var kinds []jobs.OutcomeKind
		for _, o := range claims.outcomes {
			kinds = append(kinds, o.Kind)
		}
		slices.Sort(kinds)
		if want := []jobs.OutcomeKind{jobs.OutcomeSucceeded, jobs.OutcomeReturned}; !slices.Equal(kinds, want) {
			t.Errorf("outcomes %v, want %v", kinds, want)
		}
	})
}

// While one waits for the sync of its locks another one keeps the API busy; never
// more than the concurrency do.
func TestAwayTheApiIsKeptBusyWhileLocksAreSynced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		claims := &slowClaims{newClaims(), make(chan struct{})}
		claims.add(3, anUpdate)
		var mu sync.Mutex
		var begun, busy, most int
		stop, ended := runPool(t, func(ctx context.Context, r *Run) error {
			work := func() {
				mu.Lock()
				busy++
				most = max(most, busy)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				busy--
				mu.Unlock()
			}
			mu.Lock()
			begun++
			mu.Unlock()
			work()
			if err := r.Lock(ctx, []string{r.ID}); err != nil {
				return err
			}
			work()
			return nil
		}, awayConfig(claims))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		mu.Lock()
		if begun != 2 { // as many as it has goroutines
			t.Errorf("%d have begun while the first waits for its locks, want 2", begun)
		}
		mu.Unlock()
		close(claims.locked)
		for range 3 {
			<-claims.ended
		}
		if most != 1 {
			t.Errorf("%d carried out something at a time, allowed is 1", most)
		}
		stop()
		<-ended
	})
}

// relayClaims answers an outcome with the next job.
type relayClaims struct {
	*fakeClaims
	asked atomic.Int64
	wait  chan struct{} // nil: it answers at once
}

func (r *relayClaims) FinishNext(ctx context.Context, lease jobs.Lease, o jobs.Outcome) (*jobs.Claim, error) {
	r.asked.Add(1)
	if err := r.Finish(ctx, lease, o); err != nil {
		return nil, err
	}
	if r.wait != nil {
		<-r.wait
	}
	select {
	case c := <-r.queue:
		return c, nil
	default:
		return nil, nil
	}
}

func TestAwayTheNextJobComesWithTheAnswerToAnOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		claims := &relayClaims{fakeClaims: newClaims()}
		claims.add(20, anUpdate)
		var busy, most atomic.Int64
		stop, ended := runPool(t, func(context.Context, *Run) error {
			most.Store(max(most.Load(), busy.Add(1)))
			time.Sleep(time.Second)
			busy.Add(-1)
			return nil
		}, awayConfig(claims))
		for range 20 {
			<-claims.ended
		}
		stop()
		<-ended
		if n := claims.asked.Load(); n < 10 {
			t.Errorf("%d of 20 outcomes asked for the next job", n)
		}
		if most.Load() != 1 {
			t.Errorf("%d were carried out at a time, allowed is 1", most.Load())
		}
	})
}

// A job that comes with an answer when the pool was told to end is not begun.
func TestAwayAJobThatComesAtTheEndIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		claims := &relayClaims{fakeClaims: newClaims(), wait: make(chan struct{})}
		claims.add(1, anUpdate)
		stop, ended := runPool(t, func(context.Context, *Run) error { return nil }, awayConfig(claims))
		<-claims.ended
		synctest.Wait()
		stop()
		synctest.Wait() // who asked for a job has gone
		claims.add(1, anUpdate)
		claims.outcomes = make(map[uint64]jobs.Outcome)
		close(claims.wait)
		<-ended
		if o, ok := claims.outcomes[0]; !ok || o.Kind != jobs.OutcomeReturned {
			t.Errorf("the job that came last: %v", claims.outcomes)
		}
	})
}
