package ingest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"slices"
)

// noCreate is a connection of kafka-go's readers and groups, which ask for
// metadata in the form that creates a topic that is not there: one that is deleted
// while it is read would come back, with the broker's defaults. The wish is taken
// out of their requests.
type noCreate struct{ net.Conn }

// dialNoCreate does TLS itself: the requests have to be seen in clear.
func dialNoCreate(config *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{}
	dial := plain.DialContext
	if config != nil {
		dial = (&tls.Dialer{NetDialer: plain, Config: config}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return noCreate{conn}, nil
	}
}

// Write takes one whole request: kafka-go's connections write each at once.
func (c noCreate) Write(request []byte) (int, error) {
	if createsTopics(request) {
		request = slices.Clone(request)
		request[len(request)-1] = 0
	}
	return c.Conn.Write(request)
}

// createsTopics recognises a metadata request of version 4 to 7, which ends in
// the wish to create topics: length (4 bytes), API key, version (2 each), …
func createsTopics(request []byte) bool {
	const metadata, first, last = 3, 4, 7
	if len(request) < 15 || int(binary.BigEndian.Uint32(request)) != len(request)-4 || binary.BigEndian.Uint16(request[4:]) != metadata {
		return false
	}
	version := binary.BigEndian.Uint16(request[6:])
	return version >= first && version <= last && request[len(request)-1] == 1
}
