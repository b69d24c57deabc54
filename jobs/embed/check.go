package embed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"dispatcher/internal/safeguard"
)

// ErrDamaged is returned for a store that is not what was written.
var ErrDamaged = errors.New("JOBS is damaged")

// remedy is what helps a damaged store.
const remedy = "run --rebuild starts anew from what Kafka holds"

// check asserts what the durability of everything rests on.
func (s *Server) check(srv *server.Server) error {
	varz, err := srv.Varz(nil)
	if err != nil {
		return fmt.Errorf("inspect embedded nats: %w", err)
	}
	if js := varz.JetStream.Config; js == nil || !js.SyncAlways && !safeguard.Off("sync") {
		return errors.New("embedded nats does not sync every write: refusing to work with it")
	}
	return s.checkRecovered(srv)
}

// checkRecovered refuses a stream whose files are there but which the server
// could not read: it only logs that, and would let a new one take the place.
func (s *Server) checkRecovered(srv *server.Server) error {
	known, err := streams(srv)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.cfg.StoreDir, server.JetStreamStoreDir, "$G", "streams")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("inspect embedded nats: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || slices.Contains(known, e.Name()) {
			continue // a dot marks one that is being deleted
		}
		if path := filepath.Join(dir, e.Name()); holdsMessages(path) {
			return fmt.Errorf("%w: stream %s cannot be read; %s", ErrDamaged, path, remedy)
		}
	}
	return nil
}

// streams returns the names of the streams that the server has read.
func streams(srv *server.Server) (names []string, err error) {
	info, err := srv.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return nil, fmt.Errorf("inspect embedded nats: %w", err)
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			names = append(names, stream.Name)
		}
	}
	return names, nil
}

// holdsMessages reports whether a stream's directory has any message: one that
// was only being made when the process ended has none, and may be made again.
func holdsMessages(dir string) bool {
	files, err := os.ReadDir(filepath.Join(dir, "msgs"))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		info, err := f.Info()
		return err != nil || filepath.Ext(f.Name()) == ".blk" && info.Size() > 0
	})
}

// checkRights refuses a store of which a file may not be read and written. The
// server would not say so, and delete a stream that it cannot open.
func checkRights(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return file.Close()
	})
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open JOBS: %w; run this as the owner of the data directory, and give back the rights", err)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open JOBS: %w", err)
	}
	return nil
}
