package config

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// masked stands for every secret that is shown.
const masked = "***"

// Secret is a value that no formatting, encoding or log reveals. It may come
// from a file, which is read again by [Secret.Refresh], so that it can be
// rotated without a restart. The zero Secret is unset.
type Secret struct{ s *secret }

type secret struct {
	mu    sync.Mutex
	value string
	file  string
}

// NewSecret returns a secret with a fixed value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&secret{value: value}}
}

// SecretFromFile returns the trimmed content of a file as a secret.
func SecretFromFile(path string) (Secret, error) {
	s := Secret{&secret{file: path}}
	_, err := s.Refresh()
	return s, err
}

// IsSet reports whether there is a secret.
func (s Secret) IsSet() bool { return s.Reveal() != "" }

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.s == nil {
		return ""
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	return s.s.value
}

// Refresh reads the file again and reports whether the secret has changed.
func (s Secret) Refresh() (changed bool, err error) {
	if s.s == nil || s.s.file == "" {
		return false, nil
	}
	content, err := os.ReadFile(s.s.file)
	if err != nil {
		return false, fmt.Errorf("read secret file: %w", err)
	}
	value := strings.TrimSpace(string(content))
	if value == "" {
		return false, fmt.Errorf("read secret file %s: it is empty", s.s.file)
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	changed = s.s.value != value
	s.s.value = value
	return changed, nil
}

func (s Secret) mask() string {
	if !s.IsSet() {
		return ""
	}
	return masked
}

// String returns "***", or nothing if the secret is unset.
func (s Secret) String() string { return s.mask() }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.mask() }

// Format is String, for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.mask())) }

// MarshalText is String, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.mask()), nil }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.mask()) }
