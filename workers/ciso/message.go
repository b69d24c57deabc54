package ciso

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// message is a request as it is sent, whichever way that is: [direct] writes it
// itself, the standard transport has it as an [http.Request].
type message struct {
	method, path, query string
	to                  *origin
	agent               string
	authorization       string      // "": none
	job                 string      // its id; "": none
	traced              http.Header // what the tracer adds; nil: nothing
	json                []byte      // the body; nil: none, or a file
	file                *multipartBody
}

// message makes the message of a request.
func (c *Client) message(ctx context.Context, r *request, token string) (*message, error) {
	m := &message{method: r.method, path: r.path, query: r.query, to: c.origin(r), agent: c.cfg.UserAgent, job: jobID(ctx), file: r.file}
	if err := m.to.bounded(r.path, r.query); err != nil {
		return nil, err
	}
	if token != "" {
		m.authorization = c.authorization(token)
	}
	if r.body == nil || r.file != nil {
		return m, nil
	}
	var err error
	if m.json, err = encode(r.body); err != nil {
		return nil, &notSentError{fmt.Errorf("encode request: %w", err)}
	}
	if len(m.json) > maxJSONBody {
		return nil, tooLarge(len(m.json))
	}
	return m, nil
}

// authorized is the header that a token makes.
type authorized struct{ token, header string }

func (c *Client) authorization(token string) string {
	last := c.authorized.Load()
	if last == nil || last.token != token {
		last = &authorized{token: token, header: "Token " + token}
		c.authorized.Store(last)
	}
	return last.header
}

// fields are the message's header fields, but for its host and its length.
func (m *message) fields(yield func(name, value string) bool) {
	if !yield("Accept", "application/json") || !yield("Accept-Language", "en") || !yield("User-Agent", m.agent) {
		return
	}
	if m.json != nil && !yield("Content-Type", "application/json") || m.file != nil && !yield("Content-Type", m.file.contentType()) {
		return
	}
	if m.authorization != "" && !yield("Authorization", m.authorization) || m.job != "" && !yield("X-Correlation-Id", m.job) {
		return
	}
	for name, values := range m.traced {
		for _, value := range values {
			if !yield(name, value) {
				return
			}
		}
	}
}

// length of its body; known beforehand, because the API reads a chunked one as empty.
func (m *message) length() int64 {
	if m.file != nil {
		return m.file.length()
	}
	return int64(len(m.json))
}

// http returns the message for the standard transport, which closes its body.
func (m *message) http(ctx context.Context) (*http.Request, error) {
	at, err := m.to.address(m.path, m.query)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	switch {
	case m.file != nil:
		if body, err = m.file.open(); err != nil {
			return nil, &notSentError{err}
		}
	case m.json != nil:
		body = bytes.NewReader(m.json) // which net/http can read again, if a connection was closed before it wrote anything
	}
	req, err := http.NewRequestWithContext(ctx, m.method, "", body)
	if err != nil {
		return nil, &notSentError{fmt.Errorf("build request: %w", err)}
	}
	req.URL, req.Host, req.ContentLength = at, at.Host, m.length()
	for name, value := range m.fields {
		req.Header.Add(name, value)
	}
	return req, nil
}

// compose appends a message to out that [direct.takes] has found ordinary (RFC 9112,
// 3 and 6.3).
func (m *message) compose(out []byte) ([]byte, error) {
	out = append(out, m.method...)
	out = append(out, ' ')
	out = append(out, m.to.url.Path...)
	out = append(out, m.path...)
	if m.query != "" {
		out = append(out, '?')
		out = append(out, m.query...)
	}
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, m.to.url.Host...)
	for name, value := range m.fields {
		out = append(out, "\r\n"...)
		out = append(out, name...)
		out = append(out, ": "...)
		out = append(out, strings.TrimSpace(value)...)
	}
	if m.length() > 0 || m.method != http.MethodGet {
		out = append(out, "\r\nContent-Length: "...)
		out = strconv.AppendInt(out, m.length(), 10)
	}
	out = append(out, "\r\n\r\n"...)
	if m.file == nil {
		return append(out, m.json...), nil
	}
	body, err := m.file.open()
	if err != nil {
		return out, err
	}
	defer body.Close()
	begin, end := len(out), len(out)+int(m.length())
	out = slices.Grow(out, end-begin)[:end]
	_, err = io.ReadFull(body, out[begin:])
	return out, err
}
