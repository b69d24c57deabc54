package jobs

import "time"

// SetPatience lets a test wait less for what never comes.
func (s *Stream) SetPatience(d time.Duration) { s.patience = d }

// Subject is where the messages of a partition are.
func Subject(p Partition) string { return subject(p) }
