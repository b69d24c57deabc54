package ciso

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// FuzzPlainHead: a head that is read here says what it says to net/http.
func FuzzPlainHead(f *testing.F) {
	for _, more := range []string{
		"", "Content-Type: text/html; charset=utf-8\r\n", "Connection: keep-alive\r\n", "Connection: close\r\n", "Transfer-Encoding: chunked\r\n",
		"Content-Length: 3\r\n", "content-length: +2\r\n", "X: a\r\n b\r\n", "X : a\r\n", "Trailer: X\r\n", "X: \x00\r\n", "X: a\nY: b\r\n", ": a\r\n", "Content-Type: a\r\nContent-Type: b\r\n",
	} {
		f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + more + "\r\n{}"))
	}
	f.Add([]byte("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, n := plainHead(text)
		if h == nil {
			return
		}
		in := bufio.NewReader(bytes.NewReader(text))
		resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodPatch})
		if err != nil {
			t.Fatalf("net/http does not read it: %v", err)
		}
		if resp.StatusCode != h.status || resp.ContentLength != h.length || resp.Close == h.keep || len(resp.TransferEncoding) > 0 || len(resp.Trailer) > 0 {
			t.Errorf("read as %d of %d bytes, by net/http as %+v", h.status, h.length, resp)
		}
		if got, want := h.header.Get("Content-Type"), resp.Header.Get("Content-Type"); got != want {
			t.Errorf("type %q, by net/http %q", got, want)
		}
		if len(resp.Header.Values("Content-Type")) > 1 {
			t.Error("it has two types")
		}
		whole := len(text)-n >= int(min(h.length, 1<<20))
		if body, err := io.ReadAll(resp.Body); whole && (err != nil || !bytes.Equal(body, text[n:n+int(h.length)])) {
			t.Errorf("body %q, %v, of %q", body, err, text[n:])
		}
	})
}

// TestTheUsualAnswerIsReadInPlace: with what servers and proxies before them say.
func TestTheUsualAnswerIsReadInPlace(t *testing.T) {
	t.Parallel()
	text := "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Fri, 27 Nov 2026 15:00:00 GMT\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n" +
		"Vary: Accept-Language, origin, Cookie\r\nAllow: GET, PUT, PATCH, DELETE, HEAD, OPTIONS\r\nX-Frame-Options: DENY\r\nContent-Length: 2\r\nContent-Language: en\r\n" +
		"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\nAlt-Svc: h3=\":443\"; ma=2592000\r\nVia: 1.1 Caddy\r\n\r\n"
	h, n := plainHead([]byte(text + "{}"))
	if h == nil || n != len(text) || h.status != http.StatusOK || h.length != 2 || h.header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v, %d of %d bytes", h, n, len(text))
	}
	for part := range len(text) {
		if h, _ := plainHead([]byte(text[:part])); h != nil {
			t.Fatalf("%d of %d bytes are taken for a head", part, len(text))
		}
	}
}
