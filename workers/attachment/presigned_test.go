package attachment

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAPresignedURLIsFetchedFromAnAllowedOriginOnly(t *testing.T) {
	t.Parallel()
	server := startS3(t)
	if err := server.Put("my_bucket", "a.txt", []byte("presigned")); err != nil {
		t.Fatal(err)
	}
	signed, err := server.Presign(t.Context(), "my_bucket", "a.txt", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s := newS3(t, server.URL, func(c *S3Config) { c.AccessKey = nil })
	f, err := s.FromURL(t.Context(), signed)
	if err != nil || read(t, f) != "presigned" {
		t.Fatalf("%+v, %v", f, err)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	for _, raw := range []string{
		"", "no address", "ftp://" + host + "/a.txt", "file:///etc/passwd", "http://elsewhere.example/a.txt", "https://" + host + "/a.txt",
		"http://" + host + "1/a.txt", "http://user:pass@" + host + "/a.txt", "http://" + host + "@elsewhere.example/a.txt", "//" + host + "/a.txt", "http://[::1", "http://" + host + "/%zz",
	} {
		if _, err := s.FromURL(t.Context(), raw); kind(err) != "file_refused" {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestOriginsAreComparedInOneSpelling(t *testing.T) {
	t.Parallel()
	got := origins([]string{"https://S3.Example.org/", "https://s3.example.org:443", "http://h", "http://[::1]:9000", "s3.example.org", "ftp://x", ""})
	want := "https://s3.example.org:443 https://s3.example.org:443 http://h:80 http://[::1]:9000"
	if strings.Join(got, " ") != want {
		t.Errorf("%q", got)
	}
}

func TestWhatAPresignedURLAnswers(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) { elsewhere.Add(1) })
	fine := page(403, "")
	for _, c := range []struct {
		name       string
		file, root http.HandlerFunc
		want       string
	}{
		{"expired", page(403, ""), fine, "file_missing"},
		{"gone", page(404, ""), fine, "file_missing"},
		{"bad request", page(400, ""), fine, "file_missing"},
		{"one file's 500", page(500, ""), fine, "transient"},
		{"too many", page(429, ""), fine, "transient"},
		{"away", page(503, ""), page(503, ""), "s3_down"},
		{"redirected elsewhere", http.RedirectHandler(other, http.StatusFound).ServeHTTP, fine, "file_refused"},
		{"redirected for ever", http.RedirectHandler("/file", http.StatusFound).ServeHTTP, fine, "file_refused"},
		{"empty", func(http.ResponseWriter, *http.Request) {}, fine, "file_refused"},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			block := make([]byte, 1<<20)
			for range MaxBytes/len(block) + 2 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, fine, "file_refused"},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "short")
		}, fine, "transient"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					c.root(w, r)
				} else {
					c.file(w, r)
				}
			})
			// The origin is one beside S3's own, which nobody asks then.
			s := newS3(t, "http://127.0.0.1:1", func(c *S3Config) { c.PresignedOrigins = []string{address} })
			_, err := s.FromURL(t.Context(), address+"/file?X-Amz-Signature=secret")
			if kind(err) != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the signature is told: %v", err)
			}
			s.cfg.Spool.empty(t)
		})
	}
	t.Cleanup(func() {
		if n := elsewhere.Load(); n > 0 {
			t.Errorf("%d requests went elsewhere", n)
		}
	})
}

func TestAnOriginThatIsAwayHoldsUntilItOrS3IsBack(t *testing.T) {
	t.Parallel()
	server := startS3(t)
	var down atomic.Bool
	origin := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	s := newS3(t, server.URL, func(c *S3Config) { c.PresignedOrigins = []string{origin} })
	down.Store(true)
	if _, err := s.FromURL(t.Context(), origin+"/a.txt?sig=1"); kind(err) != "s3_down" {
		t.Fatalf("%v", err)
	}
	if err := s.Ping(t.Context()); kind(err) != "s3_down" {
		t.Errorf("S3 is there, but the origin is not: %v", err)
	}
	server.Down(true)
	if _, err := s.FromBucket(t.Context(), "my_bucket", "a.txt"); kind(err) != "s3_down" {
		t.Fatalf("%v", err)
	}
	server.Down(false)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("S3 is back, its jobs must go on: %v", err)
	}
	if err := s.Ping(t.Context()); kind(err) != "s3_down" {
		t.Errorf("only the origin is away: %v", err)
	}
	down.Store(false)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the origin is back: %v", err)
	}
}

func TestARefererDoesNotRepeatTheSignature(t *testing.T) {
	t.Parallel()
	var referer atomic.Value
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/file" {
			http.Redirect(w, r, "/moved", http.StatusFound)
			return
		}
		referer.Store(r.Header.Get("Referer"))
		_, _ = io.WriteString(w, "content")
	})
	s := newS3(t, address)
	f, err := s.FromURL(t.Context(), address+"/file?X-Amz-Signature=secret")
	if err != nil || read(t, f) != "content" {
		t.Fatalf("%+v, %v", f, err)
	}
	if got := referer.Load(); got != "" {
		t.Errorf("referer %q", got)
	}
}
