package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// knowledge is what was learnt about jobs from all data directories, also from
// those that are gone.
type knowledge struct {
	mu       sync.Mutex
	fates    map[string]*fate // by job id
	switches []time.Time      // when work may have passed to another directory
	loose    []time.Time      // when a request may have lost the process that keeps others away from its object
	recorded []recorded
	wrong    []string // what a directory held against the promise
	stored   int      // messages in JOBS of directories that were read
}

// fate is how a job ended, and when that was known first.
type fate struct {
	state, code string
	message     string
	ended       time.Time // first
	ends        []ending  // all: more than one if directories repeat each other's work
}

// ending is that a directory says when a job ended.
type ending struct {
	dir string
	at  time.Time
}

// recorded is a step that a data directory held as done while no process ran on it.
type recorded struct {
	job, step string // step "": the job has ended
	seen      time.Time
	handed    bool // by a process that ended as it was told: the next directory knows of it, too
}

func newKnowledge() *knowledge { return &knowledge{fates: make(map[string]*fate)} }

// learn takes over what a directory says.
func (k *knowledge) learn(dir string, list []job) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range list {
		j := &list[i]
		if !j.done() {
			continue
		}
		f := k.fates[j.ID]
		if f == nil {
			f = &fate{state: j.State, code: j.Error.Code, message: j.Error.Message, ended: j.FinishedAt}
			k.fates[j.ID] = f
		}
		if _, known := f.endedIn(j.FinishedAt); !known {
			f.ends = append(f.ends, ending{dir, j.FinishedAt})
		}
		if j.FinishedAt.Before(f.ended) {
			f.ended = j.FinishedAt
		}
	}
}

// endedIn names the directory in which the job ended at a time.
func (f *fate) endedIn(at time.Time) (dir string, ok bool) {
	i := slices.IndexFunc(f.ends, func(e ending) bool { return e.at.Equal(at) })
	if i < 0 {
		return "", false
	}
	return f.ends[i].dir, true
}

// blame notes what is wrong with a directory.
func (k *knowledge) blame(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrong = append(k.wrong, fmt.Sprintf(format, args...))
}

// sawStored counts messages that were read from JOBS.
func (k *knowledge) sawStored(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stored += n
}

// remember notes the finished steps of an unfinished job, and an ended job.
func (k *knowledge) remember(seen time.Time, j *job) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range j.Steps {
		if s.State == "done" {
			k.recorded = append(k.recorded, recorded{job: j.ID, step: s.Name, seen: seen})
		}
	}
	if j.done() {
		k.recorded = append(k.recorded, recorded{job: j.ID, seen: seen})
	}
}

// handOver notes what a directory held as succeeded when its process had ended, as it
// was told to at a time: it has committed that, and nobody does it again.
func (k *knowledge) handOver(told time.Time, list []job) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range list {
		j := &list[i]
		if j.State != "succeeded" {
			continue
		}
		over := told
		if j.FinishedAt.After(told) {
			over = j.FinishedAt
		}
		k.recorded = append(k.recorded, recorded{job: j.ID, seen: over, handed: true})
	}
}

// switched notes that work may pass to another directory now, and that requests on
// the wire are not known there.
func (k *knowledge) switched() { k.note(true, time.Now()) }

// passes notes that work passes to another directory from a time on, while whoever
// has a request on the wire is to be waited for.
func (k *knowledge) passes(at time.Time) { k.note(false, at) }

func (k *knowledge) note(loose bool, at ...time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.switches = append(k.switches, at...)
	slices.SortFunc(k.switches, time.Time.Compare)
	if loose {
		k.loose = append(k.loose, at...)
		slices.SortFunc(k.loose, time.Time.Compare)
	}
}

// activations notes when processes of two directories, which ran beside each
// other since a time, began to work, as they log it.
func (k *knowledge) activations(since time.Time, logs ...string) {
	for _, log := range logs {
		k.note(true, activeSince(since, log)...)
	}
}

// activeSince returns when a process began to work after a time, as it logs it.
func activeSince(since time.Time, log string) (list []time.Time) {
	const layout = "2006-01-02 15:04:05.000"
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "active: working") || len(line) < len(layout) {
			continue
		}
		if at, err := time.ParseInLocation(layout, line[:len(layout)], time.Local); err == nil && at.After(since) {
			list = append(list, at)
		}
	}
	return list
}

// switchedBetween reports whether work may have passed to another directory
// between two moments.
func (k *knowledge) switchedBetween(from, to time.Time) bool { return k.between(&k.switches, from, to) }

// looseBetween reports whether a request that was under way between two moments may
// have been unknown to the directory that worked at its end.
func (k *knowledge) looseBetween(from, to time.Time) bool { return k.between(&k.loose, from, to) }

func (k *knowledge) between(list *[]time.Time, from, to time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	i, _ := slices.BinarySearchFunc(*list, from, time.Time.Compare)
	return i < len(*list) && !(*list)[i].After(to)
}

// stepPath is what the path of a step's request ends in, "" if it is not told
// apart.
func stepPath(name string) string {
	if id, ok := strings.CutPrefix(name, "patch/"); ok {
		return id + "/"
	}
	return ""
}
