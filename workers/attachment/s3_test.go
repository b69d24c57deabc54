package attachment

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dispatcher/internal/fakes3"
)

func startS3(t testing.TB) *fakes3.Server {
	t.Helper()
	server, err := fakes3.Start("my_bucket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func TestAnObjectIsFetchedByKey(t *testing.T) {
	t.Parallel()
	server := startS3(t)
	if err := server.Put("my_bucket", "a b/ü.txt", []byte("from s3")); err != nil {
		t.Fatal(err)
	}
	s := newS3(t, server.URL)
	f, err := s.FromBucket(t.Context(), "my_bucket", "a b/ü.txt")
	if err != nil || read(t, f) != "from s3" || f.Size != 7 {
		t.Fatalf("%+v, %v", f, err)
	}
	for _, c := range [][2]string{{"my_bucket", "none.txt"}, {"no-bucket", "a.txt"}, {"x", "a.txt"}, {"my_bucket", strings.Repeat("k", 2000)}, {"my_bucket", "\xff"}} {
		if _, err := s.FromBucket(t.Context(), c[0], c[1]); kind(err) != "file_missing" {
			t.Errorf("%q: %v", c, err)
		}
	}
}

func s3Error(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>words</Message></Error>`, code)
	}
}

func page(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// The probe asks for another bucket, so that a row can tell one object's
// trouble from S3's.
func TestWhatS3AnswersIsTheFilesOrTheMomentsOrNobodysFault(t *testing.T) {
	t.Parallel()
	fine := s3Error(404, "NoSuchBucket")
	for _, c := range []struct {
		name          string
		object, else_ http.HandlerFunc
		want          string
	}{
		{"no key", s3Error(404, "NoSuchKey"), fine, "file_missing"},
		{"no bucket", s3Error(404, "NoSuchBucket"), fine, "file_missing"},
		{"forbidden", s3Error(403, "AccessDenied"), fine, "file_missing"},
		{"archived", s3Error(403, "InvalidObjectState"), fine, "file_missing"},
		{"key is too long", s3Error(400, "KeyTooLongError"), fine, "file_missing"},
		{"refused key", s3Error(403, "InvalidAccessKeyId"), fine, "s3_down"},
		{"wrong secret", s3Error(403, "SignatureDoesNotMatch"), fine, "s3_down"},
		{"wrong clock", s3Error(403, "RequestTimeTooSkewed"), fine, "s3_down"},
		{"wrong region", s3Error(400, "AuthorizationHeaderMalformed"), fine, "s3_down"},
		{"one object's 500", s3Error(500, "InternalError"), fine, "transient"},
		{"slow down", s3Error(503, "SlowDown"), fine, "transient"},
		{"away", s3Error(503, "ServiceUnavailable"), s3Error(503, "ServiceUnavailable"), "s3_down"},
		{"a proxy's bad gateway", page(502, "<h1>Bad\nGateway</h1>"), page(502, ""), "s3_down"},
		{"a proxy's 404", page(404, "<h1>nginx</h1>"), page(404, ""), "s3_down"},
		{"not S3 at all", page(403, "who are you"), page(403, ""), "s3_down"},
		{"a redirect", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/login")
			w.WriteHeader(302)
		}, fine, "s3_down"},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "short")
		}, fine, "transient"},
		{"empty", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		}, fine, "file_refused"},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(MaxBytes+1))
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			w.WriteHeader(200)
		}, fine, "file_refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/dispatcher-probe") {
					c.else_(w, r)
				} else {
					c.object(w, r)
				}
			})
			s := newS3(t, address)
			_, err := s.FromBucket(t.Context(), "bucket", "key.txt")
			if kind(err) != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
			s.cfg.Spool.empty(t)
		})
	}
}

func TestUnreachableS3HoldsUntilItAnswers(t *testing.T) {
	t.Parallel()
	server := startS3(t)
	if err := server.Put("my_bucket", "a.txt", []byte("a")); err != nil {
		t.Fatal(err)
	}
	s := newS3(t, server.URL)
	server.Down(true)
	if _, err := s.FromBucket(t.Context(), "my_bucket", "a.txt"); kind(err) != "s3_down" {
		t.Errorf("%v", err)
	}
	if err := s.Ping(t.Context()); kind(err) != "s3_down" {
		t.Errorf("ping: %v", err)
	}
	server.Down(false)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	if _, err := newS3(t, "http://127.0.0.1:1").FromBucket(t.Context(), "my_bucket", "a.txt"); kind(err) != "s3_down" {
		t.Errorf("nobody listens: %v", err)
	}
}

// A refused key looks like a forbidden bucket to HEAD, which has no body.
func TestARefusedKeyHoldsUntilItsFileChanges(t *testing.T) {
	t.Parallel()
	server := startS3(t)
	if err := server.Put("my_bucket", "a.txt", []byte("a")); err != nil {
		t.Fatal(err)
	}
	var key, file atomic.Value
	key.Store("wrong")
	file.Store("wrong")
	s := newS3(t, server.URL, func(c *S3Config) {
		c.AccessKey = func() string { return key.Load().(string) }
		c.Refresh = func() { key.Store(file.Load()) }
	})
	_, err := s.FromBucket(t.Context(), "my_bucket", "a.txt")
	if kind(err) != "s3_down" || !strings.Contains(err.Error(), "S3_ACCESS_KEY") || strings.Contains(err.Error(), "secret-key") {
		t.Errorf("%v", err)
	}
	for range 2 {
		if err := s.Ping(t.Context()); kind(err) != "s3_down" {
			t.Errorf("ping: %v", err)
		}
	}
	file.Store(fakes3.AccessKey)
	if err := s.Ping(t.Context()); kind(err) != "s3_down" {
		t.Errorf("the ping that reads the file: %v", err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the ping behind it: %v", err)
	}
	if _, err := s.FromBucket(t.Context(), "my_bucket", "a.txt"); err != nil {
		t.Errorf("%v", err)
	}
}

func TestACancelledFetchIsNobodysFault(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	s := newS3(t, address)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if _, err := s.FromBucket(ctx, "bucket", "key.txt"); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

func TestAFetchThatTakesTooLongIsTriedAgain(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/dispatcher-probe") {
			s3Error(404, "NoSuchBucket")(w, r)
			return
		}
		<-r.Context().Done()
	})
	s := newS3(t, address, func(c *S3Config) { c.Timeout = 50 * time.Millisecond })
	if _, err := s.FromBucket(t.Context(), "bucket", "key.txt"); kind(err) != "transient" {
		t.Errorf("%v", err)
	}
}

func TestBytesComeAsTheyAreStored(t *testing.T) {
	t.Parallel()
	stored := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\xc8\x04\x00\xac\x2a\x93\xd8\x02\x00\x00\x00" // "hi"
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = io.WriteString(w, stored)
	})
	s := newS3(t, address)
	f, err := s.FromBucket(t.Context(), "bucket", "a.txt")
	if err != nil || read(t, f) != stored {
		t.Errorf("by key: %+v, %v", f, err)
	}
	if f, err = s.FromURL(t.Context(), address+"/a.txt"); err != nil || read(t, f) != stored {
		t.Errorf("by URL: %+v, %v", f, err)
	}
}

func TestSweepRemovesWhatAFormerProcessLeft(t *testing.T) {
	t.Parallel()
	s := Spool{Dir: t.TempDir() + "/spool"}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FromBase64("aGk="); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	s.empty(t)
	if err := os.RemoveAll(s.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FromBase64("aGk="); err != nil {
		t.Errorf("after somebody tidied up: %v", err)
	}
}
