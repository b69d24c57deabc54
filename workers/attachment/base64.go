package attachment

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"dispatcher/jobs"
)

// FromBase64 decodes a text: standard or URL-safe, padding and line breaks
// tolerated. Nothing but the text itself is held in memory.
func (s Spool) FromBase64(text string) (*File, error) {
	source := base64.NewDecoder(base64.RawStdEncoding, &plain{r: strings.NewReader(text)})
	file, err := s.take(source)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, jobs.Fail(jobs.CodeFileRefused, "file_content is not base64: send the file's bytes in base64")
	}
	if err = refuse(file, err, "file_content"); err != nil {
		return nil, err
	}
	return file, nil
}

// plain turns every spelling of base64 into the standard one without padding.
// Padding ends it: two encoded texts behind one another do not decode to one.
type plain struct {
	r     io.Reader
	ended bool
}

// Read implements [io.Reader].
func (p *plain) Read(b []byte) (int, error) {
	for {
		n, err := p.r.Read(b)
		kept := 0
		for _, c := range b[:n] {
			switch c {
			case ' ', '\n', '\r', '\t':
				continue
			case '=':
				p.ended = true
				continue
			case '-':
				c = '+'
			case '_':
				c = '/'
			}
			if p.ended {
				return kept, base64.CorruptInputError(0)
			}
			b[kept] = c
			kept++
		}
		if kept > 0 || err != nil {
			return kept, err
		}
	}
}
