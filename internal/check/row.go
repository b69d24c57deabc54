package check

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"dispatcher/jobs"
)

// Row is one question and its answer. A row that is fine may have a remedy all
// the same: something to know.
type Row struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Value  string `json:"value"`
	Remedy string `json:"remedy"`
}

// Party answers for one outside party.
type Party struct {
	Name string
	Ask  func(ctx context.Context) []Row
}

// PartyTimeout bounds the questions to one party.
const PartyTimeout = 20 * time.Second

// Run asks all parties, at the same time, and returns their rows in order. A
// party that never answers is said to, and waited for no longer than timeout.
func Run(ctx context.Context, parties []Party, timeout time.Duration) (rows []Row, ok bool) {
	answers := make([][]Row, len(parties))
	var group sync.WaitGroup
	for i, p := range parties {
		group.Go(func() { answers[i] = p.within(ctx, timeout) })
	}
	group.Wait()
	ok = true
	for _, some := range answers {
		for _, row := range some {
			ok = ok && row.OK
		}
		rows = append(rows, some...)
	}
	return rows, ok
}

func (p Party) within(ctx context.Context, timeout time.Duration) []Row {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer := make(chan []Row, 1)
	go func() { answer <- p.Ask(ctx) }()
	select {
	case rows := <-answer:
		return rows
	case <-ctx.Done():
	}
	select { // it may have noticed, too, and know more
	case rows := <-answer:
		return rows
	case <-time.After(time.Second):
		return []Row{{Name: p.Name, Value: "no answer within " + timeout.String(), Remedy: "is it up, and is its address right?"}}
	}
}

// fine is a row that needs nothing.
func fine(name, value string) Row { return Row{Name: name, OK: true, Value: value} }

// noted is a row that is fine, with something to know.
func noted(name, value, remedy string) Row {
	return Row{Name: name, OK: true, Value: value, Remedy: remedy}
}

// wrong is a row that fails.
func wrong(name, value, remedy string) Row { return Row{Name: name, Value: value, Remedy: remedy} }

// failed makes a row of an error: what it says behind its last semicolon is the
// remedy, as everywhere in this program.
func failed(name string, err error, remedy string) Row {
	var hold *jobs.HoldError
	if errors.As(err, &hold) {
		err = hold.Err
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if i := strings.LastIndex(text, "; "); i >= 0 {
		text, remedy = text[:i], text[i+2:]
	}
	return wrong(name, text, remedy)
}
