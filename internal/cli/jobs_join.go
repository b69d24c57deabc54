package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"dispatcher/jobs/control"
	"dispatcher/jobs/join"
)

// throughJoin asks a process on another host: the first of the join file that is
// active, or else one that answers.
func throughJoin(ctx context.Context, env Env, path string, do func(context.Context, control.Backend) error) error {
	hosts, err := readJoin(env, path, join.Operator)
	if err != nil {
		return err
	}
	var best *control.Client
	var errs []error
	for _, host := range hosts {
		client, err := operate(host)
		if err != nil {
			errs = append(errs, fmt.Errorf("connect to the dispatcher at %s: %w", host.Address, join.Explain(err)))
			continue
		}
		defer client.Conn.Close()
		if len(hosts) == 1 {
			return do(ctx, client)
		}
		stats, err := client.Stats(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if best = client; stats.Role == "active" {
			break
		}
	}
	if best == nil {
		return errors.Join(errs...)
	}
	return do(ctx, best)
}

func operate(host join.File) (*control.Client, error) {
	public, err := host.Public()
	if err != nil {
		return nil, err
	}
	options, err := host.Options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(host.URL(), append(options, nats.Name("dispatcher jobs"), nats.Timeout(5*time.Second), nats.NoReconnect())...)
	if err != nil {
		return nil, err
	}
	return &control.Client{Conn: nc, Prefix: control.OperatorPrefix(public)}, nil
}

// readJoin reads a join file, and says when others can read it, too.
func readJoin(env Env, path string, role join.Role) ([]join.File, error) {
	hosts, open, err := join.Read(path, role)
	if err != nil {
		return nil, usagef("%s", err)
	}
	if open {
		fmt.Fprintf(env.Stderr, "note: %s is a secret and others can read it: chmod 600 %s\n", path, path)
	}
	return hosts, nil
}
