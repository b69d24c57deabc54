package join

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// fileVersion is that of join files.
const fileVersion = 1

// File is what somebody needs to come from another host to one run host. A join
// file holds one of them, or several one after the other: `cat a.join b.join`
// names an active and a standby host. It is a secret.
type File struct {
	Version int    `json:"dispatcher_join"`
	Name    string `json:"name"`
	Role    Role   `json:"role"`
	Address string `json:"address"`          // host:port
	Server  string `json:"server,omitempty"` // name on the certificate, if it is not the address's host
	CA      string `json:"ca,omitempty"`     // PEM; "": those that the system trusts
	Seed    string `json:"seed"`
}

// New returns the join file of a credential.
func New(c Credential, seed, address string) File {
	return File{Version: fileVersion, Name: c.Name, Role: c.Role, Address: address, Seed: seed}
}

// Write writes the file as one line.
func (f File) Write(w io.Writer) error { return json.NewEncoder(w).Encode(f) }

// Read reads a join file of a role. open says how far others may read it, too.
func Read(path string, role Role) (hosts []File, open bool, err error) {
	data, err := os.ReadFile(path)
	var info os.FileInfo
	if err == nil {
		info, err = os.Stat(path)
	}
	if err != nil {
		err = fmt.Errorf("it cannot be read: %w", err)
	} else {
		hosts, err = parse(data, role)
	}
	if err != nil {
		return nil, false, fmt.Errorf("join file %s: %w; make one with dispatcher credentials %s --name NAME", path, err, role)
	}
	return hosts, info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0, nil
}

func parse(data []byte, role Role) (hosts []File, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var f File
		err := decoder.Decode(&f)
		if errors.Is(err, io.EOF) && len(hosts) > 0 {
			return hosts, nil
		}
		if err == nil {
			err = f.check(role)
		}
		if err != nil {
			return nil, fmt.Errorf("it cannot be used: %w", err)
		}
		hosts = append(hosts, f)
	}
}

func (f File) check(role Role) error {
	_, port, err := net.SplitHostPort(f.Address)
	switch {
	case f.Version > fileVersion:
		return fmt.Errorf("it has version %d, this program reads %d", f.Version, fileVersion)
	case f.Version < 1:
		return errors.New("it says nothing of the dispatcher")
	case f.Role != role:
		return fmt.Errorf("it has the role %q, not %q", f.Role, role)
	case err != nil || port == "":
		return fmt.Errorf("address %q is not host:port", f.Address)
	}
	if _, err := f.pair(); err != nil {
		return err
	}
	_, err = f.tls()
	return err
}

func (f File) pair() (nkeys.KeyPair, error) {
	pair, err := nkeys.FromSeed([]byte(f.Seed))
	if err != nil {
		return nil, fmt.Errorf("its key cannot be read: %w", err)
	}
	return pair, nil
}

// Public returns the public half of the key.
func (f File) Public() (string, error) {
	pair, err := f.pair()
	if err != nil {
		return "", err
	}
	return pair.PublicKey()
}

// tls verifies the run host, always.
func (f File) tls() (*tls.Config, error) {
	host, _, err := net.SplitHostPort(f.Address)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", f.Address, err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: host}
	if f.Server != "" {
		c.ServerName = f.Server
	}
	if f.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(f.CA)) {
			return nil, errors.New("its CA is no certificate in PEM")
		}
	}
	return c, nil
}

// Options are how the run host is connected to.
func (f File) Options() ([]nats.Option, error) {
	pair, err := f.pair()
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("its key cannot be read: %w", err)
	}
	verify, err := f.tls()
	if err != nil {
		return nil, err
	}
	return []nats.Option{
		nats.Nkey(public, pair.Sign), nats.Secure(verify), nats.TLSHandshakeFirst(), nats.CustomInboxPrefix(InboxPrefix(public)),
		nats.IgnoreDiscoveredServers(),
	}, nil
}

// URL is where the run host listens.
func (f File) URL() string { return "tls://" + f.Address }

// Explain adds the remedy to an error of connecting to a run host.
func Explain(err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return errors.New("this key is refused: its credential is unknown or was revoked there; make a new join file")
	case errors.Is(err, nats.ErrNoServers):
		return errors.New("it cannot be reached; is run up there, with listen set, and can this host reach that address?")
	}
	return err
}
