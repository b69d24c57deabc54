package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/stage"
)

// weather is what goes wrong around the dispatcher, one thing after the other.
type weather struct {
	*storm
	rng   *rand.Rand
	kinds []kind
}

// kind is one trouble. It reports how often it struck.
type kind struct {
	name   string
	strike func(ctx context.Context) (int, error)
}

func newWeather(s *storm, seed uint64) *weather {
	w := &weather{storm: s, rng: rand.New(rand.NewPCG(seed, 3))}
	page := "<html><body>please log in</body></html>"
	status := func(times, code int, body string, header map[string]string) fakeciso.Fault {
		return fakeciso.Fault{Times: times, Kind: fakeciso.Status, Code: code, Body: body, Header: header}
	}
	writes := func(f fakeciso.Fault) fakeciso.Fault { f.Path = written; return f }
	w.kinds = []kind{
		{"API refuses connections", w.refused},
		{"API connections cut", w.cut},
		{"API resets before the effect", w.fault(writes(fakeciso.Fault{Times: 4, Kind: fakeciso.ResetBefore}))},
		{"API resets after the effect", w.fault(writes(fakeciso.Fault{Times: 4, Kind: fakeciso.ResetAfter}))},
		{"API hangs", w.fault(fakeciso.Fault{Times: 3, Kind: fakeciso.Hang, Delay: lateBy})},
		{"API late: effect after our timeout", w.fault(writes(fakeciso.Fault{Times: 3, Kind: fakeciso.Late, Delay: lateBy}))},
		{"API 500 for one object", w.poisoned},
		{"API database is locked", w.fault(writes(status(3, 400, `["database is locked"]`, nil)))},
		{"API 429 with Retry-After", w.fault(status(5, 429, `{"detail":"Request was throttled."}`, map[string]string{"Retry-After": "1"}))},
		{"API 401 for a while", w.unauthorized},
		{"API HTML page of a proxy", w.fault(status(3, 200, page, nil))},
		{"API redirect of a proxy", w.fault(status(3, 302, page, map[string]string{"Location": "/login"}))},
		{"API 502", w.badGateway},
		{"S3 away", w.noS3},
		{"Kafka broker killed", w.noKafka},
	}
	return w
}

// written are the paths of requests that write.
var written = regexp.MustCompile(`^/api/((applied-controls|requirement-assessments)/([0-9a-f-]{36}|batch-action)/|evidences/|evidence-revisions/)$`)

// run makes weather until ctx ends; then the sky is clear.
func (w *weather) run(ctx context.Context) error {
	for _, k := range w.kinds {
		w.tally.expect(k.name)
	}
	for {
		w.rng.Shuffle(len(w.kinds), func(i, j int) { w.kinds[i], w.kinds[j] = w.kinds[j], w.kinds[i] })
		for _, k := range w.kinds {
			if !pause(ctx, w.between(100*time.Millisecond, 1500*time.Millisecond)) {
				return nil
			}
			n, err := k.strike(ctx)
			w.tally.add(k.name, n)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
}

// encores bounds how often a kind is tried once more.
const encores = 5

// encore gives a kind another chance that struck nobody: the process may have
// been dead each time it came.
func (w *weather) encore(ctx context.Context) error {
	for _, k := range w.kinds {
		for try := 0; w.tally.all()[k.name] == 0 && try < encores && ctx.Err() == nil; try++ {
			n, err := k.strike(ctx)
			w.tally.add(k.name, n)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	return ctx.Err()
}

func (w *weather) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rng.Int64N(int64(most-least)))
}

// fault injects a fault of the stand-in until it has struck its times.
func (w *weather) fault(f fakeciso.Fault) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		before := w.api.Struck()[f.Kind]
		w.api.AddFault(f)
		defer w.api.ClearFaults()
		struck := func() int { return w.api.Struck()[f.Kind] - before }
		for end := time.Now().Add(w.between(time.Second, 3*time.Second)); time.Now().Before(end) && pause(ctx, 20*time.Millisecond); {
			if f.Times > 0 && struck() >= f.Times {
				break
			}
		}
		return struck(), nil
	}
}

func (w *weather) poisoned(ctx context.Context) (int, error) {
	id := w.land.control[w.rng.IntN(controls)]
	return w.fault(fakeciso.Fault{
		Path: regexp.MustCompile(id), Times: -1, Kind: fakeciso.Status, Code: 500, Body: "<h1>Server Error (500)</h1>",
	})(ctx)
}

// until begins something and waits until the working process says text, or the
// time is over. What it said before does not count.
func (w *weather) until(ctx context.Context, text string, least, most time.Duration, begin func()) (struck int) {
	log := w.current().Log
	before := map[*stage.Log]int{log: strings.Count(log.String(), text)}
	begin()
	began := time.Now()
	for time.Since(began) < most && pause(ctx, 50*time.Millisecond) {
		if log := w.current().Log; strings.Count(log.String(), text) > before[log] {
			struck = 1
		}
		if struck > 0 && time.Since(began) > least {
			break
		}
	}
	return struck
}

func (w *weather) refused(ctx context.Context) (int, error) {
	n := w.until(ctx, "reason=api_down", w.between(500*time.Millisecond, 2*time.Second), 5*time.Second, w.proxy.refuse)
	return n, again("the proxy", w.proxy.accept)
}

func (w *weather) cut(ctx context.Context) (n int, err error) {
	for range 1 + w.rng.IntN(5) {
		n += w.proxy.cut()
		pause(ctx, w.between(10*time.Millisecond, 300*time.Millisecond))
	}
	return n, nil
}

func (w *weather) badGateway(ctx context.Context) (int, error) {
	defer w.api.Down(false)
	return w.until(ctx, "reason=api_down", w.between(2*time.Second, 6*time.Second), 8*time.Second, func() { w.api.Down(true) }), nil
}

// unauthorized has the token rotated, and the file follows later.
func (w *weather) unauthorized(ctx context.Context) (int, error) {
	token := fmt.Sprintf("token-%d", w.rng.Int64())
	n := w.until(ctx, "reason=auth", w.between(0, time.Second), 5*time.Second, func() { w.api.SetToken(token) })
	err := os.WriteFile(w.token+".new", []byte(token), 0o600)
	return n, errors.Join(err, os.Rename(w.token+".new", w.token))
}

func (w *weather) noS3(ctx context.Context) (int, error) {
	defer w.s3.Down(false)
	return w.until(ctx, "reason=s3_down", w.between(500*time.Millisecond, 2*time.Second), 6*time.Second, func() { w.s3.Down(true) }), nil
}

// noKafka kills the broker. Nothing is produced meanwhile: a record that was
// sent twice would be two messages.
func (w *weather) noKafka(ctx context.Context) (int, error) {
	return 1, w.load.hold(func() error {
		w.broker.Kill()
		pause(ctx, w.between(200*time.Millisecond, 3*time.Second))
		return again("the broker", w.broker.Start)
	})
}

// again starts what was stopped, also if somebody holds its port for a moment.
func again(what string, start func() error) error {
	return poll(context.Background(), 10*time.Second, what+" to start again", func() error {
		err := start()
		if err != nil {
			pause(context.Background(), time.Second)
		}
		return err
	})
}
