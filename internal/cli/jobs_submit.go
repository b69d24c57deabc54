package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"dispatcher/config"
	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

func submitCommand() *cli.Command {
	return &cli.Command{
		Name:      "submit",
		Usage:     "make a job of a message without Kafka and print its id",
		ArgsUsage: "FILE|-",
		Flags: append(signedFlags(),
			&cli.StringFlag{Name: "key", Usage: "ordering `KEY`, as a Kafka record's"},
			&cli.BoolFlag{Name: "wait", Usage: "wait for the outcome; exit 1 if it is not succeeded"},
			&cli.BoolFlag{Name: "json", Usage: "the job as one JSON object"},
		),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("jobs submit: wants one file with a message, or - for standard input")
			}
			value, err := readMessage("jobs submit", c.Args().First(), envOf(c).Stdin)
			if err != nil {
				return err
			}
			by := jobs.AuditEntry{Operator: operatorName(), Action: "submit", Reason: c.String("reason")}
			var key []byte
			if c.IsSet("key") {
				key = []byte(c.String("key"))
			}
			s := submission{Context: c, env: jobs.NewSubmission(key, value, time.Now(), by)}
			if err := withBackend(c, s.submit); err != nil {
				return err
			}
			return s.outcome()
		},
	}
}

// submission is one message on its way.
type submission struct {
	*cli.Context
	env jobs.Envelope
	job control.Job
}

// submit hands the message over. When nobody knows how that ended the id says
// where to look.
func (s *submission) submit(ctx context.Context, b control.Backend) (err error) {
	if _, live := b.(*control.Client); !live && s.Bool("wait") {
		return usagef("jobs submit --wait: no dispatcher runs that would carry it out; start it, or leave --wait out")
	}
	s.job, err = b.Submit(ctx, s.env)
	if errors.Is(err, control.ErrNoRoom) {
		return fmt.Errorf("jobs submit: not taken: %w", err)
	}
	if err != nil {
		return fmt.Errorf("submit %s: %w; it may have been taken: see dispatcher jobs show %s before you submit it again", s.env.ID(), err, s.env.ID())
	}
	if !s.Bool("json") {
		fmt.Fprintln(envOf(s.Context).Stdout, s.job.ID)
	}
	return nil
}

// outcome tells what became of the job, if that is wanted.
func (s *submission) outcome() error {
	if s.Bool("wait") {
		if err := s.wait(); err != nil {
			return err
		}
	}
	if s.Bool("json") {
		if err := writeJSON(envOf(s.Context).Stdout, s.job); err != nil {
			return err
		}
	}
	if !s.Bool("wait") || s.job.State == jobs.Succeeded {
		return nil
	}
	why := "see dispatcher jobs show " + s.job.ID
	if e := s.job.Error; e != nil {
		why = string(e.Code) + ": " + e.Message
	}
	return &exitError{code: exitFailed, err: fmt.Errorf("job %s: %s: %s", s.job.ID, s.job.State, why)}
}

// lookEvery is how often the outcome is looked for.
const lookEvery = 200 * time.Millisecond

// wait looks at the job until it has ended, also over a restart of the process.
func (s *submission) wait() error {
	for !s.job.State.Ended() {
		select {
		case <-s.Context.Context.Done():
			return &exitError{code: exitFailed, err: fmt.Errorf("job %s: interrupted; it goes on", s.job.ID)}
		case <-time.After(lookEvery):
		}
		err := s.look()
		var exit *exitError
		if errors.As(err, &exit) || control.IsNoJob(err) {
			return err
		}
	}
	return nil
}

// look asks the running process; trouble with it passes.
func (s *submission) look() error {
	cfg, err := loadConfig(s.Context, config.ForJobs)
	if err != nil {
		return err
	}
	through := func(do func(context.Context, control.Backend) error) error {
		return throughProcess(s.Context.Context, cfg.DataDir, do)
	}
	if path := s.String("join"); path != "" {
		through = func(do func(context.Context, control.Backend) error) error {
			return throughJoin(s.Context.Context, envOf(s.Context), path, do)
		}
	}
	return through(func(ctx context.Context, b control.Backend) error {
		for !s.job.State.Ended() {
			shown, err := b.Show(ctx, control.ShowQuery{ID: s.job.ID})
			if err != nil {
				return err
			}
			if s.job = shown.Job; s.job.State.Ended() {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(lookEvery):
			}
		}
		return nil
	})
}
