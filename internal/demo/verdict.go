package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// verdict shows what became of every message, and whether it is what must.
func (s *stage) verdict(ctx context.Context) error {
	jobs, err := s.jobs(ctx)
	if err != nil {
		return err
	}
	reported, err := s.errors(ctx)
	if err != nil {
		return err
	}
	say("What came in, and what became of it:")
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.AppendHeader(table.Row{"job", "message", "outcome", "tries", "errors topic", "reason"})
	wrong := 0
	for _, m := range s.sent {
		j := jobs[m.id]
		outcome := j.State
		if j.State == "failed" {
			outcome = j.Error.Code
		}
		bad := outcome != m.want || (m.want != "succeeded") != (reported[m.id] == m.want)
		if bad {
			wrong++
			outcome += " (must be " + m.want + ")"
		}
		t.AppendRow(table.Row{m.id, m.what, outcome, j.Attempts, reported[m.id], cut(j.Error.Message+j.Note, 60)})
	}
	t.Render()
	order := s.order()
	fmt.Printf("\norder of the six steps of AC-4, as the API saw them: %s\n", strings.Join(order, ", "))
	if strings.Join(order, ",") != "step 1,step 2,step 3,step 4,step 5,step 6" {
		wrong++
	}
	evidences := len(s.api.Objects("evidences"))
	fmt.Printf("%d messages, %d carried out, %d reported on the errors topic; %d evidences made\n", len(s.sent), len(s.sent)-len(reported), len(reported), evidences)
	if evidences != 4 {
		wrong++
	}
	if wrong > 0 {
		return fmt.Errorf("%d things are not as they must be", wrong)
	}
	fmt.Println("everything is as it must be")
	return nil
}

// order is the history of AC-4.
func (s *stage) order() (list []string) {
	for _, c := range s.api.History("applied-controls", s.control) {
		if text, ok := c.Fields["observation"].(string); ok && (len(list) == 0 || list[len(list)-1] != text) {
			list = append(list, text)
		}
	}
	return list
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
