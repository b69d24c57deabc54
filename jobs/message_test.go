package jobs

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryMalformedMessageHasItsReason(t *testing.T) {
	t.Parallel()
	ok := `"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{"x":1}`
	for name, c := range map[string]struct {
		value string
		code  Code
		says  string
	}{
		"empty":           {"", CodeInvalidMessage, "empty"},
		"BOM":             {"\xef\xbb\xbf{" + ok + "}", CodeInvalidMessage, "byte order mark"},
		"not UTF-8":       {"{\"a\":\"\xff\"}", CodeInvalidMessage, "UTF-8"},
		"not JSON":        {"{" + ok, CodeInvalidMessage, "not valid JSON"},
		"text":            {"hello", CodeInvalidMessage, "not valid JSON"},
		"duplicate":       {"{" + ok + `,"values":{}}`, CodeInvalidMessage, "duplicate"},
		"deep duplicate":  {`{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{"x":{"y":1,"y":2}}}`, CodeInvalidMessage, "duplicate"},
		"too deep":        {`{"values":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + "}", CodeInvalidMessage, "nested"},
		"far too deep":    {`{"values":` + strings.Repeat("[", 100_000), CodeInvalidMessage, "JSON"},
		"list":            {"[1]", CodeInvalidMessage, "a list"},
		"null":            {"null", CodeInvalidMessage, "null"},
		"trailing":        {"{" + ok + "}{}", CodeInvalidMessage, "more behind"},
		"no values":       {`{"message_type":"update_applied_control","selector":{"ref_id":"a"}}`, CodeInvalidMessage, "values"},
		"empty values":    {`{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{}}`, CodeInvalidMessage, "values"},
		"values a list":   {`{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":[1]}`, CodeInvalidMessage, "values is a list"},
		"selector string": {`{"message_type":"update_applied_control","selector":"a","values":{"x":1}}`, CodeInvalidMessage, "selector is a string"},
		"version 2":       {"{" + ok + `,"version":2}`, CodeInvalidMessage, "version 2"},
		"no type":         {`{"values":{"x":1}}`, CodeInvalidMessage, "message_type is missing"},
		"type a number":   {`{"message_type":1,"values":{"x":1}}`, CodeInvalidMessage, "message_type is a number"},
		"unknown type":    {`{"message_type":"update_aplied_control","values":{"x":1}}`, CodeUnknownType, `did you mean "update_applied_control"?`},
		"no selector":     {`{"message_type":"update_applied_control","values":{"x":1}}`, CodeInvalidSelector, "selector"},
	} {
		_, failure := ParseMessage([]byte(c.value))
		if failure == nil || failure.Code != c.code || !strings.Contains(failure.Message, c.says) || strings.Contains(failure.Message, "\n") {
			t.Errorf("%s: %v", name, failure)
		}
	}
	for _, good := range []string{"{" + ok + "}", "{" + ok + `,"version":1,"other":null}`, ` {"message_type":"upload_attachment","selector":null,"values":{"file_name":"a"}} `} {
		if _, failure := ParseMessage([]byte(good)); failure != nil {
			t.Errorf("%s: %v", good, failure)
		}
	}
}

func TestOneObjectHasOneOrderingKeyWhateverTheSpelling(t *testing.T) {
	t.Parallel()
	at := func(e Envelope, ordering string) string {
		r := Reader{Ordering: ordering, Clock: time.Now}
		e.Topic = "observation"
		return r.Job(&e).Key
	}
	control := func(selector string) Envelope {
		return Envelope{Value: []byte(`{"message_type":"update_applied_control","selector":` + selector + `,"values":{"status":"active"}}`)}
	}
	a := at(control(`{"ref_id":"foo","folder":"d"}`), OrderByKey)
	b := at(control(`{"folder":"d", "target":"single", "ref_id":" foo "}`), OrderByKey)
	if a != b || a != "applied-controls?folder=d&ref_id=foo" {
		t.Errorf("%q and %q", a, b)
	}
	keyed := control(`{"ref_id":"foo"}`)
	keyed.Key = []byte("k")
	for want, got := range map[string]string{
		"k":                       at(keyed, OrderByKey),
		"partition/observation-0": at(keyed, OrderByPartition),
		"base64:/w==":             at(Envelope{Key: []byte{0xff}}, OrderByKey),
		"evidences?name=a.pdf":    at(Envelope{Value: []byte(`{"message_type":"upload_attachment","values":{"file_name":"a.pdf"}}`)}, OrderByKey),
	} {
		if got != want {
			t.Errorf("key %q, want %q", got, want)
		}
	}
	if key := at(Envelope{Key: bytes.Repeat([]byte("x"), 5000)}, OrderByKey); len(key) > maxKey {
		t.Errorf("a key of %d bytes", len(key))
	}
}

func TestThePolicyIsTheOperatorsWord(t *testing.T) {
	t.Parallel()
	value := []byte(`{"message_type":"upload_attachment","values":{"file_name":"a","file_s3_bucket":"b","name":"n"}}`)
	for name, p := range map[string]Policy{
		"type":   {AllowTypes: []string{TypeUpdateAppliedControl}},
		"field":  {DenyFields: []string{"name"}},
		"typed":  {DenyFields: []string{"upload_attachment.name"}},
		"bucket": {AllowBuckets: []string{"c"}},
	} {
		job := Reader{Policy: p, Clock: time.Now}.Job(&Envelope{Topic: "t", Value: value})
		if job.State != Failed || job.Failure.Code != CodeDenied {
			t.Errorf("%s: %v", name, job.Failure)
		}
	}
	p := Policy{AllowTypes: []string{TypeUploadAttachment}, DenyFields: []string{"update_applied_control.name"}, AllowBuckets: []string{"b"}}
	if job := (Reader{Policy: p, Clock: time.Now}).Job(&Envelope{Topic: "t", Value: value}); job.State != Queued {
		t.Errorf("allowed: %v", job.Failure)
	}
}

func TestAnEnvelopeIsItselfAgain(t *testing.T) {
	t.Parallel()
	for _, e := range []Envelope{
		{},
		{Topic: "t", Partition: 1, Offset: -1, Replay: 2, Key: []byte{}, Value: []byte{}, Headers: []Header{{Name: "a", Value: []byte{}}, {Name: "b"}}},
		{Topic: "t", Timestamp: time.Unix(5, 6).UTC(), Oversize: &Digest{Size: 99, SHA256: [32]byte{1}, Prefix: []byte("p")}},
	} {
		got, err := DecodeEnvelope(e.Encode(nil))
		if diff := cmp.Diff(e, got); diff != "" || err != nil {
			t.Errorf("%v: %s", err, diff)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{"priority":"1"},"version":1}`,
		`{"message_type":"upload_attachment","values":{"file_content":"aGk=","file_name":"a.txt"}}`, "\xef\xbb\xbf{}", `{"a":"\ud800"}`, strings.Repeat("[", 2000),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		m, failure := ParseMessage(value)
		if (m == nil) == (failure == nil) {
			t.Fatalf("%v and %v", m, failure)
		}
		job := Reader{Clock: time.Now}.Job(&Envelope{Topic: "t", Value: value})
		if (job.State == Failed) != (failure != nil) || failure != nil && strings.ContainsAny(failure.Message, "\n\r") {
			t.Errorf("%+v, %v", job, failure)
		}
	})
}

func FuzzDecodeEnvelope(f *testing.F) {
	e := Envelope{Topic: "t", Key: []byte("k"), Value: []byte("v"), Headers: []Header{{Name: "h"}}}
	f.Add(e.Encode(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := DecodeEnvelope(raw); err == nil {
			if again, err := DecodeEnvelope(e.Encode(nil)); err != nil || !cmp.Equal(e, again) {
				t.Errorf("%+v became %+v: %v", e, again, err)
			}
		}
	})
}

func BenchmarkReadJob(b *testing.B) {
	e := Envelope{Topic: "observation", Value: []byte(`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"status":"active","observation":"` + strings.Repeat("x", 900) + `"}}`)}
	r := Reader{Clock: time.Now}
	for b.Loop() {
		r.Job(&e)
	}
}
