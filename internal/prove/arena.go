package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakes3"
	"dispatcher/internal/kafkatest"
	"dispatcher/internal/stage"
)

// Topics, and the group.
const (
	topic      = "observation"
	errorTopic = "errors"
	group      = "my-group"
)

// Times of the dispatcher under attack: short, so that much happens.
const (
	apiTimeout     = time.Second
	lateBy         = 1500 * time.Millisecond // an answer after our timeout
	quarantine     = 2500 * time.Millisecond // above the longest that the API takes over a write
	sessionTimeout = 6 * time.Second
)

// patience bounds what is waited for when nothing is proven by how soon it comes:
// the machine may be busy with other things.
const patience = 2 * time.Minute

// arena is everything around the dispatcher, and what strikes it.
type arena struct {
	dir, binary string
	partitions  int
	api         *fakeciso.Server
	proxy       *proxy
	s3          *fakes3.Server
	broker      broker
	kafka       *kafkatest.Kafka
	land        *landscape
	env         map[string]string
	token       string // file
	tally       *tally
	cleanup     []func()
}

// arenaConfig is what an arena is to be like.
type arenaConfig struct {
	binary     string
	fast       bool
	partitions int
	race       time.Duration // between reading and saving a row of the API
}

func newArena(ctx context.Context, cfg arenaConfig) (a *arena, err error) {
	a = &arena{binary: cfg.binary, partitions: cfg.partitions, tally: newTally()}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.dir, err = os.MkdirTemp("", "dispatcher-prove-"); err != nil {
		return a, err
	}
	a.onClose(func() { _ = os.RemoveAll(a.dir) })
	if err := a.startAPI(cfg.race); err != nil {
		return a, err
	}
	if a.s3, err = fakes3.Start(bucket); err != nil {
		return a, err
	}
	a.onClose(a.s3.Close)
	var stop func()
	if a.broker, stop, err = newBroker(filepath.Join(a.dir, "broker"), cfg.fast); err != nil {
		return a, err
	}
	a.onClose(stop)
	a.kafka = kafkatest.Connect(a.broker.Addr(), nil)
	a.onClose(func() { _ = a.kafka.Close() })
	if err := errors.Join(a.createTopic(ctx, topic, cfg.partitions), a.createTopic(ctx, errorTopic, 1)); err != nil {
		return a, err
	}
	return a, a.environment()
}

func (a *arena) startAPI(race time.Duration) error {
	a.api = fakeciso.New(fakeciso.Config{RaceWindow: race, Latency: time.Millisecond})
	base, err := a.api.Start("")
	if err != nil {
		return err
	}
	a.onClose(func() { _ = a.api.Close() })
	a.land = newLandscape(a.api)
	a.proxy, err = newProxy(strings.TrimSuffix(strings.TrimPrefix(base, "http://"), "/api"))
	if err == nil {
		a.onClose(a.proxy.refuse)
	}
	return err
}

func (a *arena) environment() error {
	a.token = filepath.Join(a.dir, "token")
	a.env = map[string]string{
		"API_URL": "http://" + a.proxy.addr + "/api", "USER_TOKEN_FILE": a.token, "BOOTSTRAP_SERVERS": a.broker.Addr(), "KAFKA_GROUP_ID": group,
		"S3_URL": a.s3.URL, "S3_ACCESS_KEY": fakes3.AccessKey, "S3_SECRET_KEY": fakes3.SecretKey, "HTTP_LISTEN": "off",
		"API_TIMEOUT": apiTimeout.String(), "API_UPLOAD_TIMEOUT": apiTimeout.String(), "API_WRITE_QUARANTINE": quarantine.String(),
		"KAFKA_SESSION_TIMEOUT": sessionTimeout.String(), "RETRY_BASE": "20ms", "RETRY_CAP": "200ms", "RETRY_MAX_ATTEMPTS": "1000",
		"GRACE": "5s", "PATH": os.Getenv("PATH"), "HOME": a.dir,
	}
	return os.WriteFile(a.token, []byte("admin-token"), 0o600)
}

func (a *arena) onClose(fn func()) { a.cleanup = append(a.cleanup, fn) }

func (a *arena) close() {
	for i := len(a.cleanup) - 1; i >= 0; i-- {
		a.cleanup[i]()
	}
}

// createTopic makes a topic and waits for its leaders.
func (a *arena) createTopic(ctx context.Context, name string, partitions int) error {
	if err := poll(ctx, patience, "topic "+name, func() error { return a.kafka.Create(ctx, name, partitions) }); err != nil {
		return err
	}
	return poll(ctx, patience, "leaders of topic "+name, func() (err error) {
		for p := range partitions {
			_, _, e := a.kafka.Bounds(ctx, name, p)
			err = errors.Join(err, e)
		}
		return err
	})
}

// putFile stores an object in S3; that works also while it is away for others.
func (a *arena) putFile(key, content string) error {
	return a.s3.Put(bucket, key, []byte(content))
}

// build makes the binary under attack.
func build(dir string) (string, error) { return stage.Build(dir, "crashpoints sabotage") }

// poll asks until check is satisfied. Time in which the whole machine stood
// still does not count.
func poll(ctx context.Context, patience time.Duration, what string, check func() error) error {
	for left, at := patience, time.Now(); ; {
		err := check()
		if err == nil {
			return nil
		}
		if errors.Is(err, errEnded) || left <= 0 {
			return fmt.Errorf("waited %s for %s: %w", (patience - left).Round(time.Second), what, err)
		}
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("told to end while waiting for %s: %w", what, err)
		}
		now := time.Now()
		left, at = left-min(now.Sub(at), 2*time.Second), now
	}
}

// errEnded says that a process that is waited for has ended.
var errEnded = errors.New("it has ended")

// pause waits between two looks; false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
