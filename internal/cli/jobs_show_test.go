package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

func TestNothingThatAProducerSendsSteersTheTerminal(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b[31m\u202eb\u009b2J\rc"
	job := control.Detail{
		Job: control.Job{
			ID: "observation-0-1", Type: evil, Key: evil, Note: evil, State: jobs.Failed, Message: []byte(`"` + "\u009b" + `"`),
			Error: &jobs.Failure{Code: jobs.CodeNoMatch, Message: evil},
		},
		Steps:      []jobs.Step{{Name: "resolve", State: jobs.StepDone, Result: []byte(evil)}},
		AttemptLog: []jobs.Attempt{{N: 1, Message: evil}},
		Audit:      []jobs.AuditEntry{{Operator: evil, Reason: evil}},
	}
	var out bytes.Buffer
	printJob(Env{Stdout: &out, Getenv: func(string) string { return "" }}, &job, nil, time.Now())
	out.WriteString(detail(&job.Job, time.Now()))
	if strings.ContainsAny(out.String(), "\x1b\u202e\u009b\r") {
		t.Errorf("it prints %q", out.String())
	}
	if n := strings.Count(out.String(), "a\uFFFD[31m"); n < 8 {
		t.Errorf("only %d of the texts are shown: %q", n, out.String())
	}
}
