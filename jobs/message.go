package jobs

import (
	"cmp"
	"fmt"

	"github.com/agnivade/levenshtein"
	"github.com/go-json-experiment/json/jsontext"

	"dispatcher/internal/anyjson"
)

// Message is a message of a known type whose outer shape is right. Its selector
// and values are checked by the workflow of its type.
type Message struct {
	Type     string
	Selector map[string]any // nil if absent or empty; numbers are json.Number
	Values   map[string]any
}

// ParseMessage reads a record value strictly. It returns the message, or why it
// is none: invalid_message, unknown_type, or invalid_selector if there is none.
// Members that it does not know are ignored, as the Python dispatcher does.
func ParseMessage(value []byte) (*Message, *Failure) {
	m, o, failure := parseHead(value)
	if failure != nil {
		return nil, failure
	}
	var err error
	if m.Values, err = build(o.values); err != nil {
		return nil, invalid("%s", err)
	}
	return m, nil
}

// DecodeMessage builds the message of a value that [ParseMessage] accepts; it
// does not check it again.
func DecodeMessage(value []byte) (*Message, error) {
	// Not by struct tags: those match names in any case, and "Values" must not
	// bring in what nobody has checked.
	var o outline
	err := anyjson.Decode(value, func(d *jsontext.Decoder) error { return o.find(d, value) }, jsontext.AllowDuplicateNames(true))
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	m := &Message{}
	if o.messageType.Kind() == '"' {
		m.Type = unquote(o.messageType)
	}
	if m.Selector, err = build(o.selector); err != nil {
		return nil, err
	}
	if m.Values, err = build(o.values); err != nil {
		return nil, err
	}
	return m, nil
}

// parseHead is [ParseMessage] without the values, which are checked but not
// built: ingest needs no more, and reads every message. The type is there, if it
// is known, even when the rest is wrong.
func parseHead(value []byte) (m *Message, o outline, failure *Failure) {
	m = &Message{}
	if o, failure = readOutline(value); failure != nil {
		return m, o, failure
	}
	if m.Type, failure = o.checkType(); failure != nil {
		return m, o, failure
	}
	return m, o, o.checkRest(m)
}

// checkRest checks what every type has in common, and builds the selector.
func (o *outline) checkRest(m *Message) (failure *Failure) {
	failure = cmp.Or(o.checkVersion(), checkObject("selector", o.selector), checkObject("values", o.values))
	if failure != nil {
		return failure
	}
	if isEmpty(o.values) {
		return invalid("values are missing or empty: say what to do")
	}
	if isEmpty(o.selector) && m.Type != TypeUploadAttachment {
		return Fail(CodeInvalidSelector, "selector is missing or empty: say which object, such as {\"ref_id\": \"…\"}")
	}
	var err error
	if m.Selector, err = build(o.selector); err != nil {
		return invalid("%s", err)
	}
	return nil
}

func invalid(format string, args ...any) *Failure {
	return Fail(CodeInvalidMessage, format, args...)
}

// maxGuess is the longest name for which a similar one is sought: the cost
// grows with its length, and the name is a producer's.
const maxGuess = 100

// Nearest returns `, did you mean "…"?` for the known name nearest to name, or
// nothing if none is near.
func Nearest(name string, known []string) string {
	if len(name) > maxGuess {
		return ""
	}
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
	seen, end := 0, 0
	for i := range s {
		if seen++; seen == n {
			end = i
		}
		if seen > n {
			return s[:end] + "…"
		}
	}
	return s
}
