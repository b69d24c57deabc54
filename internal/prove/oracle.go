package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dispatcher/internal/fakeciso"
)

// oracle knows what was asked for and what happened, and tells whether that
// fits the promise.
type oracle struct {
	arena   *arena
	know    *knowledge
	watch   *observer
	byToken map[string]*record
	byID    map[string]*record // by job id
	keys    map[string][]*record
	asked   map[string][]fakeciso.Entry // requests by job, in order
	journal []fakeciso.Entry
	reports map[string][]report // error records by job id

	wrong   []string
	repeats map[string]int
}

// record is a message where Kafka has put it.
type record struct {
	*message
	id        string
	partition int
	offset    int64
}

// report is an error record.
type report struct {
	JobID    string    `json:"job_id"`
	Code     string    `json:"code"`
	Error    string    `json:"error"`
	FailedAt time.Time `json:"failed_at"`
	sent     time.Time
}

// newOracle gathers all that can be known.
func newOracle(ctx context.Context, a *arena, sent []*message, know *knowledge, watch *observer) (*oracle, error) {
	o := &oracle{
		arena: a, know: know, watch: watch, byToken: make(map[string]*record), byID: make(map[string]*record),
		keys: make(map[string][]*record), asked: make(map[string][]fakeciso.Entry), reports: make(map[string][]report), repeats: make(map[string]int),
	}
	if err := o.findRecords(ctx, sent); err != nil {
		return nil, err
	}
	o.journal = a.api.Journal()
	for _, e := range o.journal {
		if e.Job != "" {
			o.asked[e.Job] = append(o.asked[e.Job], e)
		}
	}
	return o, o.findReports(ctx)
}

// findRecords learns where Kafka has put the messages.
func (o *oracle) findRecords(ctx context.Context, sent []*message) error {
	records, err := o.arena.kafka.Records(ctx, topic)
	if err != nil {
		return err
	}
	byValue := make(map[string]*message, len(sent))
	for _, m := range sent {
		byValue[m.value] = m
	}
	for _, r := range records {
		m := byValue[string(r.Value)]
		if m == nil || o.byToken[m.token] != nil {
			return fmt.Errorf("the attack itself went wrong: record %d-%d %q was not sent, or twice", r.Partition, r.Offset, r.Value)
		}
		found := &record{m, fmt.Sprintf("%s-%d-%d", topic, r.Partition, r.Offset), r.Partition, r.Offset}
		o.byToken[m.token], o.byID[found.id] = found, found
		o.keys[m.key] = append(o.keys[m.key], found)
	}
	if len(o.byToken) != len(sent) {
		return fmt.Errorf("the attack itself went wrong: %d messages were sent, %d are in Kafka", len(sent), len(o.byToken))
	}
	return nil
}

func (o *oracle) findReports(ctx context.Context) error {
	records, err := o.arena.kafka.Records(ctx, errorTopic)
	if err != nil {
		return err
	}
	for _, r := range records {
		var v report
		if err := json.Unmarshal(r.Value, &v); err != nil {
			o.blame("an error record is no JSON: %q", r.Value)
			continue
		}
		v.sent = r.Time
		o.reports[v.JobID] = append(o.reports[v.JobID], v)
	}
	return nil
}

// blame notes a violation of the promise.
func (o *oracle) blame(format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

// judge checks everything.
func (o *oracle) judge() {
	o.wrong = append(append(o.wrong, o.watch.wrong...), o.know.wrong...)
	o.repeats["messages in JOBS of dead processes checked"] = o.know.stored
	o.checkFates()
	o.checkReports()
	o.checkCommits()
	o.checkRecorded()
	o.checkObjects()
	o.checkOverlaps()
	o.checkEvidences()
}

// onTheWire reports whether a request was under way when its process was killed
// or stopped and another directory took over: nobody can call that back, and
// nobody but the lost directory knew of it.
func (o *oracle) onTheWire(e *fakeciso.Entry) bool { return o.know.looseBetween(e.Start, e.End) }

// writing returns the request by which a job changed an object at a time.
func (o *oracle) writing(job string, at time.Time) *fakeciso.Entry {
	for i := range o.asked[job] {
		e := &o.asked[job][i]
		if e.Method != "GET" && !e.Start.After(at) && !e.End.Before(at) {
			return e
		}
	}
	return nil
}

// crashed reports whether a job was given up because the process died with it
// in hand three times, as it must.
func (o *oracle) crashed(r *record) bool {
	f := o.know.fates[r.id]
	return f != nil && f.code == "crashed"
}

// history tells what a job did, for people.
func (o *oracle) history(r *record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    %s %q (key %q, wanted %q)\n", r.id, r.token, r.key, r.want)
	if f := o.know.fates[r.id]; f != nil {
		fmt.Fprintf(&b, "      %s %s %s at %s\n", f.state, f.code, f.message, clock(f.ended))
	}
	for _, e := range o.asked[r.id] {
		fmt.Fprintf(&b, "      %s-%s %s %s?%s %d %s wrote %v\n", clock(e.Start), clock(e.End), e.Method, e.Path, e.Query, e.Status, e.Fault, e.Written)
	}
	return strings.TrimRight(b.String(), "\n")
}

// sorted returns the keys of a map in order, so that a run prints the same.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
