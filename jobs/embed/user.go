package embed

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// user is a client's key pair.
type user struct {
	public string
	seed   []byte
}

func newUser() (u user, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return u, fmt.Errorf("make credential: %w", err)
	}
	if u.public, err = pair.PublicKey(); err != nil {
		return u, fmt.Errorf("make credential: %w", err)
	}
	if u.seed, err = pair.Seed(); err != nil {
		return u, fmt.Errorf("make credential: %w", err)
	}
	return u, nil
}

func (u user) option() nats.Option {
	return nats.Nkey(u.public, func(nonce []byte) ([]byte, error) {
		pair, err := nkeys.FromSeed(u.seed)
		if err != nil {
			return nil, fmt.Errorf("read credential: %w", err)
		}
		return pair.Sign(nonce)
	})
}
