package embed

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestAServerThatDoesNotSyncIsRefused(t *testing.T) {
	t.Parallel()
	for _, sync := range []bool{true, false} {
		s := &Server{cfg: Config{StoreDir: t.TempDir()}, port: server.RANDOM_PORT}
		options := s.options()
		options.SyncAlways = sync
		options.Nkeys = nil
		srv, err := server.NewServer(options)
		if err != nil {
			t.Fatal(err)
		}
		srv.Start()
		defer shutdown(srv)
		if err := s.check(srv); (err == nil) != sync || err != nil && !strings.Contains(err.Error(), "sync") {
			t.Errorf("sync %t: %v", sync, err)
		}
	}
}
