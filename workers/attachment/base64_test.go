package attachment

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func TestEverySpellingOfBase64IsDecoded(t *testing.T) {
	t.Parallel()
	content := "\xff\xfe\xfb any bytes?>"
	std, safe := base64.StdEncoding.EncodeToString([]byte(content)), base64.URLEncoding.EncodeToString([]byte(content))
	if std == safe {
		t.Fatal("the sample does not tell the alphabets apart")
	}
	for _, given := range []string{std, safe, strings.TrimRight(std, "="), strings.TrimRight(safe, "="), std[:5] + "\r\n" + std[5:] + "\n", " " + std[:7] + "\t" + std[7:]} {
		s := spool(t)
		f, err := s.FromBase64(given)
		if err != nil {
			t.Errorf("%q: %v", given, err)
			continue
		}
		want := sha256.Sum256([]byte(content))
		if got := read(t, f); got != content || f.Size != int64(len(content)) || f.SHA256 != hex.EncodeToString(want[:]) {
			t.Errorf("%q: %q, %+v", given, got, f)
		}
		if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		f.Remove()
		s.empty(t)
	}
}

func TestWhatIsNoBase64IsRefusedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"%%%", "a", "aGk=aGk=", "aGk=x", "data:text/plain;base64,aGk=", "aGkéaGk=", "aGk\x00", "====", "\n", "Zm9vY"} {
		s := spool(t)
		if _, err := s.FromBase64(given); kind(err) != "file_refused" {
			t.Errorf("%q: %v", given, err)
		}
		s.empty(t)
	}
}

func TestATooLargeTextIsRefused(t *testing.T) {
	t.Parallel()
	s := spool(t)
	if _, err := s.FromBase64(strings.Repeat("AAAA", MaxBytes/3+1)); kind(err) != "file_refused" {
		t.Errorf("%v", err)
	}
	s.empty(t)
}

func FuzzFromBase64(f *testing.F) {
	for _, seed := range []string{"aGk=", "aGk", "_-8=", "+/8=", "aGk\n=", "=", "a", "é", "aGk=aGk="} {
		f.Add(seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, given string) {
		s := Spool{Dir: dir}
		file, err := s.FromBase64(given)
		if err != nil {
			if kind(err) != "file_refused" {
				t.Errorf("%q: %v", given, err)
			}
			return
		}
		defer file.Remove()
		// What was taken is what a plain reading of the same letters gives.
		letters := strings.NewReplacer("-", "+", "_", "/", " ", "", "\n", "", "\r", "", "\t", "").Replace(given)
		want, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(letters, "="))
		if err != nil || string(want) != read(t, file) {
			t.Errorf("%q: %q, %v", given, want, err)
		}
	})
}
