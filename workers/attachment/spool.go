package attachment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dispatcher/jobs"
)

// MaxBytes is the largest file that the API takes (ATTACHMENT_MAX_SIZE_MB, decimal).
const MaxBytes = 50_000_000

// Spool is the directory of fetched files.
type Spool struct{ Dir string }

// Sweep makes the directory and removes what a former process left.
func (s Spool) Sweep() error {
	if err := os.RemoveAll(s.Dir); err != nil {
		return fmt.Errorf("sweep spool: %w", err)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("make spool: %w", err)
	}
	return nil
}

// File is a fetched file.
type File struct {
	Path   string
	Size   int64
	SHA256 string // hex
}

// Open opens the file for reading.
func (f *File) Open() (io.ReadCloser, error) { return os.Open(f.Path) }

// Remove deletes the file. A nil File has nothing to delete.
func (f *File) Remove() {
	if f != nil {
		_ = os.Remove(f.Path) // what stays is swept at the next start
	}
}

// errTooLarge says that a source yields more than MaxBytes.
var errTooLarge = errors.New("too large")

// take copies a source into a new file. Errors of the source come back as they
// are.
func (s Spool) take(source io.Reader) (file *File, err error) {
	out, err := s.create()
	if err != nil {
		return nil, fmt.Errorf("spool file: %w", err)
	}
	defer func() {
		if closeErr := out.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("spool file: %w", closeErr)
		}
		if err != nil {
			_ = os.Remove(out.Name())
			file = nil
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(source, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if n > MaxBytes {
		return nil, errTooLarge
	}
	return &File{Path: filepath.Clean(out.Name()), Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// create makes a new file of mode 0600, and the directory if somebody tidied it
// away.
func (s Spool) create() (*os.File, error) {
	out, err := os.CreateTemp(s.Dir, "file-*")
	if !errors.Is(err, os.ErrNotExist) {
		return out, err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	return os.CreateTemp(s.Dir, "file-*")
}

// refuse words what is wrong with a file whatever its source; nil if nothing is.
func refuse(file *File, err error, what string) error {
	switch {
	case errors.Is(err, errTooLarge):
		return jobs.Fail(jobs.CodeFileRefused, "%s has more than %d bytes, which is all that CISO Assistant takes", what, MaxBytes)
	case err == nil && file.Size == 0:
		file.Remove()
		return jobs.Fail(jobs.CodeFileRefused, "%s is empty", what)
	}
	return err
}
