package ingest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/segmentio/kafka-go"

	"dispatcher/internal/schema"
	"dispatcher/jobs"
)

func TestErrorRecordsAreAsTheirSchemaSays(t *testing.T) {
	t.Parallel()
	s := recordSchema(t, schema.ErrorRecord)
	now := time.Now()
	for _, value := range []string{`{"message_type":"x"}`, "no JSON", "\xff\xfe", ""} {
		for _, how := range []cutting{cutNothing, cutFile, cutMessage, cutFrame} {
			env := jobs.Envelope{Topic: "observation", Offset: 42, Timestamp: now, Key: []byte("k"), Value: []byte(value)}
			job := jobs.Reader{Clock: time.Now}.Job(&env)
			job.Failure = job.Failure.WithStatus(400)
			m, err := errorMessage(job, &env, "my-group", how)
			if err != nil {
				t.Fatal(err)
			}
			conforms(t, s, schema.ErrorRecord, m)
		}
	}
}

func TestResultRecordsAreAsTheirSchemaSays(t *testing.T) {
	t.Parallel()
	s := recordSchema(t, schema.ResultRecord)
	for _, objects := range [][]string{nil, {"6cc3e32f"}} {
		env := jobs.Envelope{Topic: "observation", Offset: 42, Timestamp: time.Now(), Value: []byte(`{"message_type":"update_applied_control","selector":{"ref_id":"x"},"values":{"status":"active"}}`)}
		job := jobs.Reader{Clock: time.Now}.Job(&env)
		job.FinishedAt, job.Objects = time.Now(), objects
		m, err := resultMessage(job, &env, "", cutNothing)
		if err != nil {
			t.Fatal(err)
		}
		conforms(t, s, schema.ResultRecord, m)
	}
}

// conforms checks a record against its schema, and its headers against those
// that the AsyncAPI document names.
func conforms(t *testing.T, s *jsonschema.Schema, name string, m kafka.Message) {
	t.Helper()
	record, err := jsonschema.UnmarshalJSON(strings.NewReader(string(m.Value)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(record); err != nil {
		t.Errorf("%s: %v", m.Value, err)
	}
	message := schema.AsyncAPI()["components"].(schema.Document)["messages"].(schema.Document)[name].(schema.Document)
	known := message["headers"].(schema.Document)["properties"].(schema.Document)
	for _, h := range m.Headers {
		if known[h.Key] == nil {
			t.Errorf("the header %s is in no description", h.Key)
		}
		delete(known, h.Key)
	}
	if len(known) > 0 {
		t.Errorf("the record has no header %v", known)
	}
}

func recordSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	d, _ := schema.Of(name)
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("record.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("record.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
