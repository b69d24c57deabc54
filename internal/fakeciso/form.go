package fakeciso

import (
	"io"
	"mime"
	"net/http"
	"net/url"
)

// form is what a request sent: JSON, form fields or multipart.
type form struct {
	values map[string]any // form fields are strings and lists of strings
	name   string         // of the file, "" if none was sent
	bytes  []byte
}

// readForm reads a body; a chunked one is empty. ok is false when it has answered.
func (c *call) readForm() (f form, ok bool) {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch {
	case c.r.ContentLength <= 0, kind != "multipart/form-data" && kind != "application/x-www-form-urlencoded":
		f.values, ok = c.readJSON()
		return f, ok
	case kind == "application/x-www-form-urlencoded":
		raw, err := io.ReadAll(c.r.Body)
		if err != nil {
			return f, false
		}
		values, _ := url.ParseQuery(string(raw)) // what cannot be read is left out
		f.values = fields(values)
		return f, true
	}
	if err := c.r.ParseMultipartForm(64 << 20); err != nil {
		c.detail(http.StatusBadRequest, "Multipart form parse error - "+err.Error())
		return f, false
	}
	f.values = fields(c.r.MultipartForm.Value)
	headers := c.r.MultipartForm.File["attachment"]
	if len(headers) == 0 {
		return f, true
	}
	file, err := headers[0].Open()
	if err != nil {
		return f, false
	}
	defer file.Close()
	f.name = headers[0].Filename
	f.bytes, _ = io.ReadAll(file)
	return f, true
}

// refuseEmpty answers 400 if a file of no bytes was sent.
func (c *call) refuseEmpty(f form) (refused bool) {
	if f.name == "" || len(f.bytes) > 0 {
		return false
	}
	c.json(http.StatusBadRequest, map[string]any{"attachment": []any{"The submitted file is empty."}})
	return true
}

// fields takes the last value of a field, and all of a list's.
func fields(sent map[string][]string) map[string]any {
	out := make(map[string]any)
	for name, values := range sent {
		if manyToMany[name] == "" {
			out[name] = values[len(values)-1]
			continue
		}
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		out[name] = list
	}
	return out
}
