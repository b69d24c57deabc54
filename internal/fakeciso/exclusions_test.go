package fakeciso

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatIsNotReplayedHasAReason keeps the list of exclusions true: each has a
// reason, and none of them is replayed after all.
func TestWhatIsNotReplayedHasAReason(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join("testdata", "exclusions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	recordings := loadRecordings(t)
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, reason, _ := strings.Cut(line, ": ")
		if len(strings.Fields(reason)) < 3 {
			t.Errorf("%s is left out for no reason", name)
		}
		stem, many := strings.CutSuffix(name, "*")
		for replayed := range recordings {
			if replayed == name || many && strings.HasPrefix(replayed, stem) {
				t.Errorf("%s is replayed", replayed)
			}
		}
	}
}
