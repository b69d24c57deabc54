package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"dispatcher/internal/fakeciso"
)

// safeguard is one that the attack must miss: with it switched off the course of
// events breaks the promise, with it the promise holds.
type safeguard struct {
	name  string
	how   string // what the attack does
	race  time.Duration
	play  func(context.Context, *trial) error
	needs string   // a tool
	test  []string // package and test of a room, for what cannot be reached from outside
}

func safeguards() []safeguard {
	return []safeguard{
		{name: "order per key", how: "the first of a key fails once", play: playOrder},
		{name: "object locks", how: "two keys and uploads write one object", race: 20 * time.Millisecond, play: playLocks},
		{name: "quarantine", how: "a write lands after our timeout", play: playQuarantine},
		{name: "look before create", how: "kill -9 after a file was stored", play: playLook},
		{name: "commit after the end", how: "a job is stuck while others end", play: playCommit},
		{name: "highest runs", how: "host lost with 1,700 finished runs behind a stuck job", play: playRuns},
		{name: "released", how: "an old directory comes back after another one has worked", play: playReleased},
		{name: "session age", how: "a process that slept its session away wakes up, and Kafka does not answer", play: playSlept},
		{name: "sync", how: "power loss (strace)", play: playPowerOnce, needs: "strace"},
		{name: "expected sequence", how: "the disk stands still while a message is stored", play: playStill, needs: "strace"},
		{name: "lease at the worker", how: "a worker that sleeps, or is cut off", test: []string{"./jobs/remote", "TestALeaseEndsByAClockThatGoesOnWhileTheHostSleeps"}},
		{name: "epochs", how: "a proxy delivers a worker's report when the worker has the job again", play: playEpochs},
	}
}

// shortTurn is when the short form begins with no further safeguard.
const shortTurn = 50 * time.Second

