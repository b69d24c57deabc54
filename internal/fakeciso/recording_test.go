package fakeciso

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recording is one exchange with a real server, trimmed to what is compared.
type recording struct {
	Name    string
	Why     string
	Old     bool
	Request struct {
		Method, Path string
		Token        string // user: admin, reader, analyst; or login, inactive, expired
		Headers      map[string]string
		Body         json.RawMessage
		Raw          []byte // a body that is no JSON object
		Parts        []part // of a multipart body
		PDF          int    `json:"pdf_of"`         // a body of %PDF and so many x
		Observation  int    `json:"observation_of"` // a JSON object with an observation of so many x
		Chunked      bool
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    any
		SHA256  string              // of a file
		Filters map[string][]string // by path, of the OpenAPI document
	}
	After *afterwards // what the server held then
}

type part struct {
	Name, Value, Filename string
	ContentType           string `json:"content_type"`
	Body                  string `json:"body_base64"`
}

func loadRecordings(t *testing.T) map[string]*recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "recordings", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	all := make(map[string]*recording)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := &recording{}
		if err := json.Unmarshal(content, r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[r.Name] = r
	}
	return all
}

// request makes the recorded request; the ids in it are those of the stand-in.
func (r *recording) request(lab *lab) (*http.Request, []byte) {
	body, kind := r.body(lab)
	req := httptest.NewRequest(r.Request.Method, lab.here(r.Request.Path), bytes.NewReader(body))
	req.Host = lab.host
	for name, value := range r.Request.Headers {
		req.Header.Set(name, value)
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if r.Request.Chunked {
		req.ContentLength = -1
	}
	switch r.Request.Token {
	case "":
	case "login":
		req.Header.Set("Authorization", "Token "+lab.token)
	default:
		req.Header.Set("Authorization", "Token "+r.Request.Token)
	}
	return req, body
}

func (r *recording) body(lab *lab) (body []byte, kind string) {
	q := &r.Request
	switch {
	case q.Parts != nil:
		return multipartOf(q.Parts, lab)
	case q.PDF > 0:
		return append([]byte("%PDF"), bytes.Repeat([]byte("x"), q.PDF)...), ""
	case q.Observation > 0:
		return fmt.Appendf(nil, `{"observation": "%s"}`, strings.Repeat("x", q.Observation)), ""
	case q.Raw != nil:
		return q.Raw, ""
	}
	return []byte(lab.here(string(q.Body))), ""
}

func multipartOf(parts []part, lab *lab) ([]byte, string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		if p.Filename == "" {
			_ = w.WriteField(p.Name, lab.here(p.Value)) // a buffer takes all
			continue
		}
		header := textproto.MIMEHeader{}
		header.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename="%s"`, p.Name, p.Filename))
		header.Set("Content-Type", p.ContentType)
		file, _ := w.CreatePart(header)
		content, _ := base64.StdEncoding.DecodeString(p.Body)
		_, _ = file.Write(content)
	}
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}
