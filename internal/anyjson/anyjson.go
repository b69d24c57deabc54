// Package anyjson reads JSON into Go values as encoding/json does with
// UseNumber (map[string]any, []any, string, json.Number, bool, nil), at a
// quarter of the cost: the text is scanned once.
package anyjson

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// decoder has the text that it reads.
type decoder struct {
	jsontext.Decoder
	text bytes.Buffer // is read in place
}

// decoders are kept: making one costs as much as reading a short text with it.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

// Decode calls fn with a decoder of text, which is fn's until it returns.
func Decode(text []byte, fn func(*jsontext.Decoder) error, options ...jsontext.Options) error {
	d := decoders.Get().(*decoder)
	d.text = *bytes.NewBuffer(text)
	d.Reset(&d.text, options...)
	err := fn(&d.Decoder)
	d.text = bytes.Buffer{}
	d.Reset(&d.text) // the text may be large, and is not kept
	decoders.Put(d)
	return err
}

// Lenient calls fn with a decoder that reads text as leniently as encoding/json
// does: of a name that comes twice the last value counts, and what is not UTF-8 is
// replaced.
func Lenient(text []byte, fn func(*jsontext.Decoder) error) error {
	return Decode(text, fn, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
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
