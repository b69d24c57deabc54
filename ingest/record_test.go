package ingest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"dispatcher/internal/schema"
	"dispatcher/jobs"
)

func TestErrorRecordsAreAsTheirSchemaSays(t *testing.T) {
	t.Parallel()
	d, _ := schema.Of(schema.ErrorRecord)
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
	if err := c.AddResource("errors.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("errors.json")
	if err != nil {
		t.Fatal(err)
	}
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
			record, err := jsonschema.UnmarshalJSON(strings.NewReader(string(m.Value)))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(record); err != nil {
				t.Errorf("%s: %v", m.Value, err)
			}
		}
	}
}
