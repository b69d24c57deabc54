package attachment

import (
	"regexp"
	"strings"
	"testing"
)

const sum = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809"

func TestStoredNamesAreUniquePerContentAndLeftAloneByTheAPI(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"sample.jpeg":                      "sample-1a2b3c4d.jpeg",
		"../../rapport été (final).v2.PDF": "rapport_ete_final_v2-1a2b3c4d.pdf",
		`C:\Users\me\my report.docx`:       "my_report-1a2b3c4d.docx",
		"日本.txt":                           "file-1a2b3c4d.txt",
		".pdf":                             "file-1a2b3c4d.pdf",
		"archive.tar.gz":                   "archive_tar-1a2b3c4d.gz",
		"pdf-report.pdf":                   "pdf_report-1a2b3c4d.pdf",
		strings.Repeat("n", 300) + ".csv":  strings.Repeat("n", 80) + "-1a2b3c4d.csv",
	} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if got := StoredName(name, sum); got != want {
			t.Errorf("%q is stored as %q, want %q", name, got, want)
		}
	}
}

func TestNamesThatTheAPIWouldRefuseAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", " ", "a", "a.exe", "a.", "page.html", "dir/", "..", "/", "a.pdf.exe", "pdf"} {
		if got := kind(CheckName(name)); got != "file_refused" {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestStoredNamesAreRecognisedWithTheServersOwnEnd(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string]bool{
		"sample-1a2b3c4d.jpeg": true, "sample-1a2b3c4d_hFBoNFF.jpeg": true, "other-1a2b3c4d.jpeg": true,
		"sample.jpeg": false, "sample-99999999.jpeg": false, "": false, "1a2b3c4d.jpeg": false,
	} {
		if got := IsStoredName(stored, sum); got != want {
			t.Errorf("%q: %v", stored, got)
		}
	}
}

func FuzzStoredName(f *testing.F) {
	for _, name := range []string{"sample.jpeg", "a/b\\c.PDF", "日本.txt", ".pdf", "ﬁ.md", "a\x00b.csv", "\xff.log", "K.ZIP", "a" + strings.Repeat("é", 200) + ".xls"} {
		f.Add(name)
	}
	safe := regexp.MustCompile(`^[A-Za-z0-9_]+-1a2b3c4d\.[a-z0-9]+$`)
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName(name) != nil {
			return
		}
		stored := StoredName(name, sum)
		if !safe.MatchString(stored) || len(stored) >= 100 {
			t.Errorf("%q is stored as %q", name, stored)
		}
		if !IsStoredName(stored, sum) || CheckName(stored) != nil || StoredName(name, sum) != stored {
			t.Errorf("%q is not recognised as %q", stored, name)
		}
	})
}
