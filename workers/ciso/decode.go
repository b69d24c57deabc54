package ciso

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dispatcher/internal/anyjson"
)

// Rows of the API have dozens of fields, of which a job needs a few: only those
// are decoded. This is a third of what a job costs the processor otherwise.

// decodeAnswer reads one JSON value into out; of lists and rows it keeps the
// members that want names, nil for all. Numbers stay as they are written.
func decodeAnswer(body []byte, out any, want []string) error {
	switch out := out.(type) {
	case *list:
		return anyjson.Lenient(body, func(d *jsontext.Decoder) error { return out.read(d, want) })
	case *row:
		return anyjson.Lenient(body, func(d *jsontext.Decoder) (err error) {
			*out, err = readRow(d, want)
			return err
		})
	}
	return decode(body, out)
}

// decode reads one JSON value; numbers stay as they are written.
func decode(data []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(out)
}

// read reads the envelope of a page.
func (l *list) read(d *jsontext.Decoder, want []string) error {
	return members(d, func(name []byte) error {
		switch {
		case string(name) == "count" && d.PeekKind() == '0':
			raw, err := d.ReadValue()
			if err != nil {
				return err
			}
			l.Count, err = strconv.Atoi(string(raw))
			return err
		case string(name) == "results" && d.PeekKind() == '[':
			return l.readRows(d, want)
		}
		return d.SkipValue()
	})
}

func (l *list) readRows(d *jsontext.Decoder, want []string) error {
	l.Results = []row{}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		r, err := readRow(d, want)
		if err != nil {
			return err
		}
		l.Results = append(l.Results, r)
	}
	_, err := d.ReadToken()
	return err
}

// readRow reads the members of an object that want names. What is no object
// has none.
func readRow(d *jsontext.Decoder, want []string) (row, error) {
	if d.PeekKind() != '{' {
		return nil, d.SkipValue()
	}
	r := make(row, max(len(want), 8))
	err := members(d, func(name []byte) error {
		key := ""
		if i := slices.IndexFunc(want, func(w string) bool { return w == string(name) }); i >= 0 {
			key = want[i]
		} else if want != nil {
			return d.SkipValue()
		} else {
			key = string(name)
		}
		v, err := anyjson.Read(d)
		r[key] = v
		return err
	})
	return r, err
}

// members calls fn at the value of each member of an object. The name is valid
// until the next read.
func members(d *jsontext.Decoder, fn func(name []byte) error) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := fn(unquoted(raw)); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// unquoted is the text of a valid JSON string, in place if that can be.
func unquoted(raw jsontext.Value) []byte {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw[1 : len(raw)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // the error is that it was not UTF-8, which is replaced
	return text
}
