package remote

// shares divides a rate of requests over all processes that carry out jobs, so
// that together they do not exceed it. A newcomer gets what the others have left
// until they have heard, at their next renewal, that their share is smaller.
type shares struct {
	total float64                 // requests per second, 0: no limit
	own   func(perSecond float64) // of this process; nil: it carries out nothing
}

// atLeast is the part of a fair share that a newcomer gets at once: with nothing
// at all it would stand still for as long as others do not speak.
const atLeast = 0.1

// divide returns what one more process may ask per second, and sets the share of this one.
// others are what the other ones were told last.
func (s *shares) divide(others []float64) float64 {
	n := len(others) + 1
	if s.own != nil {
		n++
	}
	fair := s.total / float64(n)
	left := s.total
	for _, given := range others {
		left -= given
	}
	one := max(atLeast*fair, min(fair, left-fair*float64(n-1-len(others))))
	s.keep(others, one)
	return one
}

// keep sets the share of this process: a fair one, but not what others have.
func (s *shares) keep(others []float64, more ...float64) {
	if s.own == nil || s.total == 0 {
		return
	}
	fair, left := s.total/float64(len(others)+len(more)+1), s.total
	for _, list := range [][]float64{others, more} {
		for _, given := range list {
			left -= given
		}
	}
	s.own(max(atLeast*fair, min(fair, left)))
}
