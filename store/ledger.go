package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"dispatcher/internal/safeguard"
	"dispatcher/jobs"
)

// remedy is what helps a damaged store.
const remedy = "run --rebuild starts anew from what Kafka holds"

// schemaVersion is the version of the buckets and records in the file.
const schemaVersion = 1

var (
	// ErrInUse is returned when another process has the data directory open.
	ErrInUse = errors.New("data directory is in use by another process")
	// ErrNewer is returned for a file that a newer dispatcher wrote.
	ErrNewer = errors.New("store was written by a newer dispatcher")
	// ErrDamaged is returned for a file or record that is not what was written.
	ErrDamaged = errors.New("store is damaged")
	// ErrFull is returned for a write that found no space.
	ErrFull = errors.New("no space for the store")
	// ErrNoPayload is returned when a job's message is not kept in the ledger.
	ErrNoPayload = errors.New("no payload in the ledger")
	// ErrClosed is returned by a ledger that has been closed.
	ErrClosed = errors.New("ledger is closed")
)

// Bucket names, see the package comment.
var (
	bMeta       = []byte("meta")
	bOpen       = []byte("open")
	bDone       = []byte("done")
	bIDs        = []byte("ids")
	bEnded      = []byte("ended")
	bSteps      = []byte("steps")
	bAttempts   = []byte("attempts")
	bAudit      = []byte("audit")
	bPayloads   = []byte("payloads")
	bOutbox     = []byte("outbox")
	bKeys       = []byte("keys")
	bPartitions = []byte("partitions")
	bFinished   = []byte("finished")
	bQuarantine = []byte("quarantine")
	bIdempotent = []byte("idempotent")
	bReplayed   = []byte("replayed")
	bResults    = []byte("results")
	bLeases     = []byte("leases")
)

func buckets() [][]byte {
	return [][]byte{
		bMeta, bOpen, bDone, bIDs, bEnded, bSteps, bAttempts, bAudit,
		bPayloads, bOutbox, bKeys, bPartitions, bFinished, bQuarantine, bIdempotent, bReplayed, bResults, bLeases,
	}
}

// Options says where the ledger is and how it behaves.
type Options struct {
	Path         string
	Clock        func() time.Time
	Patience     time.Duration // with another process that has the file open, 1s; it may be about to end
	CompactAbove int64         // bytes: a larger file of which most is free is rewritten when it is opened, 64 MiB
	NoSync       bool          // UNSAFE: loses acknowledged writes at power loss; for measurements only
}

// Ledger is the open file. It is safe for concurrent use.
type Ledger struct {
	db    *bolt.DB
	path  string
	clock func() time.Time
	queue chan *operation
	quit  chan struct{}
	ended chan struct{} // closed when nothing is stored any more
	done  sync.WaitGroup

	mu         sync.Mutex // guards what follows
	counts     counts
	partitions map[jobs.Partition]*partition
	quarantine map[string]jobs.Quarantined
	identity   string
	counter    uint64
	closed     bool
}

// Open opens the ledger at o.Path, or makes one, and locks it.
func Open(o Options) (*Ledger, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Patience == 0 {
		o.Patience = time.Second
	}
	if o.CompactAbove == 0 {
		o.CompactAbove = compactAbove
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	db, err := openFile(o)
	if err == nil {
		db, err = compact(o, db)
	}
	if err != nil {
		return nil, err
	}
	l := &Ledger{
		db:         db,
		path:       o.Path,
		clock:      o.Clock,
		queue:      make(chan *operation, 4096),
		quit:       make(chan struct{}),
		ended:      make(chan struct{}),
		partitions: make(map[jobs.Partition]*partition),
		quarantine: make(map[string]jobs.Quarantined),
	}
	if err := l.prepare(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l.done.Go(l.commitLoop)
	return l, nil
}

// openFile opens bbolt. Its panics on pages that make no sense are damage.
func openFile(o Options) (db *bolt.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("open %s: %w (%v); %s", o.Path, ErrDamaged, r, remedy)
		}
	}()
	var file *os.File
	db, err = bolt.Open(o.Path, 0o600, &bolt.Options{
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
		Timeout:         o.Patience,
		FreelistType:    bolt.FreelistMapType,
		NoFreelistSync:  true,
		InitialMmapSize: 1 << 30, // only address space: no remapping while readers are at work
		NoSync:          o.NoSync || safeguard.Off("sync"),
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s: %w; stop it, or name another directory with --data-dir", filepath.Dir(o.Path), ErrInUse)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("open store %s: %w; run this as its owner", o.Path, err)
	case err != nil: // too small, no meta page, a wrong checksum, another version
		return nil, fmt.Errorf("open %s: %w (%w); %s", o.Path, ErrDamaged, err, remedy)
	case !stillThere(file): // another process has just compacted it, and is at work
		return nil, errors.Join(fmt.Errorf("%s: %w; stop it, or name another directory with --data-dir", filepath.Dir(o.Path), ErrInUse), db.Close())
	}
	return db, nil
}

// prepare makes or checks the buckets and loads what is kept in memory.
func (l *Ledger) prepare() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read %s: %w (%v); %s", l.path, ErrDamaged, r, remedy)
		}
	}()
	err = l.db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets() {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return checkSchema(tx.Bucket(bMeta), l.path)
	})
	if err != nil {
		return storageError("prepare store", err)
	}
	return l.db.View(l.load)
}

func checkSchema(meta *bolt.Bucket, path string) error {
	raw := meta.Get([]byte("schema"))
	if raw == nil {
		var id [16]byte
		if _, err := rand.Read(id[:]); err != nil {
			return fmt.Errorf("make identity: %w", err)
		}
		if err := meta.Put([]byte("identity"), []byte(hex.EncodeToString(id[:]))); err != nil {
			return err
		}
		return meta.Put([]byte("schema"), []byte{schemaVersion})
	}
	if raw[0] > schemaVersion {
		return fmt.Errorf("%s: %w (version %d, this one reads up to %d); upgrade this dispatcher", path, ErrNewer, raw[0], schemaVersion)
	}
	return nil
}

func (l *Ledger) load(tx *bolt.Tx) error {
	meta := tx.Bucket(bMeta)
	l.identity = string(meta.Get([]byte("identity")))
	if raw := meta.Get([]byte("counter")); len(raw) == 8 {
		l.counter = binary.BigEndian.Uint64(raw)
	}
	l.counts = decodeCounts(meta.Get([]byte("counts")))
	results := tx.Bucket(bResults).Cursor()
	for k, _ := results.First(); k != nil; k, _ = results.Next() {
		l.counts.results++
	}
	if err := l.loadPartitions(tx); err != nil {
		return err
	}
	return tx.Bucket(bQuarantine).ForEach(func(k, v []byte) error {
		d := jobs.OpenRecord(v)
		l.quarantine[string(k)] = jobs.Quarantined{Object: string(k), Seq: d.Uint(), Until: d.Time()}
		return d.Err
	})
}

// Path returns the file's path.
func (l *Ledger) Path() string { return l.path }

// Close commits what waits and releases the lock.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.quit)
	l.done.Wait()
	return l.db.Close()
}

// storageError classifies an error of the file.
func storageError(what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, bolterrors.ErrMaxSizeReached) {
		return fmt.Errorf("%s: %w: %w", what, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
