package workers

import "context"

// slot is a number of places; nil: as many as one likes.
type slot chan struct{}

// take waits for a place; false: ctx has ended.
func (s slot) take(ctx context.Context) bool {
	select {
	case s <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// tryTake takes a place if one is free.
func (s slot) tryTake() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// lent lets another attempt have the place while fn waits for a sync on another
// host: the API is kept busy meanwhile.
func (s slot) lent(fn func() error) error {
	if s == nil {
		return fn()
	}
	<-s
	defer func() { s <- struct{}{} }() // whoever has it is carrying out an attempt, and that ends
	return fn()
}
