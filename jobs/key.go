package jobs

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"dispatcher/internal/safeguard"
)

// Orderings.
const (
	OrderByKey       = "key"       // Kafka's record key, without one resource and selector
	OrderByPartition = "partition" // strictly one after the other per partition
)

// maxKey is the longest ordering key, in bytes, that is kept as it is.
const maxKey = 256

// resources are the API's names of what each message type writes.
var resources = map[string]string{
	TypeUpdateAppliedControl:        "applied-controls",
	TypeUpdateRequirementAssessment: "requirement-assessments",
	TypeUploadAttachment:            "evidences",
}

// KeyText returns a Kafka key as text: as it is, or "base64:…" if it is not UTF-8.
func KeyText(key []byte) string {
	if !utf8.Valid(key) {
		return "base64:" + base64.StdEncoding.EncodeToString(key)
	}
	return string(key)
}

// orderingKey returns the lane of a record; m has no type if it could not be read.
func orderingKey(ordering string, e *Envelope, m *Message) string {
	switch {
	case safeguard.Off("order per key"):
		return fmt.Sprint("offset ", e.Offset)
	case ordering == OrderByPartition && e.Topic != "":
		return fmt.Sprintf("partition/%s-%d", e.Topic, e.Partition)
	case len(e.Key) > 0:
		return shorten(KeyText(e.Key))
	case m.Type != "":
		return shorten(selectorKey(m))
	}
	return ""
}

// shorten keeps the beginning and the hash of a long key.
func shorten(key string) string {
	if len(key) <= maxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return strings.ToValidUTF8(key[:64], "") + "…" + hex.EncodeToString(sum[:])
}

// selectorKey names what a message is about: resource and selector, in one
// order, without the target.
func selectorKey(m *Message) string {
	selector := m.Selector
	if m.Type == TypeUploadAttachment && !selects(selector) {
		name := firstText(m.Values, "name", "file_name")
		if key := firstText(m.Values, "file_s3_key"); name == "" && key != "" {
			name = path.Base(key)
		}
		selector = map[string]any{"name": name}
	}
	var parts []string
	for name, value := range selector {
		if name == "target" {
			continue
		}
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(valueText(value)))
	}
	slices.Sort(parts)
	return resources[m.Type] + "?" + strings.Join(parts, "&")
}

func selects(selector map[string]any) bool {
	for name := range selector {
		if name != "target" {
			return true
		}
	}
	return false
}

func firstText(values map[string]any, names ...string) string {
	for _, name := range names {
		if text, ok := values[name].(string); ok && text != "" {
			return text
		}
	}
	return ""
}

func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v) // the API trims too
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
