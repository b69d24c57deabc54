// Command demo shows the dispatcher at work with nothing else installed: an
// embedded Kafka, S3 and CISO Assistant API, the real binary, about thirty
// messages good and bad, an outage of the API and a kill -9 in the middle. It
// exits with 1 if anything went otherwise than it must. With the argument
// sandbox it runs the stand-ins alone, to be tried by hand.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	act := demo
	if len(os.Args) > 1 && os.Args[1] == "sandbox" {
		act = sandbox
	}
	if err := act(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()

	say("1. The dispatcher starts, and messages come in from scanners, CI and ticketing.")
	if err := s.start(); err != nil {
		return err
	}
	if err := s.send(ctx, first(s)); err != nil {
		return err
	}
	if err := s.ended(ctx, len(s.sent)); err != nil {
		return err
	}

	say("2. CISO Assistant goes away for a few seconds. Nothing fails: work stands still.")
	s.api.Down(true)
	if err := s.send(ctx, second()); err != nil {
		return err
	}
	pause(ctx, 2*time.Second)

	say("3. In the middle of it the dispatcher is killed with SIGKILL, and started again.")
	s.kill()
	if err := s.start(); err != nil {
		return err
	}
	pause(ctx, time.Second)

	say("4. CISO Assistant is back: everything is carried out, in order.")
	s.api.Down(false)
	if err := s.ended(ctx, len(s.sent)); err != nil {
		return err
	}
	if err := s.reported(ctx); err != nil {
		return err
	}
	return s.verdict(ctx)
}

func say(text string) { fmt.Printf("\n\033[1m%s\033[0m\n", text) }

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
