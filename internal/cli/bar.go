package cli

import (
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// bar shows on a terminal how far a change of many jobs is. Elsewhere, and
// before there is anything to tell, it shows nothing.
type bar struct {
	env     Env
	what    string
	writer  progress.Writer // nil until the first news
	tracker *progress.Tracker
	ended   chan struct{}
}

func newBar(env Env, what string) *bar { return &bar{env: env, what: what} }

// told implements control.Progress.
func (b *bar) told(done, of int) {
	if !b.env.StderrTerminal {
		return
	}
	if b.writer == nil {
		b.begin(int64(of))
	}
	b.tracker.SetValue(int64(done))
}

func (b *bar) begin(of int64) {
	b.writer, b.tracker, b.ended = progress.NewWriter(), &progress.Tracker{Message: b.what, Total: of}, make(chan struct{})
	b.writer.SetOutputWriter(b.env.Stderr)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetTrackerLength(30)
	b.writer.AppendTracker(b.tracker)
	go func() {
		defer close(b.ended)
		b.writer.Render()
	}()
}

// end leaves the bar as it is, full if all is done.
func (b *bar) end(err error) {
	if b.writer == nil {
		return
	}
	if err == nil {
		b.tracker.SetValue(b.tracker.Total)
		b.tracker.MarkAsDone()
	} else {
		b.tracker.MarkAsErrored()
	}
	b.writer.Stop()
	<-b.ended
}
