package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"dispatcher/jobs/control"
)

func pauseFlags() []cli.Flag {
	return append(signedFlags(), &cli.StringFlag{Name: "type", Usage: "only messages of this `TYPE`"})
}

func pauseCommand() *cli.Command {
	return &cli.Command{
		Name:  "pause",
		Usage: "begin no more work until resume, over restarts too; what runs may end",
		Flags: pauseFlags(),
		Action: func(c *cli.Context) error {
			return pauseOrResume(c, func(ctx context.Context, b control.Backend, q control.PauseQuery) (string, control.Paused, error) {
				now, err := b.Pause(ctx, q)
				if now.Changed {
					return whichWork(q.Type) + " is paused", now, err
				}
				return whichWork(q.Type) + " was paused already", now, err
			})
		},
	}
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "resume",
		Usage: "end a pause; without --type all of them",
		Flags: pauseFlags(),
		Action: func(c *cli.Context) error {
			return pauseOrResume(c, func(ctx context.Context, b control.Backend, q control.PauseQuery) (string, control.Paused, error) {
				now, err := b.Resume(ctx, q)
				if now.Changed {
					return whichWork(q.Type) + " goes on", now, err
				}
				return whichWork(q.Type) + " was not paused", now, err
			})
		},
	}
}

// pauseOrResume tells what was done and what is paused now.
func pauseOrResume(c *cli.Context, do func(context.Context, control.Backend, control.PauseQuery) (string, control.Paused, error)) error {
	if err := noArguments(c); err != nil {
		return err
	}
	query := control.PauseQuery{Type: c.String("type"), Signed: signed(c)}
	if query.Type != "" {
		if err := control.KnownType(query.Type); err != nil {
			return usagef("--%s", err)
		}
	}
	return withBackend(c, func(ctx context.Context, b control.Backend) error {
		done, now, err := do(ctx, b, query)
		if err != nil {
			return err
		}
		env := envOf(c)
		fmt.Fprintln(env.Stdout, done)
		for _, h := range now.Holds {
			fmt.Fprintf(env.Stdout, "  paused: %s, %s\n", h.Scope, oneCell(h.Message))
		}
		return nil
	})
}

func whichWork(messageType string) string {
	if messageType == "" {
		return "work"
	}
	return "work on " + messageType
}
