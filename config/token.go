package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// tokenFile is where `auth` keeps the token, beside the configuration file.
const tokenFile = ".tmp.yaml"

// TokenPath returns where the stored token is.
func (c *Config) TokenPath() string { return filepath.Join(filepath.Dir(c.File), tokenFile) }

// StoredToken returns the token that `auth` stored; unset if there is none.
func (c *Config) StoredToken() (Secret, error) {
	content, err := os.ReadFile(c.TokenPath())
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, nil
	}
	if err != nil {
		return Secret{}, fmt.Errorf("read stored token: %w", err)
	}
	var stored struct {
		Token string `yaml:"token"`
	}
	if err := yaml.Unmarshal(content, &stored); err != nil {
		return Secret{}, fmt.Errorf("stored token %s: not valid YAML; run dispatcher auth again", c.TokenPath())
	}
	return NewSecret(stored.Token), nil
}

// StoreToken keeps a token for later runs, readable by its owner only.
func (c *Config) StoreToken(token string) error {
	content, err := yaml.Marshal(map[string]string{"token": token})
	if err != nil {
		return fmt.Errorf("store token: %w", err)
	}
	return WriteFile(c.TokenPath(), content)
}

// WriteFile replaces a file as a whole: readable by its owner only from the
// first byte on, synced before it takes the name, so that it is never half there.
func WriteFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // made 0600
	if err != nil {
		return fmt.Errorf("write %s: %w; name a file in a directory that is there and can be written", path, reason(err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// reason leaves the path out, which is named already, or is one of our own.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
