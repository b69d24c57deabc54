package ingest

import (
	"bytes"
	"testing"

	"dispatcher/jobs"
)

func TestWhatIsReportedCanBeRestored(t *testing.T) {
	t.Parallel()
	file := `{"message_type":"upload_attachment","values":{"file_content":"aGVsbG8="}}`
	for name, c := range map[string]struct {
		value string
		how   cutting
		whole bool
	}{
		"message":         {value: `{"message_type":"update_applied_control","values":{"a":1}}`, whole: true},
		"text":            {value: "no json", whole: true},
		"not UTF-8":       {value: "\xff\x00", whole: true},
		"a number":        {value: "17", whole: true},
		"file":            {value: file, whole: true},
		"without file":    {value: file, how: cutFile},
		"without message": {value: file, how: cutMessage},
		"speaks of parts": {value: `{"message_type":"x","base64":"aGVsbG8=","omitted":{}}`, whole: true},
	} {
		env := jobs.Envelope{Value: []byte(c.value)}
		value, whole := restore(original(&env, c.how))
		if whole != c.whole || whole && !bytes.Equal(value, env.Value) {
			t.Errorf("%s: %q, %v", name, value, whole)
		}
	}
}
