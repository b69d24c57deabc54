package jobs

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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
		"no null":         {"nonsense", CodeInvalidMessage, "not valid JSON"},
		"trailing":        {"{" + ok + "}{}", CodeInvalidMessage, "more behind"},
		"no values":       {`{"message_type":"update_applied_control","selector":{"ref_id":"a"}}`, CodeInvalidMessage, "values"},
		"empty values":    {`{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{}}`, CodeInvalidMessage, "values"},
		"values a list":   {`{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":[1]}`, CodeInvalidMessage, "values is a list"},
		"selector string": {`{"message_type":"update_applied_control","selector":"a","values":{"x":1}}`, CodeInvalidMessage, "selector is a string"},
		"version 2":       {"{" + ok + `,"version":2}`, CodeInvalidMessage, "version 2"},
		"version \"1\"":   {"{" + ok + `,"version":"1"}`, CodeInvalidMessage, "send the number 1"},
		"version a list":  {"{" + ok + ",\"version\":[\n1]}", CodeInvalidMessage, "version is a list"},
		"long type":       {`{"message_type":"` + strings.Repeat("x", 1<<20) + `"}`, CodeUnknownType, "…"},
		"1001 deep":       {"{" + ok + `,"more":` + nested(1000) + "}", CodeInvalidMessage, "nested"},
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
	for _, good := range []string{
		"{" + ok + "}", "{" + ok + `,"version":1,"other":null}`, "{" + ok + `,"version":1.0}`, "{" + ok + `,"version":null}`,
		"{" + ok + `,"more":` + nested(999) + "}", "{" + ok + `,"more":"` + strings.Repeat("[", 5000) + `"}`,
		` {"message_type":"upload_attachment","selector":null,"values":{"file_name":"a"}} `} {
		if _, failure := ParseMessage([]byte(good)); failure != nil {
			t.Errorf("%s: %v", good, failure)
		}
	}
}

// nested is JSON of that depth.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestAMemberInAnotherCaseBringsNothingIn(t *testing.T) {
	t.Parallel()
	value := []byte(`{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{"x":1},
		"Message_Type":"upload_attachment","SELECTOR":{"id":"b"},"Values":{"denied":2},"value\u0073 ":{"denied":3}}`)
	want := &Message{Type: TypeUpdateAppliedControl, Selector: map[string]any{"ref_id": "a"}, Values: map[string]any{"x": json.Number("1")}}
	parsed, failure := ParseMessage(value)
	if diff := cmp.Diff(want, parsed); diff != "" || failure != nil {
		t.Errorf("parsed: %v %s", failure, diff)
	}
	decoded, err := DecodeMessage(value)
	if diff := cmp.Diff(want, decoded); diff != "" || err != nil {
		t.Errorf("decoded: %v %s", err, diff)
	}
}

func TestABadMessageOfAKnownTypeIsFoundByItsType(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`{"message_type":"upload_attachment"}`, `{"message_type":"upload_attachment","values":{}}`,
		`{"message_type":"upload_attachment","values":{"a":1},"version":7}`,
	} {
		job := Reader{Clock: time.Now}.Job(&Envelope{Topic: "t", Value: []byte(value)})
		if job.Type != TypeUploadAttachment || job.State != Failed || job.Failure.Class != ClassPermanent {
			t.Errorf("%s: type %q, %s, %v", value, job.Type, job.State, job.Failure)
		}
	}
}

