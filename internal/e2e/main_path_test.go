package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
)

// TestTheDocumentedExamplesWork sends the messages of the README.
func TestTheDocumentedExamplesWork(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprint("old=", old), func(t *testing.T) {
			t.Parallel()
			w := NewWorld(t, 1, fakeciso.Config{Old: old})
			control := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
			_, reqs := w.API.AddAudit("ISO_001", w.API.AddFramework("ISO", "A.5.1", "A.5.10"), "")
			evidence := w.API.AddEvidence(map[string]any{"name": "Sample evidence"})
			if err := w.S3.Put("bucket", "sample.jpeg", []byte("from s3")); err != nil {
				t.Fatal(err)
			}
			w.Start()
			w.Produce(
				`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":"1"}}`,
				`{"message_type":"update_requirement_assessment","selector":{"compliance_assessment__ref_id":"ISO_001","requirement__ref_id":"A.5.1"},"values":{"result":"compliant"}}`,
				`{"message_type":"upload_attachment","selector":{"name":"Sample evidence","ref_id":"bar"},"values":{"applied_controls":{"ref_id":"foo"},"file_content":"`+base64.StdEncoding.EncodeToString([]byte("inline"))+`","file_name":"sample.jpeg"}}`,
				`{"message_type":"upload_attachment","selector":{"name":"Sample evidence","ref_id":"bar"},"values":{"applied_controls":{"ref_id":"foo"},"file_s3_bucket":"bucket","file_s3_key":"sample.jpeg"}}`,
			)
			for id, job := range w.Ended(4) {
				if job["state"] != "succeeded" {
					t.Errorf("%s: %v", id, job["error"])
				}
			}
			if got := w.API.Object("applied-controls", control); got["priority"] != 1 || len(got["evidences"].([]any)) != 1 {
				t.Errorf("control %v", got)
			}
			if got := w.API.Object("requirement-assessments", reqs["A.5.1"]); got["result"] != "compliant" {
				t.Errorf("requirement %v", got)
			}
			if got := w.API.Object("requirement-assessments", reqs["A.5.10"]); got["result"] != "not_assessed" {
				t.Errorf("another requirement %v", got)
			}
			var files []string
			for _, r := range w.API.Objects("evidence-revisions") {
				if r["evidence"] == evidence && r["attachment"] != nil {
					files = append(files, string(w.API.File(r["id"].(string))))
				}
			}
			if strings.Join(files, ",") != "inline,from s3" {
				t.Errorf("files %q", files)
			}
			if n := len(w.Errors()); n != 0 {
				t.Errorf("%d error records", n)
			}
			w.Committed(0, 4)
		})
	}
}

func TestEveryBadMessageIsReportedWithItsReasonAndStopsNothing(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.API.AddControl(map[string]any{"ref_id": "dup", "name": "one"})
	w.API.AddControl(map[string]any{"ref_id": "dup", "name": "two"})
	w.Start()
	upload := func(values string) string {
		return `{"message_type":"upload_attachment","values":` + values + `}`
	}
	cases := []struct{ value, code string }{
		{"", "invalid_message"},
		{"not json", "invalid_message"},
		{"\xff\xfe", "invalid_message"},
		{`[1,2]`, "invalid_message"},
		{`{"message_type":"nope","values":{"a":1}}`, "unknown_type"},
		{update("nobody", "status", "active"), "no_match"},
		{update("dup", "status", "active"), "many_matches"},
		{`{"message_type":"update_applied_control","selector":{"refid":"foo"},"values":{"status":"active"}}`, "invalid_selector"},
		{update("foo", "priority", "P1"), "rejected"},
		{update("foo", "nosuchfield", "x"), "ignored_fields"},
		{upload(`{"file_name":"a.exe","file_content":"aGk="}`), "file_refused"},
		{upload(`{"file_name":"a.txt","file_content":"%%%"}`), "file_refused"},
		{upload(`{"file_name":"a.txt","file_content":""}`), "file_refused"},
		{upload(`{"file_name":"a.txt"}`), "invalid_message"},
		{upload(`{"file_name":"a.txt","file_s3_bucket":"bucket","file_s3_key":"none.txt"}`), "file_missing"},
		{upload(`{"file_name":"a.txt","file_s3_url":"http://elsewhere.example/a.txt"}`), "file_refused"},
	}
	var values []string
	for _, c := range cases {
		values = append(values, c.value)
	}
	w.Send(kafka.Message{Topic: "observation", Key: []byte("k"), Value: []byte(cases[0].value), Headers: []kafka.Header{
		{Key: "trace", Value: []byte("t1")}, {Key: "__dlq.errors.topic", Value: []byte("forged")}}})
	w.Produce(values[1:]...)
	w.Produce(update("foo", "status", "active"))
	jobs := w.Ended(len(cases) + 1)
	for i, c := range cases {
		job := jobs[fmt.Sprint("observation-0-", i)]
		if problem, _ := job["error"].(map[string]any); job["state"] != "failed" || problem["code"] != c.code {
			t.Errorf("%s: %v %v, want %s", c.value, job["state"], job["error"], c.code)
		}
	}
	if last := jobs[fmt.Sprint("observation-0-", len(cases))]; last["state"] != "succeeded" {
		t.Errorf("what follows: %v", last)
	}
	eventually(t, "the error records", func() error {
		if n := len(w.Errors()); n != len(cases) {
			return fmt.Errorf("%d of %d", n, len(cases))
		}
		return nil
	})
	w.checkErrorRecords(t, values)
	w.Committed(0, int64(len(cases)+1))
}

