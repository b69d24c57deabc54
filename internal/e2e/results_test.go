package e2e

import (
	"encoding/json"
	"testing"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakekafka"
	"dispatcher/internal/kafkatest"
)

// TestEachSuccessIsReportedOnTheResultsTopicOverACrash: the process dies after
// the job has ended, before its result is sent.
func TestEachSuccessIsReportedOnTheResultsTopicOverACrash(t *testing.T) {
	t.Parallel()
	cluster, err := fakekafka.Start(fakekafka.Config{Topics: map[string]int32{"observation": 1, "errors": 1, "results": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := worldOn(t, kafkatest.Connect(cluster.Addr, nil), fakeciso.Config{})
	foo := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Env["RESULTS_TOPIC"] = "results"
	p := w.Start("CRASH_AT=ended")
	w.Send(kafka.Message{Topic: "observation", Key: []byte("k"), Value: []byte(update("foo", "status", "active")),
		Headers: []kafka.Header{{Key: "traceparent", Value: []byte("t")}, {Key: "dispatcher.job.id", Value: []byte("forged")}}})
	p.Exit()
	w.Start()
	w.Produce(update("nobody", "status", "active"))
	w.Committed(0, 2)
	list := w.records("results")
	if len(list) != 1 {
		t.Fatalf("%d results", len(list))
	}
	var value struct {
		JobID      string `json:"job_id"`
		Message    map[string]any
		Attempts   int
		FinishedAt string `json:"finished_at"`
		Objects    []string
		Source     map[string]any
	}
	if err := json.Unmarshal(list[0].Value, &value); err != nil {
		t.Fatal(err)
	}
	if value.JobID != "observation-0-0" || value.Message["message_type"] != "update_applied_control" || value.Attempts != 1 ||
		value.FinishedAt == "" || len(value.Objects) != 1 || value.Objects[0] != foo || value.Source["topic"] != "observation" {
		t.Errorf("result %s", list[0].Value)
	}
	headers := map[string]string{}
	for _, h := range list[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	if string(list[0].Key) != "k" || len(headers) != 2 || headers["traceparent"] != "t" || headers["dispatcher.job.id"] != "observation-0-0" {
		t.Errorf("key %s, headers %v", list[0].Key, headers)
	}
	if n := len(w.Errors()); n != 1 {
		t.Errorf("%d errors", n)
	}
}
