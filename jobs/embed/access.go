package embed

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Access is how a local client reaches the server. It is a secret.
type Access struct {
	URL  string `json:"url"`
	Seed string `json:"seed"`
}

// writeAccess leaves the file readable by its owner only.
func writeAccess(path string, a Access) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write access file: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return fmt.Errorf("write access file: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write access file: %w", err)
	}
	return nil
}

// ReadAccess reads what a running server has written.
func ReadAccess(path string) (a Access, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return a, fmt.Errorf("read access file: %w", err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("read access file %s: %w", path, err)
	}
	return a, nil
}

// Connect connects to the server.
func (a Access) Connect(options ...nats.Option) (*nats.Conn, error) {
	pair, err := nkeys.FromSeed([]byte(a.Seed))
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	u := user{public: public, seed: []byte(a.Seed)}
	return nats.Connect(a.URL, append(options, u.option())...)
}
