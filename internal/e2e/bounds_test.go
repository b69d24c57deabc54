package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dispatcher/internal/fakeciso"
)

func TestOperatorsMessagesAreBoundedAsKafkasAre(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Env["MAX_UNFINISHED"] = "2"
	p := w.Start()
	for _, ref := range []string{"a", "b", "c"} {
		w.Send(keyed(ref, update(ref, "status", "active")))
	}
	w.Ended(3)
	w.Committed(0, 3)
	p.Stop()
	if err := os.RemoveAll(w.Env["DATA_DIR"]); err != nil { // only the errors topic knows of them now
		t.Fatal(err)
	}
	p = w.Start()
	w.soon("jobs", "stats")
	w.must("jobs", "pause")
	submit := func(when string, want int) {
		stdout, stderr, code := w.RunWith(nil, update("foo", "status", "active"), "jobs", "submit", "-")
		if code != want || want != 0 && (stdout != "" || !strings.Contains(stderr, "not taken: as many jobs are unfinished as max_unfinished allows")) {
			t.Errorf("%s: exit %d: %s%s", when, code, stdout, stderr)
		}
	}
	submit("the first", 0)
	submit("the second", 0)
	submit("the third", 1)
	stdout, stderr, code := w.Run("jobs", "replay", "--from-errors", "--yes")
	if code != 1 || !strings.Contains(stderr, "replay: stopped after 0 jobs: as many jobs") || !strings.Contains(stderr, "none is doubled") {
		t.Errorf("replay: exit %d: %s%s", code, stdout, stderr)
	}
	p.Stop()
	submit("while nobody runs", 1)
	w.must("jobs", "resume")
	p = w.Start()
	w.Ended(2)
	w.must("jobs", "replay", "--from-errors", "--yes", "--search", "observation-0-1")
	w.Ended(3)
	p.Stop()
}

func TestTheStoreOfAnotherUserIsNotTouched(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can make a store that belongs to another user")
	}
	w := NewWorld(t, 1, fakeciso.Config{})
	p := w.Start()
	w.soon("jobs", "stats")
	dir := w.Env["DATA_DIR"]
	const nobody = 65534
	owned := func() {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, nobody, nobody)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	owned()
	w.must("jobs", "stats") // the process is asked: its files are left alone
	p.Stop()
	before := listing(t, dir)
	for _, args := range [][]string{{"jobs", "list"}, {"jobs", "retry", "--all", "--yes"}, {"jobs", "pause"}} {
		_, stderr, code := w.Run(args...)
		if code != 2 || !strings.Contains(stderr, dir+": belongs to nobody, ") || !strings.Contains(stderr, "run this as its owner") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("files were\n%s\nand are\n%s", before, after)
	}
}

// listing tells of all files below a directory what a write would change.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			b.WriteString(path + " " + info.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
