package join

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nkeys"
)

var (
	// ErrKnown is returned for a name that is in use.
	ErrKnown = errors.New("there is a credential of this name")
	// ErrName is returned for a name that nobody may have.
	ErrName = errors.New("wrong name")
	// ErrAddress is returned where no host could come in.
	ErrAddress = errors.New("no address for the join file")
	// ErrUnknown is returned for a name that nobody has.
	ErrUnknown = errors.New("no such credential")
)

// Credentials are those who may come from other hosts. It is safe for concurrent
// use; only the owner of the data directory may change it.
type Credentials struct {
	path string

	mu   sync.Mutex
	list []Credential
}

// Open reads the credentials at path; none if there is no such file.
func Open(path string) (*Credentials, error) {
	c := &Credentials{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	if err := json.Unmarshal(data, &c.list); err != nil {
		return nil, fmt.Errorf("read credentials %s: %w; restore it, or delete it and make new join files", path, err)
	}
	return c, nil
}

// List returns all credentials in the order of their making.
func (c *Credentials) List() []Credential {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// Make adds a credential and returns the seed of its key, which is kept nowhere.
func (c *Credentials) Make(name string, role Role, now time.Time) (made Credential, seed string, err error) {
	if err := CheckName(name); err != nil {
		return made, "", err
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return made, "", fmt.Errorf("make key: %w", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return made, "", fmt.Errorf("make key: %w", err)
	}
	secret, err := pair.Seed()
	if err != nil {
		return made, "", fmt.Errorf("make key: %w", err)
	}
	made = Credential{Name: name, Role: role, Public: public, MadeAt: now.UTC()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.ContainsFunc(c.list, func(k Credential) bool { return k.Name == name }) {
		return made, "", fmt.Errorf("credential %q: %w; choose another name, or revoke it first", name, ErrKnown)
	}
	return made, string(secret), c.store(append(slices.Clone(c.list), made))
}

// Revoke takes a credential away.
func (c *Credentials) Revoke(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(c.list), func(k Credential) bool { return k.Name == name })
	if len(left) == len(c.list) {
		return fmt.Errorf("credential %q: %w; see dispatcher credentials list", name, ErrUnknown)
	}
	return c.store(left)
}

// Name returns the name of a key's credential, "" if it has none.
func (c *Credentials) Name(public string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.list {
		if k.Public == public {
			return k.Name
		}
	}
	return ""
}

func (c *Credentials) store(list []Credential) error {
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	if err := writeSynced(c.path, append(data, '\n')); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	c.list = list
	return nil
}

// writeSynced replaces a file whole, readable by its owner only.
func writeSynced(path string, data []byte) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
