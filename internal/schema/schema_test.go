package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"dispatcher/ingest"
	"dispatcher/internal/fakeciso"
	"dispatcher/jobs"
	"dispatcher/workers"
	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// compiled returns a validator of a schema, itself checked against the draft.
func compiled(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	d, ok := Of(name)
	if !ok {
		t.Fatalf("no schema %q", name)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name+".json", parsed(t, d)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parsed turns a value into what the validator reads.
func parsed(t testing.TB, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

func parse(t testing.TB, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// decoder tells what a real run says of the shape of messages, before it looks
// whether anything matches.
func decoder(t testing.TB) func(message string) error {
	t.Helper()
	api := fakeciso.New(fakeciso.Config{})
	base, err := api.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	api.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	client, err := ciso.New(ciso.Config{URL: base, Credentials: ciso.Credentials{Token: func() string { return "admin-token" }}})
	if err != nil {
		t.Fatal(err)
	}
	planner := &workers.Planner{API: client, Files: files{attachment.Spool{Dir: t.TempDir()}}, Log: slog.New(slog.DiscardHandler)}
	return func(message string) error {
		plan := planner.Plan(t.Context(), jobs.Envelope{Value: []byte(message)})
		switch e := plan.Error; {
		case e == nil:
			return nil
		case slices.Contains([]jobs.Code{jobs.CodeInvalidMessage, jobs.CodeUnknownType, jobs.CodeInvalidSelector, jobs.CodeFileRefused}, e.Code),
			e.Code == jobs.CodeRejected && e.HTTPStatus == 0: // refused without being sent
			return e
		}
		return nil
	}
}

// files has every file but those whose address is none.
type files struct{ attachment.Spool }

func (f files) FromBucket(context.Context, string, string) (*attachment.File, error) {
	return f.FromBase64("aGVsbG8=")
}

func (f files) FromURL(_ context.Context, url string) (*attachment.File, error) {
	if !strings.HasPrefix(strings.ToLower(url), "http") {
		return nil, jobs.Fail(jobs.CodeFileRefused, "no address")
	}
	return f.FromBase64("aGVsbG8=")
}

func control(selector, values string) string {
	return fmt.Sprintf(`{"message_type":"update_applied_control","selector":%s,"values":%s}`, selector, values)
}

func assessment(selector, values string) string {
	return fmt.Sprintf(`{"message_type":"update_requirement_assessment","selector":%s,"values":%s}`, selector, values)
}

func upload(selector, values string) string {
	return fmt.Sprintf(`{"message_type":"upload_attachment","selector":%s,"values":%s}`, selector, values)
}

// table are messages of all kinds; those of which the schema must say no are
// prefixed with "!".
var table = []string{
	control(`{"ref_id":"foo"}`, `{"priority":"1"}`),
	control(`{"ref_id":7}`, `{"observation":null}`),
	control(`{"ref_id":true,"target":"multiple"}`, `{"status":["a"]}`),
	control(`{"ref_id":"foo","target":null}`, `{"evidences":[]}`),
	control(`{"status":["active","to_do"],"target":"single"}`, `{"status":"active"}`),
	control(`{"id":["a","b"]}`, `{"status":"active"}`),
	control(`{"is_assigned":"True"}`, `{"status":"active"}`),
	control(`{"is_assigned":false}`, `{"status":"active"}`),
	control(`{"owner":"00000000-0000-4000-8000-000000000001"}`, `{"status":"active"}`),
	`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":1},"version":1,"more":"ignored"}`,
	`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":1},"version":1.0}`,
	`{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":1},"version":null}`,
	`!{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":1},"version":2}`,
	`!{"message_type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":1},"version":"1"}`,
	`!{"message_type":"update_applied_control","selector":{"ref_id":"foo"}}`,
	`!{"message_type":"update_applied_control","values":{"priority":1}}`,
	`!{"message_type":7,"selector":{"ref_id":"foo"},"values":{"priority":1}}`,
	`!{"Message_Type":"update_applied_control","selector":{"ref_id":"foo"},"values":{"priority":1}}`,
	"!" + control(`{}`, `{"priority":1}`),
	"!" + control(`null`, `{"priority":1}`),
	"!" + control(`"foo"`, `{"priority":1}`),
	"!" + control(`{"ref_id":"foo"}`, `{}`),
	"!" + control(`{"ref_id":"foo"}`, `null`),
	"!" + control(`{"ref_id":"foo"}`, `[]`),
	"!" + control(`{"target":"multiple"}`, `{"priority":1}`),
	"!" + control(`{"ref_id":"foo","target":"all"}`, `{"priority":1}`),
	"!" + control(`{"refid":"foo"}`, `{"priority":1}`),
	"!" + control(`{"search":"foo"}`, `{"priority":1}`),
	"!" + control(`{"ref_id":"foo","limit":1}`, `{"priority":1}`),
	"!" + control(`{"ref_id":""}`, `{"priority":1}`),
	"!" + control(`{"ref_id":" \t"}`, `{"priority":1}`),
	"!" + control(`{"ref_id":"a\u0000"}`, `{"priority":1}`),
	"!" + control(`{"ref_id":null}`, `{"priority":1}`),
	"!" + control(`{"ref_id":{}}`, `{"priority":1}`),
	"!" + control(`{"ref_id":["foo"]}`, `{"priority":1}`),
	"!" + control(`{"status":[]}`, `{"priority":1}`),
	"!" + control(`{"status":[""]}`, `{"priority":1}`),
	"!" + control(`{"id":"a,b"}`, `{"priority":1}`),
	"!" + control(`{"is_assigned":"yes"}`, `{"priority":1}`),
	"!" + control(`{"ref_id":"foo"}`, `{"evidences":[""]}`),
	"!" + control(`{"ref_id":"foo"}`, `{"evidences":["a",null]}`),

	assessment(`{"compliance_assessment__ref_id":"ISO_001","requirement__ref_id":"A.5.1"}`, `{"result":"compliant"}`),
	assessment(`{"requirement__urn":"urn:x"}`, `{"result":""}`),
	"!" + assessment(`{"ref_id":"x"}`, `{"result":"compliant"}`),
	"!" + assessment(`{"requirement__ref_id":["A.5.1"]}`, `{"result":"compliant"}`),

	`{"message_type":"upload_attachment","values":{"file_name":"a.txt","file_content":"aGVsbG8="}}`,
	upload(`null`, `{"file_name":"a.TXT","file_content":"aGVs\nbG8"}`),
	upload(`{}`, `{"file_name":"a.b.pdf","file_s3_bucket":"b"}`),
	upload(`{"name":"x","ref_id":null}`, `{"file_s3_bucket":"b","file_s3_key":"dir/a.png"}`),
	upload(`{"name":"x","target":"multiple"}`, `{"file_name":"a.md","file_s3_url":"https://s3/x?y"}`),
	upload(`{"name":"x"}`, `{"file_name":"a.md","file_content":"","file_s3_url":"HTTP://s3/x","file_s3_bucket":null}`),
	upload(`{}`, `{"file_name":"a.md","file_content":"-_8","name":"n","folder":"global","description":"d","observation":"o"}`),
	upload(`{}`, `{"file_name":"a.md","file_content":"-_8","applied_controls":{"ref_id":"foo"},"requirement_assessments":null}`),
	"!" + upload(`{"ref_id":"bar"}`, `{"file_name":"a.txt","file_content":"aGVsbG8="}`),
	"!" + upload(`{"ref_id":"bar","target":"single"}`, `{"file_name":"a.txt","file_content":"aGVsbG8="}`),
	"!" + upload(`{"target":"single"}`, `{"file_name":"a.txt","file_content":"aGVsbG8="}`),
	"!" + upload(`{"name":"x","target":"some"}`, `{"file_name":"a.txt","file_content":"aGVsbG8="}`),
	"!" + upload(`{"name":["x"]}`, `{"file_name":"a.txt","file_content":"aGVsbG8="}`),
	"!" + upload(`[]`, `{"file_name":"a.txt","file_content":"aGVsbG8="}`),
	"!" + upload(`{}`, `{"file_name":"a.txt"}`),
	"!" + upload(`{}`, `{"file_content":"aGVsbG8="}`),
	"!" + upload(`{}`, `{"file_name":"","file_content":"aGVsbG8="}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":""}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":7}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"§§§§"}`),
	"!" + upload(`{}`, `{"file_name":"a.exe","file_content":"aGVsbG8="}`),
	"!" + upload(`{}`, `{"file_name":"a","file_content":"aGVsbG8="}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"aGVsbG8=","file_s3_url":"https://s3/x"}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_s3_key":"k"}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"aGVsbG8=","file_s3_key":"k.txt"}`),
	"!" + upload(`{}`, `{"file_s3_bucket":"b","file_s3_key":"k.exe"}`),
	"!" + upload(`{}`, `{"file_s3_bucket":"b"}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_s3_url":"ftp://s3/x"}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"aGVsbG8=","colour":"red"}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"aGVsbG8=","applied_controls":{}}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"aGVsbG8=","applied_controls":{"target":"single"}}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"aGVsbG8=","applied_controls":"foo"}`),
	"!" + upload(`{}`, `{"file_name":"a.txt","file_content":"aGVsbG8=","applied_controls":{"refid":"foo"}}`),
	"![]", "!null", `!"x"`, "!{}",
}

func TestSchemasAgreeWithTheDecoder(t *testing.T) {
	t.Parallel()
	decode := decoder(t)
	schemas := make(map[string]*jsonschema.Schema)
	for _, name := range jobs.Types() {
		schemas[name] = compiled(t, name)
	}
	for _, row := range table {
		message, wrong := strings.CutPrefix(row, "!")
		if err := decode(message); (err != nil) != wrong {
			t.Errorf("the decoder says %v of %s", err, row)
		}
		name := jobs.TypeUpdateAppliedControl // of what has no type
		for _, known := range jobs.Types() {
			if strings.Contains(message, `"message_type":"`+known+`"`) {
				name = known
			}
		}
		if err := schemas[name].Validate(parse(t, message)); (err != nil) != wrong {
			t.Errorf("the schema says %v of %s", err, row)
		}
	}
}

func TestTheExamplesOfTheREADMEAreValid(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(readme, -1) {
		var head struct {
			Type string `json:"message_type"`
		}
		if json.Unmarshal(block[1], &head) != nil {
			t.Errorf("no JSON: %s", block[1])
		}
		name := head.Type
		switch {
		case bytes.Contains(block[1], []byte(`"finished_at"`)):
			name = ResultRecord
		case bytes.Contains(block[1], []byte(`"failed_at"`)):
			name = ErrorRecord
		}
		text := bytes.ReplaceAll(block[1], []byte("base64_encoded_data"), []byte("aGVsbG8="))
		if err := compiled(t, name).Validate(parse(t, string(text))); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		seen[name]++
	}
	for _, name := range Names() {
		if seen[name] == 0 {
			t.Errorf("README has no example of %s", name)
		}
	}
}

func TestOwnExamplesAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range jobs.Types() {
		d, _ := Of(name)
		for _, example := range d["examples"].([]Document) {
			if err := compiled(t, name).Validate(parsed(t, example)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Members that may be absent are those that the type leaves out when empty.
func TestTheSchemasOfTheRecordsHaveTheMembersOfTheRecords(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]reflect.Type{
		ErrorRecord: reflect.TypeFor[ingest.ErrorRecord](), ResultRecord: reflect.TypeFor[ingest.ResultRecord](),
	} {
		d, _ := Of(name)
		sameMembers(t, d, record)
		source := d["properties"].(Document)["source"].(Document)
		source["required"] = slices.DeleteFunc(source["required"].([]string), func(name string) bool { return name == "topic" }) // always there: only submitted jobs have none
		sameMembers(t, source, reflect.TypeFor[jobs.Source]())
	}
}

func sameMembers(t *testing.T, d Document, record reflect.Type) {
	t.Helper()
	properties, required := d["properties"].(Document), d["required"].([]string)
	for i := range record.NumField() {
		name, options, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		if properties[name] == nil || slices.Contains(required, name) == strings.Contains(options, "omit") {
			t.Errorf("%s: %v, required %v", name, properties[name], required)
		}
	}
	if len(properties) != record.NumField() {
		t.Errorf("%d members instead of %d", len(properties), record.NumField())
	}
}

func TestThereIsNoOtherSchema(t *testing.T) {
	t.Parallel()
	if _, ok := Of("update_everything"); ok {
		t.Error("there is")
	}
}
