package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show everything about one job",
		ArgsUsage: "ID",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "payload", Usage: "with its message"},
			&cli.BoolFlag{Name: "json", Usage: "one JSON object"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("jobs show: wants one job id; see dispatcher jobs list")
			}
			query := control.ShowQuery{ID: c.Args().First(), Payload: c.Bool("payload")}
			return withBackend(c, func(ctx context.Context, b control.Backend) error {
				job, err := b.Show(ctx, query)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return writeJSON(c.App.Writer, job)
				}
				hold, err := holdOf(ctx, b, &job)
				if err != nil {
					return err
				}
				printJob(envOf(c), &job, hold, time.Now())
				return nil
			})
		},
	}
}

// holdOf finds the hold that a job waits for; nil if it waits for none.
func holdOf(ctx context.Context, b control.Backend, job *control.Detail) (*jobs.Hold, error) {
	if job.Waiting == nil || job.Waiting.Reason.Remedy() == "" {
		return nil, nil
	}
	stats, err := b.Stats(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range stats.Holds {
		if h.Reason == job.Waiting.Reason && (h.Scope == "all" || h.Scope == "type:"+job.Type) {
			return &h, nil
		}
	}
	return nil, nil // it ended meanwhile
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// printJob writes a job for people: empty lines are left out.
func printJob(env Env, job *control.Detail, hold *jobs.Hold, now time.Time) {
	p := page{w: env.Stdout}
	p.line("job", job.ID)
	p.line("state", paint(env, job.State)+stateDetail(job, now))
	if hold != nil {
		p.hold(hold, now)
	}
	p.line("type", oneCell(job.Type))
	p.line("key", oneCell(job.Key))
	if s := job.Source; s != nil {
		p.line("source", fmt.Sprintf("topic %s, partition %d, offset %d, %s", s.Topic, s.Partition, s.Offset, s.Timestamp.Format(time.RFC3339)))
	}
	p.when("received", job.ReceivedAt, now)
	p.when("started", job.StartedAt, now)
	p.when("finished", job.FinishedAt, now)
	p.when("next attempt", job.NextAttemptAt, now)
	p.line("attempts", fmt.Sprint(job.Attempts))
	p.line("worker", job.Worker)
	p.line("objects", strings.Join(job.Objects, ", "))
	p.line("note", oneCell(job.Note))
	if e := job.Error; e != nil {
		p.line("error", fmt.Sprintf("%s (%s): %s", e.Code, e.Class, oneCell(e.Message)))
	}
	if job.State == jobs.Failed && job.Error != nil {
		p.line("remedy", job.Error.Code.Remedy())
	}
	p.steps(job.Steps, now)
	p.attempts(job.AttemptLog, now)
	p.audit(job.Audit, now)
	if job.Message != nil {
		fmt.Fprintf(p.w, "\nmessage\n  %s\n", visible(string(job.Message)))
	}
}

// stateDetail says what an unfinished job waits for.
func stateDetail(job *control.Detail, now time.Time) string {
	w := job.Waiting
	switch {
	case w == nil:
		return ""
	case w.Reason == jobs.WaitBehind:
		return ", behind " + w.Behind + ", an earlier job of its key"
	case w.Reason == jobs.WaitLocked:
		return ", waits for an object that another job writes or wrote without an answer"
	case w.Reason == jobs.WaitBackoff:
		return ", next attempt " + ago(job.NextAttemptAt, now)
	case w.Reason == jobs.WaitStandby:
		return ", this process is not the active one of its group"
	case w.Reason == jobs.WaitWorker:
		return ", no worker is connected: " + w.Reason.Remedy()
	}
	return ", on hold: " + string(w.Reason)
}

type page struct{ w io.Writer }

func (p page) line(name, value string) {
	if name == "" {
		value = "→ " + value
	}
	if value != "" {
		fmt.Fprintf(p.w, "%-13s %s\n", name, value)
	}
}

// hold tells why work stands still, and what ends that.
func (p page) hold(h *jobs.Hold, now time.Time) {
	p.line("on hold", fmt.Sprintf("%s (%s) since %s: %s", h.Reason, h.Scope, ago(h.Since, now), oneCell(h.Message)))
	p.line("", h.Reason.Remedy())
}

func (p page) when(name string, at, now time.Time) {
	if !at.IsZero() {
		p.line(name, fmt.Sprintf("%s (%s)", at.Format(time.RFC3339), ago(at, now)))
	}
}

func (p page) steps(steps []jobs.Step, _ time.Time) {
	if len(steps) > 0 {
		fmt.Fprintln(p.w, "\nsteps")
	}
	for _, s := range steps {
		mark := "✓"
		if s.State != jobs.StepDone {
			mark = "…"
		}
		took := ""
		if !s.FinishedAt.IsZero() {
			took = s.FinishedAt.Sub(s.StartedAt).Round(time.Millisecond).String()
		}
		fmt.Fprintf(p.w, "  %s %-40s %8s  %s\n", mark, s.Name, took, cut(oneCell(string(s.Result)), 120))
	}
}

func (p page) attempts(list []jobs.Attempt, now time.Time) {
	if len(list) > 0 {
		fmt.Fprintln(p.w, "\nattempts that failed")
	}
	for _, a := range list {
		status := ""
		if a.HTTPStatus != 0 {
			status = fmt.Sprintf(" HTTP %d", a.HTTPStatus)
		}
		fmt.Fprintf(p.w, "  %d  %s, took %s%s  %s\n", a.N, ago(a.StartedAt, now), time.Duration(a.DurationMS)*time.Millisecond, status, oneCell(a.Message))
	}
}

func (p page) audit(list []jobs.AuditEntry, now time.Time) {
	if len(list) > 0 {
		fmt.Fprintln(p.w, "\noperators")
	}
	for _, a := range list {
		fmt.Fprintf(p.w, "  %s  %s by %s  %s\n", ago(a.At, now), a.Action, oneCell(a.Operator), oneCell(a.Reason))
	}
}

// cut shortens a text to n runes.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
