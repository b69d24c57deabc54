package control

import (
	"strings"
	"testing"
	"time"

	"dispatcher/jobs"
)

func TestAFilterIsReadAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	f, err := ReadFilter(map[string][]string{
		"state": {"failed", "running"}, "type": {jobs.TypeUploadAttachment}, "code": {"no_match"}, "key": {"k"}, "worker": {"w"},
		"since": {"7d"}, "until": {"2026-11-24T09:00:00Z"}, "search": {"x"},
	}, now)
	if err != nil || len(f.States) != 2 || f.Types[0] != jobs.TypeUploadAttachment || f.Codes[0] != jobs.CodeNoMatch || f.Keys[0] != "k" ||
		f.Workers[0] != "w" || !f.Since.Equal(now.AddDate(0, 0, -7)) || !f.Until.Equal(now.Add(-time.Hour)) || f.Search != "x" {
		t.Errorf("%+v %v", f, err)
	}
	for name, value := range map[string]string{"state": "done", "type": "update", "code": "nope", "since": "yesterday", "until": "-1h"} {
		if _, err := ReadFilter(map[string][]string{name: {value}}, now); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}
