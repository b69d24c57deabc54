package ciso

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func parsed(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := decode([]byte(text), &v); err != nil {
		t.Fatal(text, err)
	}
	return v
}

// TestNormalisedValuesAreTheSame: what CISO Assistant v3.20.8 answers to what
// was sent (core/serializers.py, Django REST framework's fields).
func TestNormalisedValuesAreTheSame(t *testing.T) {
	t.Parallel()
	const id, id2 = "53fb665c-334c-4dd8-9c00-35299a794e41", "3367b4b8-113c-4b6c-beae-17c2421f5f91"
	for _, tc := range []struct {
		sent, got string
		same      bool
	}{
		{`"1"`, `1`, true}, {`1`, `1`, true}, {`1.0`, `1`, true}, {`"1"`, `2`, false}, {`"P1"`, `1`, false},
		{`"55"`, `55`, true}, {`12`, `"12"`, true}, {`1e2`, `100`, true}, {`1.50`, `"1.5"`, true},
		{`100000000000000000001`, `100000000000000000000`, false},
		{`"  padded \n"`, `"padded"`, true}, {`"a\r\nb"`, `"a\nb"`, true}, {`"a b"`, `"a  b"`, false}, {`""`, `null`, true}, {`""`, `""`, true},
		{`null`, `null`, true}, {`null`, `""`, false}, {`"x"`, `null`, false}, {`"2027-01-31"`, `"2027-01-31"`, true},
		{`true`, `true`, true}, {`"false"`, `false`, true}, {`1`, `true`, true}, {`0`, `true`, false}, {`"yes"`, `false`, false},
		{`["` + id + `","` + id2 + `"]`, `["` + id2 + `","` + id + `"]`, true},
		{`["` + id + `","` + id + `"]`, `["` + id + `"]`, true},
		{`["` + id + `","` + id2 + `"]`, `["` + id + `"]`, false},
		{`["` + id + `"]`, `["` + id + `","` + id2 + `"]`, false},
		{`["53FB665C334C4DD89C0035299A794E41"]`, `["` + id + `"]`, true},
		{`["` + id + `"]`, `[{"id":"` + id + `","str":"x"}]`, true},
		{`[]`, `[]`, true}, {`[]`, `["` + id + `"]`, false}, {`["` + id + `"]`, `[]`, false}, {`[]`, `null`, false},
		{`{"currency":"€","nope":1}`, `{"currency":"€","nope":1}`, true}, {`{"a":1}`, `{"a":2}`, false}, {`{}`, `null`, false},
		{`"` + id + `"`, `"` + id2 + `"`, false}, {`"53FB665C-334C-4DD8-9C00-35299A794E41"`, `"` + id + `"`, true},
		{`1e999999999`, `1`, false},
	} {
		if got := sameValue(parsed(t, tc.got), parsed(t, tc.sent)); got != tc.same {
			t.Errorf("sent %s, answered %s: same %v", tc.sent, tc.got, got)
		}
	}
}

// TestSameIsExact: what it calls the same is not written, so it must not guess.
func TestSameIsExact(t *testing.T) {
	t.Parallel()
	const control = `{"id":"x","status":"active","progress_field":100,"evidences":["a"],"filtering_labels":["53fb665c-334c-4dd8-9c00-35299a794e41"]}`
	const assessment = `{"id":"x","requirement":"r","status":"to_do","result":"compliant","respondent_alignment":"yes"}`
	for _, tc := range []struct {
		object, values string
		same           bool
	}{
		{control, `{"status":"active"}`, true},
		{control, `{"progress_field":10}`, true}, // forced
		{control, `{"status":"to_do","progress_field":10}`, false},
		{control, `{"evidences":["a","b"]}`, false},
		{control, `{"filtering_labels":["kafka"]}`, false},
		{control, `{"status":""}`, false}, // stored as it is
		{control, `{"custom_fields":{"a":1}}`, false},
		{control, `{"nosuch":1}`, false},
		{assessment, `{"status":"","result":"compliant"}`, true},
		{assessment, `{"answers":{}}`, false},
		{assessment, `{"result":"non_compliant","respondent_alignment":"yes"}`, false},
	} {
		object, values := parsed(t, tc.object).(map[string]any), parsed(t, tc.values).(map[string]any)
		if got := (&Client{}).Same(object, values); got != tc.same {
			t.Errorf("%s on %s: same %v", tc.values, tc.object, got)
		}
	}
}

func TestFieldsThatTheAnswerCannotShowAreNotIgnored(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ answer, values, ignored string }{
		{`{"id":"x","requirement":"r"}`, `{"answers":{"q":"a"}}`, ``},
		{`{"id":"x"}`, `{"answers":{"q":"a"}}`, `["answers"]`},
		{`{"id":"x"}`, `{"custom_fields":{"a":1},"integration_config":"y"}`, ``},
		{`{"id":"x","requirement":"r","result":"partially_compliant"}`, `{"result":""}`, ``},
		{`{"id":"x","requirement":"r","result":"non_compliant","respondent_alignment":"no"}`, `{"result":"compliant","respondent_alignment":"no"}`, ``},
		{`{"id":"x","result":"a","respondent_alignment":"no"}`, `{"result":"compliant"}`, `["result"]`},
		{`{"id":"x","filtering_labels":["843eba32-5ef0-47ea-9bb4-1ee4e8b5cc14"]}`, `{"filtering_labels":["kafka"," Kafka "]}`, ``},
		{`{"id":"x","filtering_labels":[]}`, `{"filtering_labels":["kafka"]}`, `["filtering_labels"]`},
		{`{"id":"x","status":"active","progress_field":100}`, `{"status":"active","progress_field":10}`, ``},
		{`{"id":"x","status":"to_do","progress_field":100}`, `{"progress_field":10}`, `["progress_field"]`},
	} {
		got := ""
		if names := ignoredFields(parsed(t, tc.answer).(map[string]any), parsed(t, tc.values).(map[string]any)); len(names) > 0 {
			text, _ := json.Marshal(names)
			got = string(text)
		}
		if got != tc.ignored {
			t.Errorf("%s answered %s: ignored %s, want %s", tc.values, tc.answer, got, tc.ignored)
		}
	}
}

func TestHugeListsAndNumbersAreComparedInNoTime(t *testing.T) {
	t.Parallel()
	list := make([]any, 300_000)
	for n := range list {
		list[n] = json.Number(strconv.Itoa(n))
	}
	if !sameValue(list, list) {
		t.Error("a list differs from itself")
	}
	for _, number := range []json.Number{"1e600000000", "1e-600000000", "1e999999999999999999999", "-1e2147483647", "0.1e-2147483648"} {
		if sameValue(json.Number("1"), number) {
			t.Errorf("%s is 1", number)
		}
	}
}

// TestWhatIsSaidOfFieldsIsSaidInOneOrder: the same message must fail with the same words.
func TestWhatIsSaidOfFieldsIsSaidInOneOrder(t *testing.T) {
	t.Parallel()
	values := make(map[string]any)
	for _, name := range []string{"d", "b", "a", "c", "e"} {
		values[name] = []any{""}
	}
	for range 20 {
		if names := ignoredFields(row{}, values); !slices.Equal(names, []string{"a", "b", "c", "d", "e"}) {
			t.Fatalf("ignored: %v", names)
		}
		if err := CheckValues(values); err == nil || !strings.Contains(err.Error(), "a: a list with an empty element") {
			t.Fatalf("%v", err)
		}
	}
}
