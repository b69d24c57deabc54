package attachment

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestWhatAKilledProcessLeftIsRemovedAndWhatALiveOneHasIsNot: a worker that is killed
// again and again must not fill the disk.
func TestWhatAKilledProcessLeftIsRemovedAndWhatALiveOneHasIsNot(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	live, release, err := Temporary(parent)
	if err != nil {
		t.Fatal(err)
	}
	file, err := live.take(strings.NewReader("on its way"))
	if err != nil {
		t.Fatal(err)
	}
	dead, other, mine := filepath.Join(parent, ownPrefix+"dead"), filepath.Join(parent, "other"), filepath.Join(parent, "precious")
	for _, dir := range []string{dead, other, mine} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(mine, filepath.Join(parent, ownPrefix+"link")); err != nil {
		t.Fatal(err)
	}
	_, releaseNext, err := Temporary(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer releaseNext()
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("what a dead process left is there: %v", err)
	}
	for _, kept := range []string{file.Path, filepath.Join(other, "file"), filepath.Join(mine, "file")} {
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("%s was removed: %v", kept, err)
		}
	}
	release()
	if _, err := os.Stat(live.Dir); !os.IsNotExist(err) {
		t.Errorf("a spool that was released is there: %v", err)
	}
}

func TestSpoolsThatAreMadeAtOnceAreEachTheirOwners(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			s, release, err := Temporary(parent)
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			file, err := s.take(strings.NewReader("content"))
			if err != nil {
				t.Error(err)
				return
			}
			sweep(parent)
			if content, err := os.ReadFile(file.Path); err != nil || string(content) != "content" {
				t.Errorf("%q, %v", content, err)
			}
		})
	}
	group.Wait()
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("%d are left", len(left))
	}
}

func TestADirectoryThatCannotBeWrittenIsNamedWithTheRemedy(t *testing.T) {
	t.Parallel()
	if _, _, err := Temporary(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("%v", err)
	}
}
