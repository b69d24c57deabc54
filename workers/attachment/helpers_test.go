package attachment

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"dispatcher/jobs"
)

// kind spells an error so that tables can compare it: a failure's code, hold
// with its reason, transient, or "".
func kind(err error) string {
	var failure *jobs.Failure
	var hold *jobs.HoldError
	var transient *jobs.TransientError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &failure):
		return string(failure.Code)
	case errors.As(err, &hold):
		return string(hold.Reason)
	case errors.As(err, &transient):
		return "transient"
	}
	return "other: " + err.Error()
}

func spool(t testing.TB) Spool { return Spool{Dir: t.TempDir()} }

// empty fails if files are left in the spool.
func (s Spool) empty(t testing.TB) {
	t.Helper()
	left, err := os.ReadDir(s.Dir)
	if err != nil || len(left) > 0 {
		t.Errorf("spool holds %v, %v", left, err)
	}
}

func read(t testing.TB, f *File) string {
	t.Helper()
	b, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func text(s string) func() string { return func() string { return s } }

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// newS3 returns a client of an address with the stand-in's keys.
func newS3(t testing.TB, address string, change ...func(*S3Config)) *S3 {
	t.Helper()
	cfg := S3Config{URL: address, AccessKey: text("access"), SecretKey: text("secret-key"), Timeout: 5 * time.Second,
		PresignedOrigins: []string{address}, Spool: spool(t)}
	for _, c := range change {
		c(&cfg)
	}
	s, err := NewS3(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
