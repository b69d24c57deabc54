package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is the deepest nesting of a message (contract, "Messages").
const maxDepth = 1000

// Message is a message of a known type whose outer shape is right. Its selector
// and values are checked by the workflow of its type.
type Message struct {
	Type     string
	Selector map[string]any // nil if absent; numbers are json.Number
	Values   map[string]any
}

// outline is what a strict reading of the bytes yields before values are built.
type outline struct {
	messageType, selector, values, version jsontext.Value
}

// ParseMessage reads a record value strictly. It returns the message, or why it
// is none: invalid_message or unknown_type.
func ParseMessage(value []byte) (*Message, *Failure) {
	m, o, failure := parseHead(value)
	if failure == nil {
		m.Values, failure = o.objectOf("values", o.values)
	}
	if failure != nil {
		return nil, failure
	}
	return m, nil
}

// parseHead is ParseMessage without the values, which are checked but not built:
// ingest needs no more, and reads every message.
func parseHead(value []byte) (m *Message, o outline, failure *Failure) {
	if o, failure = readOutline(value); failure != nil {
		return nil, o, failure
	}
	m = &Message{}
	if m.Type, failure = o.checkType(); failure != nil {
		return nil, o, failure
	}
	if failure = o.checkVersion(); failure != nil {
		return nil, o, failure
	}
	if m.Selector, failure = o.objectOf("selector", o.selector); failure != nil {
		return nil, o, failure
	}
	switch {
	case o.values == nil || o.values.Kind() == 'n' || emptyObject(o.values):
		return nil, o, invalid("values are missing or empty: say what to do")
	case o.values.Kind() != '{':
		return nil, o, invalid("values is %s: it must be an object", kindName(o.values.Kind()))
	case len(m.Selector) == 0 && m.Type != TypeUploadAttachment:
		return nil, o, Fail(CodeInvalidSelector, "selector is missing or empty: say which object, such as {\"ref_id\": \"…\"}")
	}
	return m, o, nil
}

// emptyObject reports whether valid JSON is {}.
func emptyObject(raw jsontext.Value) bool {
	return len(raw) > 1 && raw[0] == '{' && bytes.TrimSpace(raw[1:])[0] == '}'
}

// DecodeMessage builds the message of a value that [ParseMessage] has accepted
// before; it checks nothing again.
func DecodeMessage(value []byte) (*Message, error) {
	var m struct {
		Type     string         `json:"message_type"`
		Selector map[string]any `json:"selector"`
		Values   map[string]any `json:"values"`
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return &Message{Type: m.Type, Selector: m.Selector, Values: m.Values}, nil
}

func invalid(format string, args ...any) *Failure {
	return Fail(CodeInvalidMessage, format, args...)
}

// readOutline checks the text as JSON and finds the members that matter.
func readOutline(value []byte) (o outline, failure *Failure) {
	switch {
	case len(value) == 0:
		return o, invalid("the message is empty: send a JSON object")
	case bytes.HasPrefix(value, []byte("\xef\xbb\xbf")):
		return o, invalid("the message starts with a byte order mark: send plain UTF-8")
	case !utf8.Valid(value):
		return o, invalid("the message is not UTF-8: send JSON in UTF-8")
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(value)) // a Buffer is read in place
	switch d.PeekKind() {
	case '{':
	case 'n', 't', 'f', '"', '0', '[':
		return o, invalid("the message is %s: send a JSON object", kindName(d.PeekKind()))
	}
	if _, err := d.ReadToken(); err != nil {
		return o, notJSON(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return o, notJSON(err)
		}
		if err := o.member(name.String(), d, value); err != nil {
			return o, notJSON(err)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return o, notJSON(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return o, invalid("the message has more behind its JSON object: send one object per record")
	}
	return o, nil
}

var errDepth = fmt.Errorf("it is nested deeper than %d", maxDepth)

// member reads one member's value and keeps it if it matters.
func (o *outline) member(name string, d *jsontext.Decoder, value []byte) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if tooDeep(raw) {
		return errDepth
	}
	end := d.InputOffset()
	raw = value[end-int64(len(raw)) : end] // ours: the decoder's own is valid until its next call only
	switch name {
	case "message_type":
		o.messageType = raw
	case "selector":
		o.selector = raw
	case "values":
		o.values = raw
	case "version":
		o.version = raw
	}
	return nil
}

// tooDeep reports whether a valid JSON text, inside one object, is nested too
// deeply.
func tooDeep(raw []byte) bool {
	if bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) < maxDepth {
		return false // the common case, at the speed of memory
	}
	depth, inString := 1, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
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

func notJSON(err error) *Failure {
	text := strings.TrimPrefix(err.Error(), "jsontext: ")
	return invalid("the message is not valid JSON: %s", cut(text, 200))
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
	}
	return "a list"
}

func (o *outline) checkType() (string, *Failure) {
	if o.messageType == nil {
		return "", invalid("message_type is missing: one of %s", strings.Join(Types(), ", "))
	}
	if o.messageType.Kind() != '"' {
		return "", invalid("message_type is %s: one of %s", kindName(o.messageType.Kind()), strings.Join(Types(), ", "))
	}
	var name string
	if err := json.Unmarshal(o.messageType, &name); err != nil {
		return "", invalid("message_type cannot be read: %s", err)
	}
	if slices.Contains(Types(), name) {
		return name, nil
	}
	return "", Fail(CodeUnknownType, "message_type %q is not known%s; one of %s", cut(name, 80), Nearest(name, Types()), strings.Join(Types(), ", "))
}

func (o *outline) checkVersion() *Failure {
	if o.version == nil || o.version.Kind() == 'n' || string(o.version) == "1" {
		return nil
	}
	return invalid("version %s is not known: this dispatcher reads version 1", cut(string(o.version), 40))
}

// objectOf builds an object; absent and null are an empty one.
func (o *outline) objectOf(name string, raw jsontext.Value) (map[string]any, *Failure) {
	if raw == nil || raw.Kind() == 'n' {
		return nil, nil
	}
	if raw.Kind() != '{' {
		return nil, invalid("%s is %s: it must be an object", name, kindName(raw.Kind()))
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, invalid("%s cannot be read: %s", name, err)
	}
	return object, nil
}

// Nearest returns `, did you mean "…"?` for the known name nearest to name, or
// nothing if none is near.
func Nearest(name string, known []string) string {
	best, distance := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
