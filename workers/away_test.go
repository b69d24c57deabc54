package workers

import (
	"context"
	"slices"
	"sync"
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
