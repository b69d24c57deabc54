package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"dispatcher/internal/fakeciso"
)

const (
	outageFault       = "an outage of the API (HTTP 502 of a proxy)"
	outageLong        = 10 * time.Minute
	outageShort       = 20 * time.Second
	outageConcurrency = 8

	// resumesWithin is the promise for the first write after an outage, five
	// seconds, and what a busy machine may add.
	resumesWithin = 5*time.Second + 2*time.Second
)

// proveOutage has a proxy answer 502 in the API's place for minutes while
// messages flow, with the times that the dispatcher has by default: nothing may
// fail, the API is asked gently, and work goes on soon after it is back and
// without a herd.
func proveOutage(ctx context.Context, o options, binary string) error {
	if !strings.Contains(outageFault, o.only) {
		return nil
	}
	a, err := newArena(ctx, arenaConfig{binary: binary, fast: true, partitions: 2})
	if err != nil {
		return err
	}
	defer a.close()
	for _, name := range []string{"API_TIMEOUT", "API_UPLOAD_TIMEOUT", "API_WRITE_QUARANTINE", "RETRY_BASE", "RETRY_CAP", "RETRY_MAX_ATTEMPTS", "KAFKA_SESSION_TIMEOUT"} {
		delete(a.env, name)
	}
	length := outageLong
	if o.short {
		length = outageShort
	}
	note("\nthe API is away for %s", length)
	a.tally.expect(outageFault)
	s := &storm{arena: a, watch: newObserver(a), know: newKnowledge()}
	s.load = &load{arena: a, gen: newGenerator(o.seed, a.land, a.putFile), every: 100 * time.Millisecond}
	out := &outage{storm: s, length: length}
	if err := out.play(ctx); err != nil {
		return err
	}
	verdict, err := newOracle(ctx, a, s.load.sent, s.know, s.watch)
	if err != nil {
		return err
	}
	verdict.judge()
	out.judge(verdict)
	return totals(s, verdict)
}

// outage is what happened around one.
type outage struct {
	*storm
	length      time.Duration
	began, back time.Time
}

func (o *outage) play(ctx context.Context) error {
	h, err := o.newHost()
	if err != nil {
		return err
	}
	if err := h.start(fmt.Sprint("CONCURRENCY=", outageConcurrency)); err != nil {
		return err
	}
	defer h.Kill()
	if err := h.becomes(ctx, "active", patience); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	flowing, stopFlow := context.WithCancel(ctx)
	var group, made sync.WaitGroup
	group.Go(func() { o.watch.run(watching) })
	made.Go(func() { o.load.run(flowing) })
	o.strike(ctx)
	stopFlow()
	made.Wait()
	err = o.rested(ctx)
	stop()
	group.Wait()
	if err = errors.Join(err, o.load.err); err != nil {
		return fmt.Errorf("%w\nlog of run:\n%s", err, h.tail())
	}
	list, err := h.jobs(ctx)
	o.know.learn(h.dir, list)
	return err
}

// strike has messages flow before, during and after the outage.
func (o *outage) strike(ctx context.Context) {
	const around = 3 * time.Second
	pause(ctx, around)
	o.began = time.Now()
	o.api.AddFault(fakeciso.Fault{Times: -1, Kind: fakeciso.Status, Code: 502, Body: "<h1>502 Bad Gateway</h1>"})
	pause(ctx, o.length)
	o.api.ClearFaults()
	o.back = time.Now()
	o.tally.add(outageFault, o.api.Struck()[fakeciso.Status])
	pause(ctx, around+resumesWithin)
}

// judge counts the requests of the outage, and looks at what came after it.
func (o *outage) judge(verdict *oracle) {
	asked, most, first := 0, 0, time.Duration(math.MaxInt64)
	var after []fakeciso.Entry
	for _, e := range verdict.journal {
		switch {
		case e.Start.Before(o.began):
		case e.Start.Before(o.back):
			asked++
		default:
			if after = append(after, e); len(e.Written) > 0 {
				first = min(first, e.Start.Sub(o.back))
			}
		}
	}
	for _, e := range after {
		most = max(most, together(after, e.Start))
	}
	// What was under way, and probes: every half a second at first, then less and
	// less often, at most every few seconds; one is two requests.
	gentle := 2*outageConcurrency + 20 + int(o.length/time.Second)
	note("%d requests in %s, at most %d are gentle; the first write %s after it; at most %d requests at a time",
		asked, o.length, gentle, first.Round(time.Millisecond), most)
	if asked > gentle {
		verdict.blame("%d requests in %s of outage", asked, o.length)
	}
	if first > resumesWithin {
		verdict.blame("the first write came %s after the outage", first)
	}
	if most > outageConcurrency+1 { // and the probe
		verdict.blame("%d requests at a time after the outage", most)
	}
}

// together is how many requests were under way at a time.
func together(list []fakeciso.Entry, at time.Time) (n int) {
	for i := range list {
		if e := &list[i]; !e.Start.After(at) && (e.End.IsZero() || e.End.After(at)) {
			n++
		}
	}
	return n
}
