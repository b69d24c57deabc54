package control

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestAnotherVersionOfTheAPIIsRefusedByBothSides: what it means may differ.
func TestAnotherVersionOfTheAPIIsRefusedByBothSides(t *testing.T) {
	t.Parallel()
	m := newMany(t, 0)
	conn := m.client.Conn
	for _, theirs := range []string{"", "1.0.0"} {
		inbox := conn.NewRespInbox()
		sub, err := conn.SubscribeSync(inbox)
		if err != nil {
			t.Fatal(err)
		}
		request := &nats.Msg{Subject: subjectPrefix + ".stats", Reply: inbox, Data: []byte("{}"), Header: nats.Header{versionHeader: []string{theirs}}}
		if err := conn.PublishMsg(request); err != nil {
			t.Fatal(err)
		}
		reply, err := next(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened(reply); !errors.Is(err, ErrVersion) {
			t.Errorf("a client of version %q: %v", theirs, err)
		}
	}
	if _, err := opened(&nats.Msg{Data: []byte("{}")}); !errors.Is(err, ErrVersion) {
		t.Errorf("a server of an older version: %v", err)
	}
	if _, err := ask(t.Context(), conn, subjectPrefix, "dance", nil, nil); err == nil || !strings.Contains(err.Error(), "of another version") {
		t.Errorf("a command that the server does not know: %v", err)
	}
	if _, err := m.client.Stats(t.Context()); err != nil {
		t.Errorf("the same version: %v", err)
	}
}
