package embed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// keptDir holds the last pair of files that described each stream and belonged
// together, inside the store.
const keptDir = "kept"

// mendMeta repairs what a crash can leave of a stream: its description and the
// checksum of that are two files, written one after the other whenever its limit
// changes, and the server gives a stream up of which they do not match. A pair
// that matches is kept; one that does not is replaced by the pair that was kept,
// which differs in the limit at most.
func mendMeta(storeDir string) error {
	streams := filepath.Join(storeDir, server.JetStreamStoreDir, "$G", "streams")
	entries, err := os.ReadDir(streams)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("inspect JOBS: %w", err)
	}
	for _, e := range entries {
		dir, kept := filepath.Join(streams, e.Name()), filepath.Join(storeDir, keptDir, e.Name())
		if !e.IsDir() || e.Name()[0] == '.' || !holdsMessages(dir) { // a dot marks one that is being deleted
			continue
		}
		if matches(dir, e.Name()) {
			_ = copyMeta(dir, kept) // a full disk is no reason not to start
			continue
		}
		if !matches(kept, e.Name()) {
			continue // checkRecovered says so
		}
		if err := copyMeta(kept, dir); err != nil {
			return fmt.Errorf("mend the description of JOBS: %w", err)
		}
	}
	return nil
}

// matches reports whether a stream's description and its checksum, the server's
// HighwayHash under the stream's name, belong together.
func matches(dir, stream string) bool {
	meta, err := os.ReadFile(filepath.Join(dir, server.JetStreamMetaFile))
	if err != nil {
		return false
	}
	sum, err := os.ReadFile(filepath.Join(dir, server.JetStreamMetaFileSum))
	if err != nil {
		return false
	}
	key := sha256.Sum256([]byte(stream))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return false
	}
	_, _ = hash.Write(meta) // a hash takes everything
	return hex.EncodeToString(hash.Sum(nil)) == string(sum)
}

// copyMeta brings a pair to another folder, file by file; a crash in between is
// mended the next time.
func copyMeta(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range []string{server.JetStreamMetaFile, server.JetStreamMetaFileSum} {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		path := filepath.Join(to, name)
		if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, content) {
			continue
		}
		if err := writeSynced(path, content); err != nil {
			return err
		}
	}
	return nil
}

// writeSynced replaces a file in one piece.
func writeSynced(path string, content []byte) error {
	next := path + ".next"
	file, err := os.OpenFile(next, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_SYNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}
