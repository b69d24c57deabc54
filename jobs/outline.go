package jobs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dispatcher/internal/anyjson"
)

// maxDepth is the deepest nesting of a message (contract, "Messages").
const maxDepth = 1000

// outline is where in a message's text the members that matter are. Names are
// compared exactly: "Values" is a member that nobody reads.
type outline struct {
	messageType, selector, values, version jsontext.Value
}

// readOutline checks the whole text and finds the members that matter.
func readOutline(value []byte) (o outline, failure *Failure) {
	switch {
	case len(value) == 0:
		return o, invalid("the message is empty: send a JSON object")
	case bytes.HasPrefix(value, []byte("\xef\xbb\xbf")):
		return o, invalid("the message starts with a byte order mark: send plain UTF-8")
	case !utf8.Valid(value):
		return o, invalid("the message is not UTF-8: send JSON in UTF-8")
	}
	_ = anyjson.Decode(value, func(d *jsontext.Decoder) error {
		failure = o.read(d, value)
		return nil
	})
	if failure == nil && tooDeep(value) {
		failure = invalid("the message is nested deeper than %d: send it flatter", maxDepth)
	}
	return o, failure
}

// read reads the whole text, which must be one object.
func (o *outline) read(d *jsontext.Decoder, value []byte) *Failure {
	kind := d.PeekKind()
	var err error
	if kind == '{' {
		err = o.find(d, value)
	} else {
		_, err = d.ReadValue() // what begins like something else may be nothing
	}
	if err != nil {
		return invalid("the message is not valid JSON: %s", cut(strings.TrimPrefix(err.Error(), "jsontext: "), 200))
	}
	if kind != '{' {
		return invalid("the message is %s: send a JSON object", kindName(kind))
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return invalid("the message has more behind its JSON object: send one object per record")
	}
	return nil
}

// find reads one object to its end.
func (o *outline) find(d *jsontext.Decoder, value []byte) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		place := o.place(name.String())
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if place != nil { // the decoder's own bytes are valid until its next call only
			end := d.InputOffset()
			*place = value[end-int64(len(raw)) : end]
		}
	}
	_, err := d.ReadToken()
	return err
}

func (o *outline) place(name string) *jsontext.Value {
	switch name {
	case "message_type":
		return &o.messageType
	case "selector":
		return &o.selector
	case "values":
		return &o.values
	case "version":
		return &o.version
	}
	return nil
}

// tooDeep reports whether a valid JSON text is nested too deeply.
func tooDeep(text []byte) bool {
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) <= maxDepth {
		return false // the common case, at the speed of memory
	}
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	}
	return "a list"
}

func (o *outline) checkType() (string, *Failure) {
	known := Types()
	if o.messageType == nil {
		return "", invalid("message_type is missing: one of %s", strings.Join(known, ", "))
	}
	if kind := o.messageType.Kind(); kind != '"' {
		return "", invalid("message_type is %s: one of %s", kindName(kind), strings.Join(known, ", "))
	}
	name := unquote(o.messageType)
	if slices.Contains(known, name) {
		return name, nil
	}
	return "", Fail(CodeUnknownType, "message_type %q is not known%s; one of %s", cut(name, 80), Nearest(name, known), strings.Join(known, ", "))
}

// checkVersion accepts the number 1 however it is written, as JSON Schema does.
func (o *outline) checkVersion() *Failure {
	if o.version == nil {
		return nil
	}
	switch kind := o.version.Kind(); kind {
	case 'n':
		return nil
	case '0':
		if n, err := strconv.ParseFloat(string(o.version), 64); err == nil && n == 1 {
			return nil
		}
		return invalid("version %s is not known: this dispatcher reads version 1", cut(string(o.version), 40))
	default:
		return invalid("version is %s: send the number 1, or leave it out", kindName(kind))
	}
}

// checkObject reports a member that is neither an object nor absent nor null.
func checkObject(name string, raw jsontext.Value) *Failure {
	if raw == nil || raw.Kind() == 'n' || raw.Kind() == '{' {
		return nil
	}
	return invalid("%s is %s: send an object", name, kindName(raw.Kind()))
}

// isEmpty reports whether a member has nothing in it.
func isEmpty(raw jsontext.Value) bool {
	return raw == nil || raw.Kind() == 'n' || raw.Kind() == '{' && bytes.TrimSpace(raw[1:])[0] == '}'
}

// build makes the object of valid JSON; absent, null and {} are nil.
func build(raw jsontext.Value) (object map[string]any, err error) {
	if isEmpty(raw) {
		return nil, nil
	}
	err = anyjson.Lenient(raw, func(d *jsontext.Decoder) error {
		object, err = anyjson.Object(d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return object, nil
}

// unquote returns the text of a valid JSON string.
func unquote(raw jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return ""
	}
	return string(text)
}
