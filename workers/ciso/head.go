package ciso

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// head is what comes before the body of an answer.
type head struct {
	answer
	keep   bool           // another answer may come on this connection
	length int64          // of the body
	resp   *http.Response // what has the body; nil: it comes as it is
}

// readHead reads up to the body of the answer to a request. The usual one is read in
// place; what is out of the ordinary, be it only in a detail, is read by net/http.
func readHead(in *bufio.Reader, method string) (*head, error) {
	if _, err := in.Peek(1); err != nil { // it may have been the connection's only error
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	text, _ := in.Peek(in.Buffered())
	if h, n := plainHead(text); h != nil {
		_, err := in.Discard(n)
		return h, err
	}
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			return &head{
				answer: answer{status: resp.StatusCode, header: resp.Header},
				keep:   !resp.Close && resp.StatusCode >= http.StatusOK, resp: resp,
			}, nil
		}
	}
}

// read reads the body.
func (h *head) read(in *bufio.Reader) (err error) {
	if h.resp != nil {
		h.body, err = readAll(h.resp)
		return err
	}
	if h.length > maxAnswer {
		return tooLong(h.length)
	}
	h.body = make([]byte, h.length)
	_, err = io.ReadFull(in, h.body)
	return err
}

// plainHead parses the head of a success whose body has a length and comes as it is,
// on a connection that stays open (RFC 9112). n is the head's length; nil: it is
// something else, or not all there. Of its fields only the content type is kept:
// nothing else is asked of a success.
func plainHead(text []byte) (h *head, n int) {
	end := bytes.Index(text, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, 0
	}
	first, rest, _ := bytes.Cut(text[:end], []byte("\r\n"))
	status := 0
	switch {
	case bytes.HasPrefix(first, []byte("HTTP/1.1 200 ")):
		status = http.StatusOK
	case bytes.HasPrefix(first, []byte("HTTP/1.1 201 ")):
		status = http.StatusCreated
	}
	if status == 0 || !between(first, ' ', '~') {
		return nil, 0
	}
	h = &head{answer: answer{status: status}, keep: true, length: -1}
	for len(rest) > 0 {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if !h.field(field) {
			return nil, 0
		}
	}
	if h.length < 0 {
		return nil, 0
	}
	return h, end + 4
}

// field takes a field's line; false: net/http must read it.
func (h *head) field(line []byte) bool {
	name, value, found := bytes.Cut(line, []byte(":"))
	if value = bytes.Trim(value, " \t"); !found || !letters(name) || !between(value, ' ', '~') {
		return false
	}
	switch {
	case is(name, "Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || h.length >= 0 {
			return false
		}
		h.length = int64(n)
	case is(name, "Content-Type"):
		if h.header != nil {
			return false
		}
		h.header = contentType(value)
	case is(name, "Connection"):
		return is(value, "keep-alive")
	case is(name, "Transfer-Encoding"), is(name, "Trailer"), is(name, "Upgrade"):
		return false
	}
	return true
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

// ofJSON is what almost all answers are; nobody may change it.
var ofJSON = http.Header{"Content-Type": {"application/json"}}

func contentType(kind []byte) http.Header {
	if string(kind) == "application/json" {
		return ofJSON
	}
	return http.Header{"Content-Type": {string(kind)}}
}

func tooLong(n int64) error {
	return fmt.Errorf("%d bytes are more than the %d that are read", n, maxAnswer)
}
