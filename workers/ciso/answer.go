package ciso

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of one answer; the OpenAPI document has 5 MB.
const maxAnswer = 64 << 20

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// redirects reports whether [http.Client] would follow it.
func (a *answer) redirects() bool {
	switch a.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return a.header.Get("Location") != ""
	}
	return false
}

// isAPI reports whether the API itself spoke: JSON, or the empty 403 and 204
// that some of its views send.
func (a *answer) isAPI() bool {
	if len(a.body) == 0 {
		return a.status == http.StatusForbidden || a.status == http.StatusNoContent
	}
	return a.isJSON()
}

// isJSON trusts the content type, and looks itself only if that says nothing.
func (a *answer) isJSON() bool {
	switch kind := a.header.Get("Content-Type"); {
	case strings.Contains(kind, "json"):
		return true
	case kind == "", strings.HasPrefix(kind, "text/plain"):
		return len(a.body) > 0 && (a.body[0] == '{' || a.body[0] == '[') && json.Valid(a.body)
	}
	return false
}

// isGateway reports whether a JSON refusal is an API gateway's, not the API's:
// gateways say "message", the API says "detail", "error" or names fields.
func (a *answer) isGateway() bool {
	var body struct{ Message, Detail any }
	return bytes.Contains(a.body, []byte(`"message"`)) && decode(a.body, &body) == nil && body.Detail == nil && isText(body.Message)
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// readAll reads an answer to its end, so that its connection can be used again.
func readAll(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxAnswer {
		return nil, tooLong(resp.ContentLength)
	}
	if n := resp.ContentLength; n >= 0 {
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("more than the %d bytes that are read", maxAnswer)
	}
	return body, err
}
