package config

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// maxHashCost bounds what one login may take: above it, seconds.
const maxHashCost = 14

// ParseUsers reads lines of name:hash, as `htpasswd -nB` writes them. Only
// bcrypt is taken. Empty lines and those that begin with # are left out. An
// error names the line, never what is in it.
func ParseUsers(text string) (hashes map[string][]byte, err error) {
	hashes = make(map[string][]byte)
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, hash, ok := strings.Cut(line, ":")
		if !ok || name == "" || len(name) > 64 {
			return nil, fmt.Errorf("line %d is not name:hash; write it with htpasswd -nB NAME", i+1)
		}
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil || cost > maxHashCost {
			return nil, fmt.Errorf("line %d has no bcrypt hash of a cost up to %d; write it with htpasswd -nB -C 12 NAME", i+1, maxHashCost)
		}
		hashes[name] = []byte(hash)
	}
	if len(hashes) == 0 {
		return nil, errors.New("names nobody; write lines with htpasswd -nB NAME")
	}
	return hashes, nil
}
