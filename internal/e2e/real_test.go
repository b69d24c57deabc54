//go:build real

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/kafkatest"
	"dispatcher/internal/realparts"
)

// realWorld is a world on a real broker and a real S3 server.
func realWorld(t *testing.T, partitions int) (*World, *realparts.Kafka, *realparts.S3) {
	t.Helper()
	broker, s3 := realparts.StartKafka(t), realparts.StartS3(t)
	t.Logf("Apache Kafka %s, versitygw", broker.Version())
	w := worldOn(t, kafkatest.Connect(broker.Addrs["PLAINTEXT"], nil), fakeciso.Config{})
	for topic, n := range map[string]int{"observation": partitions, "errors": 1} {
		eventually(t, "topic "+topic, func() error { return w.Kafka.Create(t.Context(), topic, n) })
		eventually(t, "leaders of topic "+topic, func() (err error) {
			for i := range n {
				_, _, partitionErr := w.Kafka.Bounds(t.Context(), topic, i)
				err = errors.Join(err, partitionErr)
			}
			return err
		})
	}
	w.Env["S3_URL"], w.Env["S3_ACCESS_KEY"], w.Env["S3_SECRET_KEY"] = s3.URL, realparts.AccessKey, realparts.SecretKey
	return w, broker, s3
}

func TestRealMainPathWithFilesFromS3(t *testing.T) {
	w, _, s3 := realWorld(t, 3)
	for i := range 200 {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprint("c", i), "name": fmt.Sprint("c", i)})
	}
	if err := s3.Put(t.Context(), "files", "proof.txt", "from a real S3"); err != nil {
		t.Fatal(err)
	}
	presigned, err := s3.Client.PresignedGetObject(t.Context(), "files", "proof.txt", time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Start()
	var values []string
	for i := range 500 {
		values = append(values, update(fmt.Sprint("c", i%200), "observation", fmt.Sprint(i)))
	}
	values = append(values,
		`{"message_type":"upload_attachment","values":{"file_s3_bucket":"files","file_s3_key":"proof.txt","applied_controls":{"ref_id":"c1"}}}`,
		`{"message_type":"upload_attachment","values":{"file_name":"url.txt","file_s3_url":"`+presigned.String()+`"}}`,
		`{"message_type":"upload_attachment","values":{"file_s3_bucket":"files","file_s3_key":"missing.txt"}}`,
		`not json`,
	)
	w.Produce(values...)
	states := map[string]int{}
	for _, job := range w.Ended(len(values)) {
		states[job["state"].(string)]++
	}
	if states["succeeded"] != len(values)-2 || states["failed"] != 2 {
		t.Errorf("states %v", states)
	}
	for _, r := range w.API.Objects("evidence-revisions") {
		if got := string(w.API.File(r["id"].(string))); got != "from a real S3" {
			t.Errorf("file %q", got)
		}
	}
	eventually(t, "two error records", func() error {
		if n := len(w.Errors()); n != 2 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	t.Logf("%d messages carried out, 2 reported", len(values)-2)
}

func TestRealPartiesAreChecked(t *testing.T) {
	w, broker, s3 := realWorld(t, 3)
	if err := s3.Put(t.Context(), "files", "proof.txt", "from a real S3"); err != nil {
		t.Fatal(err)
	}
	w.Env["POLICY_ALLOW_BUCKETS"] = "files"
	wants := func(code int, texts ...string) {
		t.Helper()
		stdout, stderr, got := w.Run("check")
		for _, text := range texts {
			if !strings.Contains(strings.Join(strings.Fields(stdout), " "), text) {
				t.Errorf("it does not say %q", text)
			}
		}
		if got != code || t.Failed() {
			t.Fatalf("exit %d: %s%s", got, stdout, stderr)
		}
	}
	wants(0, "kafka: topic observation 3 partition(s), kept for 7 days", "nobody is in it; nothing is committed", "takes the access key", "s3: bucket files can be read")
	p := w.Start()
	p.Says("active: working")
	w.Produce(update("nobody", "observation", "x"))
	w.Ended(1)
	wants(0, "1 dispatcher(s), stable", "in use by process")
	w.Committed(0, 1)
	dry := w.Start("--dry-run")
	dry.Says("reading from where the real group is")
	w.Produce(update("nobody", "observation", "y"))
	dry.Says("code=no_match")
	w.Ended(2)
	dry.Stop()
	p.Stop()
	python, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: "my-group", Brokers: []string{broker.Addrs["PLAINTEXT"]}, Topics: []string{"observation"}, Dialer: &kafka.Dialer{ClientID: "kafka-python"},
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer python.Close()
	if _, err := python.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants(1, "a consumer of another kind is in it: kafka-python on", "stop it")
}

func TestRealSecureListeners(t *testing.T) {
	w, broker, _ := realWorld(t, 1)
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	file := func(name string) string { return filepath.Join(broker.Dir, name) }
	login := []string{"KAFKA_USE_AUTH=true", "KAFKA_USERNAME=" + realparts.User, "KAFKA_PASSWORD=" + realparts.Password}
	n := 0
	for name, env := range map[string][]string{
		"SASL_PLAINTEXT/PLAIN":         {"KAFKA_SASL_MECHANISM=PLAIN"},
		"SASL_PLAINTEXT/SCRAM-SHA-256": {"KAFKA_SASL_MECHANISM=SCRAM-SHA-256"},
		"SASL_SSL/SCRAM-SHA-512":       {"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=SCRAM-SHA-512", "KAFKA_CA_FILE=" + file("ca.pem")},
		"SSL/client certificate":       {"KAFKA_SECURITY_PROTOCOL=SSL", "KAFKA_CA_FILE=" + file("ca.pem"), "KAFKA_CERT_FILE=" + file("client-cert.pem"), "KAFKA_KEY_FILE=" + file("client-key.pem")},
	} {
		protocol, _, _ := strings.Cut(name, "/")
		if protocol != "SSL" {
			env = append(env, login...)
		}
		p := w.Start(append(env, "BOOTSTRAP_SERVERS="+broker.Addrs[protocol])...)
		w.Produce(update("foo", "observation", name), update("nobody", "observation", name))
		n += 2
		w.Ended(n)
		eventually(t, "the error record over "+name, func() error {
			if got := len(w.Errors()); got != n/2 {
				return fmt.Errorf("%d of %d", got, n/2)
			}
			return nil
		})
		p.Stop()
		t.Logf("%s works", name)
	}
	wrong := w.Start("KAFKA_USE_AUTH=true", "KAFKA_USERNAME=alice", "KAFKA_PASSWORD=wrong-canary", "KAFKA_SASL_MECHANISM=SCRAM-SHA-256", "BOOTSTRAP_SERVERS="+broker.Addrs["SASL_PLAINTEXT"])
	wrong.Says("check KAFKA_USERNAME")
	if strings.Contains(wrong.log.String(), "wrong-canary") {
		t.Error("the password is in the log")
	}
	wrong.Stop()
	mismatch := w.Start("BOOTSTRAP_SERVERS=" + broker.Addrs["SASL_SSL"])
	mismatch.Says("wants TLS or a login")
	mismatch.Stop()
}

func TestRealBrokerKilledStandbyAndLostHost(t *testing.T) {
	w, broker, _ := realWorld(t, 2)
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	active := w.Start("KAFKA_SESSION_TIMEOUT=6s")
	active.Says("active: working")
	w.Env["DATA_DIR"] = filepath.Join(w.Dir, "second")
	standby := w.Start("KAFKA_SESSION_TIMEOUT=6s")
	standby.Says("standing by")
	w.Env["DATA_DIR"] = filepath.Join(w.Dir, "data")
	for i := range 3 {
		w.Send(keyed("a", update("foo", "observation", fmt.Sprint(i))))
	}
	w.Ended(3)
	w.Committed(0, 3) // what is not committed may be done again by another

	broker.Kill()
	active.Says("kafka: work stands still")
	broker.Start()
	for i := 3; i < 6; i++ {
		w.Send(keyed("a", update("foo", "observation", fmt.Sprint(i))))
	}
	seen := func() string {
		var list []string
		for _, c := range w.API.History("applied-controls", id) {
			list = append(list, fmt.Sprint(c.Fields["observation"]))
		}
		return strings.Join(list, "")
	}
	eventually(t, "work after the broker is back", func() error {
		if got := seen(); got != "012345" {
			return fmt.Errorf("values %s", got)
		}
		return nil
	})

	time.Sleep(1500 * time.Millisecond) // one commit
	active.Kill()
	if err := os.RemoveAll(filepath.Join(w.Dir, "data")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for i := 6; i < 9; i++ {
		w.Send(keyed("a", update("foo", "observation", fmt.Sprint(i))))
	}
	eventually(t, "the other process to take over", func() error {
		if got := seen(); got != "012345678" {
			return fmt.Errorf("values %s", got)
		}
		return nil
	})
	t.Logf("taken over after %s", time.Since(began).Round(100*time.Millisecond))
}