func TestWhatAProducerSendsBesideTheValueIsBounded(t *testing.T) {
	t.Parallel()
	job := Reader{Clock: time.Now}.Job(&Envelope{
		Topic: "t", Timestamp: time.UnixMilli(1700000000_000_000_000), // nanoseconds, taken for milliseconds
		Headers: []Header{{Name: "idempotency-key", Value: []byte{0xff}}},
	})
	if _, err := json.Marshal(job.Source); err != nil || !job.Source.Timestamp.IsZero() {
		t.Errorf("timestamp %s: %v", job.Source.Timestamp, err)
	}
	if job.Idempotent != "base64:/w==" {
		t.Errorf("idempotency key %q", job.Idempotent)
	}
	long := []Header{{Name: "idempotency-key", Value: bytes.Repeat([]byte("x"), 5000)}}
	if job := (Reader{Clock: time.Now}).Job(&Envelope{Topic: "t", Headers: long}); len(job.Idempotent) > maxKey {
		t.Errorf("idempotency key of %d bytes", len(job.Idempotent))
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
		"k":                                 at(keyed, OrderByKey),
		"partition/observation-0":           at(keyed, OrderByPartition),
		"base64:/w==":                       at(Envelope{Key: []byte{0xff}}, OrderByKey),
		"evidences?name=a.pdf":              at(Envelope{Value: []byte(`{"message_type":"upload_attachment","values":{"file_name":"a.pdf"}}`)}, OrderByKey),
		"evidences?name=b.pdf":              at(Envelope{Value: []byte(`{"message_type":"upload_attachment","selector":{},"values":{"file_s3_key":"x/b.pdf"}}`)}, OrderByKey),
		"evidences?name=n":                  at(Envelope{Value: []byte(`{"message_type":"upload_attachment","selector":{"target":"single"},"values":{"file_name":"c","name":"n"}}`)}, OrderByKey),
		"evidences?id=i":                    at(Envelope{Value: []byte(`{"message_type":"upload_attachment","selector":{"id":"i"},"values":{"file_name":"c"}}`)}, OrderByKey),
		"applied-controls?ref_id=a%26b%3Dc": at(control(`{"ref_id":"a&b=c"}`), OrderByKey),
		"applied-controls?ref_id=1":         at(control(`{"ref_id":1}`), OrderByKey),
		"applied-controls?status=%5B%22active%22%2C%22to_do%22%5D": at(control(`{"status":["active", "to_do"]}`), OrderByKey),
		"requirement-assessments?compliance_assessment__ref_id=A&requirement__ref_id=1.1": at(Envelope{Value: []byte(
			`{"message_type":"update_requirement_assessment","selector":{"requirement__ref_id":"1.1","target":"single","compliance_assessment__ref_id":"A"},"values":{"result":"compliant"}}`)}, OrderByKey),
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
		{Topic: "t", Timestamp: time.Unix(5, 6).UTC(), Oversize: &Digest{Size: 99, SHA256: [32]byte{1}, Prefix: []byte("p"), Record: [32]byte{2}, Frame: 7}},
		{Topic: "t", Timestamp: time.Unix(0, 0).UTC(), Headers: []Header{{Name: "é\r\n", Value: []byte{0, 255}}}},
		{Topic: "t", Timestamp: time.UnixMilli(1700000000_000_000_000).UTC(), Value: make([]byte, 4<<10)},
	} {
		prefix := []byte("before")
		encoded := e.Encode(prefix)
		got, err := DecodeEnvelope(encoded[len(prefix):])
		if diff := cmp.Diff(e, got); diff != "" || err != nil {
			t.Errorf("%v: %s", err, diff)
		}
		if n := len(encoded) - len(prefix); n > e.size() {
			t.Errorf("%d bytes, %d expected at most", n, e.size())
		}
	}
}

func TestADamagedEnvelopeIsRefused(t *testing.T) {
	t.Parallel()
	e := Envelope{Topic: "t", Offset: 7, Key: []byte("k"), Value: []byte("value")}
	whole := e.Encode(nil)
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x10
		if _, err := DecodeEnvelope(flipped); !errors.Is(err, ErrDamaged) {
			t.Errorf("a bit of byte %d flipped: %v", i, err)
		}
		if _, err := DecodeEnvelope(whole[:i]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	newer := Encoder{B: []byte{envelopeVersion + 1}}
	newer.Seal(0)
	if _, err := DecodeEnvelope(newer.B); err == nil || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("an envelope of a newer version: %v", err)
	}
	oversize := Envelope{Oversize: &Digest{}}
	longer := Encoder{B: oversize.Encode(nil)}
	longer.B = append(longer.B[:len(longer.B)-4], 0)
	longer.Seal(0)
	if _, err := DecodeEnvelope(longer.B); !errors.Is(err, ErrDamaged) {
		t.Errorf("an envelope with more behind it: %v", err)
	}
}

func TestTheHashTellsRecordsApart(t *testing.T) {
	t.Parallel()
	seen := make(map[[32]byte]int)
	for i, e := range []Envelope{
		{Key: []byte("ab"), Value: []byte("c")}, {Key: []byte("a"), Value: []byte("bc")}, {Value: []byte("abc")}, {Key: []byte("abc")}, {},
	} {
		if other, ok := seen[e.Hash()]; ok {
			t.Errorf("records %d and %d have one hash", other, i)
		}
		seen[e.Hash()] = i
	}
	if a, b := (&Envelope{Value: []byte("v")}), (&Envelope{Value: []byte("v"), Topic: "t", Offset: 9, Timestamp: time.Now()}); a.Hash() != b.Hash() {
		t.Error("the hash is not only of key and value")
	}
}

