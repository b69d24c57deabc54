package config

import (
	"os"
	"strings"
	"testing"
)

func TestTheReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Settings() {
		for _, name := range append([]string{s.Key}, s.Env...) {
			if !strings.Contains(string(readme), "`"+name+"`") {
				t.Errorf("%s is not in the README", name)
			}
		}
	}
}
