package fakeciso

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxBody is DATA_UPLOAD_MAX_MEMORY_SIZE.
const maxBody = 2_621_440

// readJSON reads a JSON object as DRF does: a chunked body is empty. ok is false
// when it has answered.
func (c *call) readJSON() (body map[string]any, ok bool) {
	if c.r.ContentLength > maxBody {
		badRequest(c.w)
		return nil, false
	}
	if c.r.ContentLength <= 0 {
		_, _ = io.Copy(io.Discard, c.r.Body)
		return map[string]any{}, true
	}
	if kind := c.r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		c.detail(http.StatusUnsupportedMediaType, fmt.Sprintf("Unsupported media type %q in request.", kind))
		return nil, false
	}
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, false
	}
	if problem := jsonProblem(raw); problem != "" {
		c.detail(http.StatusBadRequest, "JSON parse error - "+problem)
		return nil, false
	}
	var parsed any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // 1 and 1.0 are not the same to the API
	if err := decoder.Decode(&parsed); err != nil {
		return nil, false
	}
	body, ok = parsed.(map[string]any)
	if !ok {
		c.crash("IndexError")
	}
	return body, ok
}

// jsonProblem says what is wrong with a text in the words of Python's parser,
// "" if it is JSON.
func jsonProblem(raw []byte) string {
	for at := 0; at < len(raw); {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: invalid start byte", raw[at], at)
		}
		at += size
	}
	var syntax *json.SyntaxError
	var parsed any
	err := json.Unmarshal(raw, &parsed)
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &syntax):
		return err.Error()
	case strings.Contains(err.Error(), "unexpected end"):
		at := bytes.LastIndexByte(raw, '"')
		return fmt.Sprintf("Unterminated string starting at: line 1 column %d (char %d)", at+1, at)
	case bytes.HasPrefix(raw[syntax.Offset-1:], []byte("NaN")):
		return "Out of range float values are not JSON compliant: 'NaN'"
	}
	return fmt.Sprintf("Expecting value: line 1 column %d (char %d)", syntax.Offset, syntax.Offset-1)
}
