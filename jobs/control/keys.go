package control

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"dispatcher/jobs/join"
)

// Keys is who may come from other hosts. It is for the owner of the data directory
// only: no credential reaches it.
type Keys interface {
	MakeKey(ctx context.Context, q KeyQuery) (join.File, error)
	ListKeys(ctx context.Context) ([]join.Credential, error)
	RevokeKey(ctx context.Context, q KeyQuery) error
}

// KeyQuery names a credential.
type KeyQuery struct {
	Name    string    `json:"name"`
	Role    join.Role `json:"role,omitempty"`
	Address string    `json:"address,omitempty"` // where the other host reaches this one; "": what listen says
}

// keysPrefix is that of the subjects.
const keysPrefix = "dispatcher.credentials"

// ServeKeys offers keys on nc.
func ServeKeys(nc *nats.Conn, keys Keys) (stop func() error, err error) {
	by := map[string]answerer{
		"make": change(quiet(keys.MakeKey)),
		"list": look(func(ctx context.Context, _ struct{}) ([]join.Credential, error) { return keys.ListKeys(ctx) }),
		"revoke": change(quiet(func(ctx context.Context, q KeyQuery) (struct{}, error) {
			return struct{}{}, keys.RevokeKey(ctx, q)
		})),
	}
	return offer(nc, keysPrefix, func(string) map[string]answerer { return by })
}

// KeyClient is [Keys] in another process.
type KeyClient struct{ Conn *nats.Conn }

// MakeKey implements [Keys].
func (c *KeyClient) MakeKey(ctx context.Context, q KeyQuery) (join.File, error) {
	return call[join.File](ctx, c.Conn, keysPrefix, "make", q, nil)
}

// ListKeys implements [Keys].
func (c *KeyClient) ListKeys(ctx context.Context) ([]join.Credential, error) {
	return call[[]join.Credential](ctx, c.Conn, keysPrefix, "list", struct{}{}, nil)
}

// RevokeKey implements [Keys].
func (c *KeyClient) RevokeKey(ctx context.Context, q KeyQuery) error {
	_, err := call[struct{}](ctx, c.Conn, keysPrefix, "revoke", q, nil)
	return err
}

// IsWrongKey reports whether err says that a name is wrong, known or unknown, or
// that there is no address to come to.
func IsWrongKey(err error) bool {
	return errors.Is(err, join.ErrKnown) || errors.Is(err, join.ErrUnknown) || errors.Is(err, join.ErrName) || errors.Is(err, join.ErrAddress) || errors.Is(err, errUnreadable)
}