// checkErrorRecords checks the exact form of the records on the errors topic.
func (w *World) checkErrorRecords(t *testing.T, values []string) {
	t.Helper()
	for _, record := range w.records("errors") {
		headers := map[string]string{}
		for _, h := range record.Headers {
			headers[h.Key] = string(h.Value)
		}
		var v struct {
			Message  json.RawMessage
			Error    string
			JobID    string `json:"job_id"`
			Class    string
			Code     string
			Attempts int
			FailedAt time.Time `json:"failed_at"`
			Source   struct {
				Topic     string
				Partition int
				Offset    int
			}
		}
		if err := json.Unmarshal(record.Value, &v); err != nil {
			t.Fatal(err)
		}
		if v.JobID != fmt.Sprint("observation-0-", v.Source.Offset) || v.Attempts != 1 || v.FailedAt.IsZero() || v.Error == "" || v.Class != "permanent" {
			t.Errorf("record %s", record.Value)
		}
		want := values[v.Source.Offset]
		var text string
		switch {
		case want == "\xff\xfe":
			want = `{"base64":"//4="}`
		case json.Unmarshal(v.Message, &text) == nil:
			v.Message = json.RawMessage(text)
		}
		if got := string(v.Message); got != want {
			t.Errorf("message %s, want %s", got, want)
		}
		if headers["__dlq.errors.topic"] != "observation" || headers["__dlq.errors.offset"] != fmt.Sprint(v.Source.Offset) ||
			headers["__dlq.errors.group"] != "my-group" || headers["dispatcher.job.id"] != v.JobID || headers["dispatcher.error.code"] != v.Code {
			t.Errorf("headers %v", headers)
		}
		if v.Source.Offset == 0 && (string(record.Key) != "k" || headers["trace"] != "t1") {
			t.Errorf("key %q, headers %v", record.Key, headers)
		}
	}
}

func TestOneKeysOrderIsKeptThroughRetries(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", After: 1, Times: 3, Kind: fakeciso.Status, Code: 500, Body: "<html>"})
	w.Start()
	for i := range 10 {
		w.Produce(update("foo", "observation", fmt.Sprint(i)))
	}
	w.Ended(10)
	var seen []string
	for _, c := range w.API.History("applied-controls", id) {
		seen = append(seen, fmt.Sprint(c.Fields["observation"]))
	}
	if got := strings.Join(seen, ""); got != "0123456789" {
		t.Errorf("order %s", got)
	}
	if w.API.Struck()[fakeciso.Status] != 3 {
		t.Error("the fault did not strike")
	}
}

func TestMessagesOfOneIdempotencyKeyAreDoneOnce(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Start()
	send := func(key, value string) {
		w.Send(kafka.Message{Topic: "observation", Value: []byte(value), Headers: []kafka.Header{{Key: "idempotency-key", Value: []byte(key)}}})
	}
	send("a", update("foo", "observation", "once"))
	send("a", update("foo", "observation", "once"))
	send("b", update("nobody", "observation", "failed"))
	send("b", update("foo", "observation", "carried out"))
	jobs := w.Ended(4)
	if n := len(w.API.History("applied-controls", id)); n != 2 {
		t.Errorf("%d writes", n)
	}
	if note, _ := jobs["observation-0-1"]["note"].(string); !strings.Contains(note, "observation-0-0") || jobs["observation-0-1"]["state"] != "succeeded" {
		t.Errorf("the second: %v", jobs["observation-0-1"])
	}
	if jobs["observation-0-3"]["state"] != "succeeded" {
		t.Errorf("after a failure: %v", jobs["observation-0-3"])
	}
}
