package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

const examples = "../../docs/examples/producers"

// producer is an example of how to send a message, for one client.
type producer struct {
	name    string
	command []string
	tellsID bool // it prints the id of the job
}

// producers returns the examples whose client is here.
func producers(t *testing.T) (list []producer) {
	t.Helper()
	list = append(list, producer{"go", []string{"go", "run", "./" + examples}, true})
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import kafka").Run() == nil {
			list = append(list, producer{"python", []string{python, examples + "/send.py"}, true})
			break
		}
	}
	if _, err := exec.LookPath("kcat"); err == nil {
		list = append(list, producer{"shell", []string{examples + "/send.sh"}, false})
	}
	if len(list) == 3 {
		return list
	}
	const advice = "only %d of 3 examples can be run: install the Debian packages kcat and python3-kafka"
	if os.Getenv("REAL") == "require" {
		t.Fatalf(advice, len(list))
	}
	t.Logf(advice, len(list))
	return list
}

// sendByExamples lets each example send a message, and the same one again, and
// looks whether both jobs have ended well, the second because of the first.
func sendByExamples(t *testing.T, w *World) {
	t.Helper()
	control := w.API.AddControl(map[string]any{"ref_id": "AC-12", "name": "Foo"})
	w.Start()
	sent := 0
	for _, p := range producers(t) {
		file := filepath.Join(t.TempDir(), "message.json")
		// In several lines, as people write it.
		message := strings.ReplaceAll(update("AC-12", "observation", "sent by "+p.name), ",", ",\n  ") + "\n"
		if err := os.WriteFile(file, []byte(message), 0o600); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for range 2 {
			cmd := exec.Command(p.command[0], append(p.command[1:], file, "AC-12", "once-"+p.name)...)
			cmd.Env = append(os.Environ(), "BOOTSTRAP_SERVERS="+w.Kafka.Addr)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v: %s", p.name, err, out)
			}
			ids = append(ids, strings.TrimSpace(string(out)))
			sent++
		}
		jobs := w.Ended(sent)
		for i, id := range ids {
			if job := jobs[id]; p.tellsID && (job["state"] != "succeeded" || (i == 1) != (job["note"] != nil)) {
				t.Errorf("%s: job %q is %v", p.name, id, job)
			}
		}
		for id, job := range jobs {
			if job["state"] != "succeeded" || job["key"] != "AC-12" {
				t.Errorf("%s: job %s is %v", p.name, id, job)
			}
		}
		if got := w.API.Objects("applied-controls"); len(got) != 1 || got[0]["observation"] != "sent by "+p.name {
			t.Errorf("%s: the control %s is %v", p.name, control, got)
		}
	}
}

func TestEachExampleOfAProducerEndsWithTheJobDone(t *testing.T) {
	t.Parallel()
	sendByExamples(t, NewWorld(t, 3, fakeciso.Config{}))
}
