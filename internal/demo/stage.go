package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakekafka"
	"dispatcher/internal/fakes3"
	"dispatcher/internal/kafkatest"
)

// sent is a message and where Kafka put it.
type sent struct {
	message
	id string
}

// stage is everything around the dispatcher, and the dispatcher.
type stage struct {
	dir, binary string
	api         *fakeciso.Server
	broker      *fakekafka.Cluster
	kafka       *kafkatest.Kafka
	s3          *fakes3.Server
	presigned   string
	settings    []string // of the dispatcher, as variables; what is not set keeps its default
	env         []string
	process     *exec.Cmd
	sent        []sent
	offsets     int64
	control     string // id of AC-4
	cleanup     []func()
}

func newStage(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "dispatcher-demo-"); err != nil {
		return s, err
	}
	s.cleanup = append(s.cleanup, func() { _ = os.RemoveAll(s.dir) })
	fmt.Println("building the dispatcher and starting an embedded Kafka, S3 and CISO Assistant API …")
	s.binary = filepath.Join(s.dir, "dispatcher")
	build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("build: %w: %s", err, out)
	}
	return s, s.standIns(ctx)
}

func (s *stage) standIns(ctx context.Context) (err error) {
	s.api = fakeciso.New(fakeciso.Config{})
	base, err := s.api.Start("")
	if err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, func() { _ = s.api.Close() })
	production := s.api.AddFolder("Production", "")
	for i := 1; i <= 9; i++ {
		id := s.api.AddControl(map[string]any{"ref_id": fmt.Sprint("AC-", i), "name": fmt.Sprint("Control ", i), "folder": production})
		if i == 4 {
			s.control = id
		}
	}
	s.api.AddAudit("ISO_001", s.api.AddFramework("ISO 27001", "A.5.1", "A.5.10", "A.5.2", "A.5.3"), production)
	if s.broker, err = fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1, "errors": 1}}); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, s.broker.Close)
	s.kafka = kafkatest.Connect(s.broker.Addr, nil)
	if s.s3, err = fakes3.Start("evidence"); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, s.s3.Close)
	if err := errors.Join(s.s3.Put("evidence", "audit.pdf", []byte("%PDF audit")), s.s3.Put("evidence", "logs.zip", []byte("PK logs"))); err != nil {
		return err
	}
	if s.presigned, err = s.s3.Presign(ctx, "evidence", "logs.zip", time.Hour); err != nil {
		return err
	}
	s.settings = []string{"API_URL=" + base, "USER_TOKEN=admin-token", "BOOTSTRAP_SERVERS=" + s.broker.Addr, "S3_URL=" + s.s3.URL,
		"S3_ACCESS_KEY=" + fakes3.AccessKey, "S3_SECRET_KEY=" + fakes3.SecretKey, "DATA_DIR=" + filepath.Join(s.dir, "data"),
		"DISPATCHER_CONFIG=", "RETRY_BASE=100ms"}
	s.env = append(append(os.Environ(), s.settings...), "HTTP_LISTEN=off", "KAFKA_SESSION_TIMEOUT=40s")
	return nil
}

// start runs `dispatcher run`; what it says is shown.
func (s *stage) start() error {
	s.process = exec.Command(s.binary, "run")
	s.process.Env, s.process.Dir = s.env, s.dir
	s.process.Stderr = os.Stdout
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return s.process.Start()
}

func (s *stage) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

func (s *stage) close() {
	s.kill()
	for i := len(s.cleanup) - 1; i >= 0; i-- {
		s.cleanup[i]()
	}
}

func (s *stage) send(ctx context.Context, list []message) error {
	var records []kafka.Message
	for _, m := range list {
		s.sent = append(s.sent, sent{m, fmt.Sprint("observation-0-", s.offsets)})
		s.offsets++
		record := kafka.Message{Topic: "observation", Value: []byte(m.value)}
		if m.key != "" {
			record.Key = []byte(m.key)
		}
		records = append(records, record)
	}
	return s.kafka.Produce(ctx, records...)
}

// run asks the dispatcher's own commands.
func (s *stage) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	return cmd.Output()
}

// ended waits until n jobs have ended.
func (s *stage) ended(ctx context.Context, n int) error {
	for ctx.Err() == nil {
		out, err := s.run(ctx, "jobs", "stats", "--json")
		var stats struct{ States map[string]int }
		if err == nil && json.Unmarshal(out, &stats) == nil && stats.States["succeeded"]+stats.States["failed"] >= n {
			return nil
		}
		pause(ctx, 200*time.Millisecond)
	}
	return fmt.Errorf("the messages did not all end: %w", ctx.Err())
}

// reported waits until the errors topic has every failure.
func (s *stage) reported(ctx context.Context) error {
	want := 0
	for _, m := range s.sent {
		if m.want != "succeeded" {
			want++
		}
	}
	for ctx.Err() == nil {
		if list, err := s.errors(ctx); err == nil && len(list) >= want {
			return nil
		}
		pause(ctx, 200*time.Millisecond)
	}
	return fmt.Errorf("the failures were not all reported: %w", ctx.Err())
}

// errors returns the codes on the errors topic, by job id.
func (s *stage) errors(ctx context.Context) (map[string]string, error) {
	records, err := s.kafka.Records(ctx, "errors")
	if err != nil {
		return nil, err
	}
	codes := make(map[string]string)
	for _, r := range records {
		var v struct {
			JobID string `json:"job_id"`
			Code  string `json:"code"`
		}
		if err := json.Unmarshal(r.Value, &v); err != nil {
			return nil, err
		}
		codes[v.JobID] = v.Code
	}
	return codes, nil
}

// jobs returns `jobs list`, by id.
func (s *stage) jobs(ctx context.Context) (map[string]job, error) {
	out, err := s.run(ctx, "jobs", "list", "--json", "--limit", "0")
	if err != nil {
		return nil, err
	}
	list := make(map[string]job)
	d := json.NewDecoder(bytes.NewReader(out))
	for d.More() {
		var j job
		if err := d.Decode(&j); err != nil {
			return nil, err
		}
		list[j.ID] = j
	}
	return list, nil
}

// job is what the table shows of a job.
type job struct {
	ID, State string
	Attempts  int
	Note      string
	Error     struct{ Code, Message string }
}
