package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Cards of a deck; crash points are cards too: "crash at ended:3".
const (
	cardKill     = "kill -9"
	cardTerm     = "SIGTERM"
	cardTakeover = "active killed, standby waits"
	cardLost     = "host lost with its disk"
	cardZombie   = "zombie (SIGSTOP, SIGCONT)"
	cardCopy     = "copied data directory"
	cardCrash    = "crash at "
)

// crashPoints are the places of internal/crashpoint.
var crashPoints = []string{"fetched", "appended", "taken", "effect", "effect:4", "ended", "ended:3", "reporting", "reported"}

// strike carries out a card.
func (s *storm) strike(ctx context.Context, card string) (err error) {
	struck := true
	switch card {
	case cardKill:
		err = s.killAndRestart(ctx)
	case cardTerm:
		err = s.termAndRestart(ctx)
	case cardTakeover, cardLost:
		err = s.passOn(ctx, card == cardLost)
	case cardZombie:
		err = s.zombie(ctx)
	case cardCopy:
		err = s.copied(ctx)
	default:
		struck = false
		for try := 0; try < 3 && !struck && err == nil; try++ { // a hold may keep it from coming by
			struck, err = s.crashAt(ctx, strings.TrimPrefix(card, cardCrash))
		}
	}
	if struck {
		s.tally.add(card, 1)
	}
	return err
}

// killAndRestart mostly waits until the next process works; sometimes the next
// kill meets it while it starts.
func (s *storm) killAndRestart(ctx context.Context) error {
	h := s.current()
	if err := s.kill(ctx, h); err != nil {
		return err
	}
	if err := h.start(); err != nil {
		return err
	}
	if s.rng.IntN(4) == 0 {
		return nil
	}
	return h.becomes(ctx, "active", patience)
}

func (s *storm) termAndRestart(ctx context.Context) error {
	h := s.current()
	if err := h.stop(ctx); err != nil {
		return err
	}
	if err := s.inspect(ctx, h, true); err != nil {
		return err
	}
	return h.start()
}

// crashAt has the process kill itself at a named point.
func (s *storm) crashAt(ctx context.Context, point string) (struck bool, err error) {
	h := s.current()
	if err := s.kill(ctx, h); err != nil {
		return false, err
	}
	if err := h.start("CRASH_AT=" + point); err != nil {
		return false, err
	}
	struck = h.ended(ctx, 20*time.Second) == nil // a refused token is a hold of ten
	if struck && h.Code() != -1 {
		return true, fmt.Errorf("it was not killed but ended with code %d:\n%s", h.Code(), h.tail())
	}
	if err := s.kill(ctx, h); err != nil { // in vain if it is dead
		return struck, err
	}
	return struck, h.start()
}

// standby starts a second process: on a directory that was left behind, else on
// a new one. It returns who works and who waits: a broker that is killed
// meanwhile may turn them round.
func (s *storm) standby(ctx context.Context) (works, waits *host, err error) {
	h := s.shelf
	s.shelf = nil
	if h == nil {
		if h, err = s.newHost(); err != nil {
			return nil, nil, err
		}
	}
	if err := s.current().becomes(ctx, "active", patience); err != nil {
		return nil, nil, err
	}
	s.paired = time.Now()
	if err := h.start(); err != nil {
		return nil, nil, err
	}
	s.second = h
	return s.roles(ctx)
}

// roles waits until one of two processes works and the other stands by.
func (s *storm) roles(ctx context.Context) (works, waits *host, err error) {
	works, waits = s.current(), s.second
	err = poll(ctx, patience, "one process to work and one to stand by", func() error {
		if works.says() == "standby" && waits.says() == "active" {
			works, waits = waits, works
		}
		if works.says() != "active" || waits.says() != "standby" {
			return fmt.Errorf("one is %s, the other %s:\n%s\n-- the other:\n%s", works.says(), waits.says(), works.tail(), waits.tail())
		}
		return nil
	})
	s.second = waits
	s.take(works)
	return works, waits, err
}

// passOn kills the active process while another one waits.
func (s *storm) passOn(ctx context.Context, lost bool) error {
	first, second, err := s.standby(ctx)
	if err != nil {
		return err
	}
	pause(ctx, s.between(0, 1500*time.Millisecond))
	if err := s.only(ctx, second, first, lost); err != nil {
		return err
	}
	return second.becomes(ctx, "active", patience)
}

// only kills one of two processes, and loses its disk or keeps it; the other
// goes on.
func (s *storm) only(ctx context.Context, stays, dies *host, lost bool) error {
	s.take(stays)
	s.second = nil
	s.know.switched()
	dies.Kill()
	s.know.switched() // it has worked until now
	if err := s.kill(ctx, dies); err != nil {
		return err
	}
	s.know.activations(s.paired, dies.Log.String(), stays.Log.String())
	if lost {
		return s.discard(ctx, dies)
	}
	return s.leave(ctx, dies)
}

// zombie stops the active process for longer than its session lasts, and lets
// it go on when another one has taken over.
func (s *storm) zombie(ctx context.Context) error {
	first, second, err := s.standby(ctx)
	if err != nil {
		return err
	}
	first.Signal(syscall.SIGSTOP)
	s.know.switched()
	s.take(second)
	s.second = first
	err = second.becomes(ctx, "active", patience)
	pause(ctx, s.between(0, 1500*time.Millisecond))
	s.know.switched()
	first.Signal(syscall.SIGCONT)
	if err != nil {
		return err
	}
	if first, second, err = s.roles(ctx); err != nil {
		return err
	}
	return s.keepOne(ctx, first, second)
}

// keepOne ends one of two processes, and the other goes on.
func (s *storm) keepOne(ctx context.Context, a, b *host) error {
	pause(ctx, s.between(500*time.Millisecond, 2*time.Second))
	if s.rng.IntN(2) == 0 {
		a, b = b, a
	}
	if err := s.only(ctx, a, b, false); err != nil {
		return err
	}
	return a.becomes(ctx, "active", patience)
}

// copied starts a copy of the data directory beside the original.
func (s *storm) copied(ctx context.Context) error {
	first := s.current()
	if err := first.becomes(ctx, "active", patience); err != nil {
		return err
	}
	second, err := s.newHost()
	if err != nil {
		return err
	}
	first.Signal(syscall.SIGSTOP) // for a moment, so that the copy is whole
	out, err := exec.CommandContext(ctx, "cp", "-a", first.dir+"/.", second.dir).CombinedOutput()
	first.Signal(syscall.SIGCONT)
	if err != nil {
		return fmt.Errorf("copy: %w: %s", err, out)
	}
	s.paired = time.Now()
	if err := second.start(); err != nil {
		return err
	}
	s.second = second
	if first, second, err = s.roles(ctx); err != nil {
		return err
	}
	return s.keepOne(ctx, first, second)
}