// inTurn returns the safeguards that are asked for; the short form has them in
// an order that the seed gives, because it does not come to the end.
func inTurn(o options) (list []safeguard) {
	for _, s := range safeguards() {
		if strings.Contains(s.name, o.only) {
			list = append(list, s)
		}
	}
	if o.short {
		rng := rand.New(rand.NewPCG(o.seed, 4))
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list
}

// proveSabotage switches off each safeguard in turn and prints what is found.
func proveSabotage(ctx context.Context, o options, binary string) error {
	missed := 0
	note("%-22s %-8s %-8s %s", "safeguard", "intact", "off", "found by")
	began := time.Now()
	for _, s := range inTurn(o) {
		if o.short && time.Since(began) > shortTurn {
			note("%-22s not in this short form: another seed begins with others", s.name)
			continue
		}
		if _, err := exec.LookPath(s.needs); s.needs != "" && err != nil {
			note("%-22s NOT TESTED: %s is not here", s.name, s.needs)
			continue
		}
		intact, _, err := s.try(ctx, binary, "")
		if err != nil {
			return fmt.Errorf("%s, intact: %w", s.name, err)
		}
		found, first, err := s.try(ctx, binary, s.name)
		if err != nil { // whoever does not come back has lost what it promised
			first, found = err.Error(), strings.Contains(err.Error(), "it has ended with code")
			first = strings.ReplaceAll(first, "\n", " ")
		}
		note("%-22s %-8s %-8s %s", s.name, yesNo(intact, "BROKEN", "holds"), yesNo(found, "found", "MISSED"), s.how)
		if len(first) > 0 {
			line, _, _ := strings.Cut(first, "\n")
			note("%22s %s", "", line)
		}
		if intact || !found {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d safeguards could be missing and nobody would know", missed)
	}
	return nil
}

func yesNo(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// try plays with a safeguard off, or with none, and returns whether the promise
// was broken.
func (s *safeguard) try(ctx context.Context, binary, off string) (broken bool, first string, err error) {
	if s.test != nil {
		return s.room(ctx, off)
	}
	wrong, err := onTrial(ctx, arenaConfig{binary: binary, fast: true, partitions: 1, race: s.race}, map[string]string{"SABOTAGE": off}, s.play)
	if err != nil || len(wrong) == 0 {
		return false, "", err
	}
	return true, wrong[0], nil
}

// room runs the test of a room.
func (s *safeguard) room(ctx context.Context, off string) (broken bool, first string, err error) {
	_, file, _, _ := runtime.Caller(0)
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-tags", "sabotage", "-run", "^"+s.test[1]+"$", s.test[0])
	cmd.Dir = filepath.Join(filepath.Dir(file), "..", "..")
	cmd.Env = append(os.Environ(), "SABOTAGE="+off)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && strings.Contains(string(out), "--- FAIL") {
		return true, "test " + s.test[1] + " of the room fails", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("%w: %s", err, out)
	}
	return false, "", nil
}

func pathOf(id string) *regexp.Regexp { return regexp.MustCompile(regexp.QuoteMeta(id)) }

// playOrder has the first job of a key fail once. One failure only: another one
// would meet the next job, and chance might put them in order again.
func playOrder(ctx context.Context, t *trial) error {
	t.api.AddFault(fakeciso.Fault{Method: "PATCH", Times: 1, Kind: fakeciso.Status, Code: 500, Body: "<h1>Server Error (500)</h1>"})
	if err := t.send(ctx, t.update("a", 0, "observation"), t.update("a", 0, "observation"), t.update("a", 0, "observation")); err != nil {
		return err
	}
	_, err := t.host(ctx, "active", "RETRY_BASE=2s", "RETRY_CAP=2s", "CONCURRENCY=1")
	return err
}

// playLocks has several keys write one object through different selectors.
func playLocks(ctx context.Context, t *trial) error {
	for range 10 {
		up := t.message("file")
		up.upload("", inline(up.token), "proof of file.txt", t.land.control[0], "C0")
		if err := t.send(ctx, t.update("a", 0, "observation"), t.update("b", 0, "description"), up); err != nil {
			return err
		}
	}
	_, err := t.host(ctx, "active")
	return err
}

// playQuarantine has a write of one key land when another key writes.
func playQuarantine(ctx context.Context, t *trial) error {
	t.api.AddFault(fakeciso.Fault{Method: "PATCH", Times: 1, Kind: fakeciso.Late, Delay: lateBy})
	if _, err := t.host(ctx, "active"); err != nil {
		return err
	}
	if err := t.send(ctx, t.update("a", 0, "observation")); err != nil {
		return err
	}
	if err := t.until(ctx, fakeciso.Late, 1); err != nil {
		return err
	}
	return t.send(ctx, t.update("b", 0, "observation"), t.update("b", 0, "observation"), t.update("a", 0, "observation"))
}

// playLook kills the process when it has stored a file, before it knows that.
func playLook(ctx context.Context, t *trial) error {
	m := t.message("file")
	m.upload(`"selector":{"name":"Evidence 0"},`, inline(m.token), "Evidence 0", t.land.control[0], "C0")
	if err := t.send(ctx, m); err != nil {
		return err
	}
	h, err := t.host(ctx, "", "CRASH_AT=effect")
	if err != nil {
		return err
	}
	if err := h.ended(ctx, patience); err != nil {
		return err
	}
	return h.start()
}

// playCommit has one job stuck for longer than a commit takes.
func playCommit(ctx context.Context, t *trial) error {
	t.ruin(0)
	if _, err := t.host(ctx, "active"); err != nil {
		return err
	}
	if err := t.send(ctx, t.update("stuck", 0, "observation"), t.update("a", 1, "observation")); err != nil {
		return err
	}
	if err := t.written(ctx, 1, 1); err != nil {
		return err
	}
	pause(ctx, 3*time.Second) // two commits
	t.api.ClearFaults()
	return nil
}

// playRuns loses a host with more finished runs than a commit has room for.
func playRuns(ctx context.Context, t *trial) error {
	const runs = 1700 // of two bytes each; a commit has room for 1,515
	t.ruin(0)
	first, err := t.host(ctx, "active")
	if err != nil {
		return err
	}
	var messages []*message
	for i := range runs {
		messages = append(messages, t.update("stuck", 0, "observation"), t.update(fmt.Sprint("key-", 1+i%3), 1+i%3, "observation"))
	}
	if err := t.send(ctx, messages...); err != nil {
		return err
	}
	for control := 1; control <= 3; control++ {
		if err := t.written(ctx, control, runs/3); err != nil {
			return err
		}
	}
	pause(ctx, 3*time.Second) // a commit, or two
	if err := t.lose(ctx, first); err != nil {
		return err
	}
	t.api.ClearFaults()
	_, err = t.host(ctx, "active")
	return err
}

// playReleased has a directory come back whose jobs another one has done.
func playReleased(ctx context.Context, t *trial) error {
	t.ruin(0)
	first, err := t.host(ctx, "active")
	if err != nil {
		return err
	}
	if err := t.send(ctx, t.update("a", 0, "observation"), t.update("a", 0, "observation")); err != nil {
		return err
	}
	if err := t.until(ctx, fakeciso.Status, 1); err != nil {
		return err
	}
	first.Kill()
	t.know.switched()
	t.api.ClearFaults()
	second, err := t.host(ctx, "active")
	if err != nil {
		return err
	}
	if err := t.send(ctx, t.update("a", 0, "observation"), t.update("a", 0, "observation")); err != nil {
		return err
	}
	if err := t.committed(ctx, 4); err != nil {
		return err
	}
	if err := t.lose(ctx, second); err != nil {
		return err
	}
	if err := first.start(); err != nil {
		return err
	}
	if err := first.becomes(ctx, "active", patience); err != nil {
		return err
	}
	// One more message: when it has ended, so has what came before it.
	return t.send(ctx, t.update("a", 0, "observation"))
}

// playSlept stops a process with standing work for longer than its session
// lasts. Another one does the work; then the first goes on, and Kafka leaves its
// heartbeats without an answer.
func playSlept(ctx context.Context, t *trial) error {
	const messages = 40
	t.api.Down(true)
	first, err := t.host(ctx, "active")
	if err != nil {
		return err
	}
	for i := range messages {
		if err := t.send(ctx, t.update(fmt.Sprint("key-", i%4), i%4, "observation")); err != nil {
			return err
		}
	}
	err = poll(ctx, patience, "the first process to know all", func() error {
		list, err := first.jobs(ctx)
		if err == nil && len(list) < messages {
			err = fmt.Errorf("%d", len(list))
		}
		return err
	})
	if err != nil {
		return err
	}
	first.Signal(syscall.SIGSTOP)
	t.know.switched()
	t.api.Down(false)
	if _, err := t.host(ctx, "active"); err != nil {
		return err
	}
	if err := t.committed(ctx, messages); err != nil {
		return err
	}
	speak := t.broker.(*fakeBroker).mute()
	first.Signal(syscall.SIGCONT)
	pause(ctx, 4*time.Second) // it asks the API again within 3.5, and Kafka's answer is given up after 5
	speak()
	return nil
}