func TestARecordThatIsTooLargeIsDescribed(t *testing.T) {
	t.Parallel()
	fits := Envelope{Topic: "t", Key: []byte("k"), Value: make([]byte, MaxValueBytes)}
	if fits.Bound(); fits.Oversize != nil || len(fits.Value) != MaxValueBytes {
		t.Error("16 MiB are not kept")
	}
	value := bytes.Repeat([]byte("v"), MaxValueBytes+1)
	large := Envelope{Topic: "t", Key: []byte("k"), Headers: []Header{{Name: "h"}}, Value: value}
	hash := large.Hash()
	large.Bound()
	want := Envelope{Topic: "t", Key: []byte("k"), Headers: []Header{{Name: "h"}},
		Oversize: &Digest{Size: MaxValueBytes + 1, SHA256: sha256.Sum256(value), Prefix: value[:1024], Record: hash}}
	if diff := cmp.Diff(want, large); diff != "" {
		t.Error(diff)
	}
	framed := Envelope{Topic: "t", Key: bytes.Repeat([]byte("k"), 2<<20), Headers: []Header{{Name: "h", Value: make([]byte, 2<<20)}}, Value: []byte("{}")}
	hash = (&Envelope{Key: framed.Key, Value: framed.Value}).Hash()
	framed.Bound()
	if framed.Hash() != hash {
		t.Error("it has another hash than in Kafka")
	}
	if n := len(framed.Encode(nil)); n > 8<<10 || framed.Oversize.Frame < 4<<20 {
		t.Errorf("%d bytes are left, frame %d", n, framed.Oversize.Frame)
	}
	for _, e := range []*Envelope{&large, &framed} {
		job := Reader{Clock: time.Now}.Job(e)
		if job.State != Failed || job.Failure.Code != CodeInvalidMessage || !strings.Contains(job.Failure.Message, "are accepted") {
			t.Errorf("%v", job.Failure)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"message_type":"update_applied_control","selector":{"ref_id":"a"},"values":{"priority":"1"},"version":1}`,
		`{"message_type":"upload_attachment","values":{"file_content":"aGk=","file_name":"a.txt"}}`, "\xef\xbb\xbf{}", `{"a":"\ud800"}`,
		`{"message_type":"update_requirement_assessment","selector":{"a":[1.50,1e400],"\ud83d\ude00":true},"values":{"x":{"y":[{},[],null,-0]}},"Values":{"z":1}}`,
		`{"message\u005ftype":"upload\u005fattachment","selector":{ },"values":{"\u0000":"\n"},"version":1.0}`, "{\"message_type\":\"a\u2028\x7f\",\"version\":[\n]}",
		strings.Repeat("[", 2000),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		m, failure := ParseMessage(value)
		if (m == nil) == (failure == nil) {
			t.Fatalf("%v and %v", m, failure)
		}
		job := Reader{Clock: time.Now}.Job(&Envelope{Topic: "t", Value: value})
		if (job.State == Failed) != (failure != nil) {
			t.Errorf("%+v, %v", job, failure)
		}
		if failure != nil {
			if strings.ContainsAny(failure.Message, "\n\r\x1b") || !utf8.ValidString(failure.Message) || len(failure.Message) > 2000 {
				t.Errorf("%q", failure.Message)
			}
			return
		}
		sameAsTheStandardLibrary(t, value, m)
		decoded, err := DecodeMessage(value)
		if err != nil || !cmp.Equal(m, decoded) {
			t.Errorf("%+v decoded again is %+v: %v", m, decoded, err)
		}
		again, err := json.Marshal(map[string]any{"message_type": m.Type, "selector": m.Selector, "values": m.Values})
		if err != nil {
			t.Fatal(err)
		}
		if reparsed, failure := ParseMessage(again); failure != nil || !cmp.Equal(m, reparsed) {
			t.Errorf("%+v written and parsed again is %+v: %v", m, reparsed, failure)
		}
	})
}

// sameAsTheStandardLibrary compares a message with what encoding/json reads.
func sameAsTheStandardLibrary(t *testing.T, value []byte, m *Message) {
	t.Helper()
	var whole map[string]any
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&whole); err != nil {
		t.Fatalf("accepted, but: %v", err)
	}
	selector, _ := whole["selector"].(map[string]any)
	if len(selector) == 0 {
		selector = nil
	}
	want := &Message{Type: whole["message_type"].(string), Selector: selector, Values: whole["values"].(map[string]any)}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, e := range []Envelope{
		{Topic: "t", Partition: -1, Offset: 7, Replay: 2, Timestamp: time.Unix(5, 6), Key: []byte("k"), Value: []byte("v"), Headers: []Header{{Name: "h"}}},
		{Topic: "t", Oversize: &Digest{Size: 99, Prefix: []byte("p"), Frame: 7}},
	} {
		encoded := e.Encode(nil)
		f.Add(encoded[:len(encoded)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sealed := Encoder{B: bytes.Clone(body)} // else the checksum would refuse all but the seeds
		sealed.Seal(0)
		e, err := DecodeEnvelope(sealed.B)
		if err != nil {
			return
		}
		if again, err := DecodeEnvelope(e.Encode(nil)); err != nil || !cmp.Equal(e, again) {
			t.Errorf("%+v became %+v: %v", e, again, err)
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
