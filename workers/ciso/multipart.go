package ciso

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// File is a file to send. Open is called once per try, so that its bytes are
// never held in memory.
type File struct {
	Name string // ASCII, without quotes
	Size int64
	Open func() (io.ReadCloser, error)
}

// multipartBody is a form with one file whose length is known beforehand: the
// API reads a body without one as empty.
type multipartBody struct {
	head, tail []byte
	kind       string
	file       File
}

func newMultipart(fields [][2]string, name string, file File) *multipartBody {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		_ = w.WriteField(f[0], f[1]) // a buffer takes everything
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename="%s"`, name, strings.NewReplacer(`"`, "", `\`, "", "\r", "", "\n", "").Replace(file.Name)))
	h.Set("Content-Type", "application/octet-stream")
	_, _ = w.CreatePart(h)
	head := bytes.Clone(b.Bytes())
	_ = w.Close()
	return &multipartBody{head: head, tail: bytes.Clone(b.Bytes()[len(head):]), kind: w.FormDataContentType(), file: file}
}

func (m *multipartBody) length() int64 {
	return int64(len(m.head)) + m.file.Size + int64(len(m.tail))
}

func (m *multipartBody) contentType() string { return m.kind }

// open returns the body, which closes the file when it is closed.
func (m *multipartBody) open() (io.ReadCloser, error) {
	f, err := m.file.Open()
	if err != nil {
		return nil, fmt.Errorf("open file to upload: %w", err)
	}
	return &joined{Reader: io.MultiReader(bytes.NewReader(m.head), &exactly{f, m.file.Size}, bytes.NewReader(m.tail)), Closer: f}, nil
}

type joined struct {
	io.Reader
	io.Closer
}

// exactly reads as many bytes as were announced: a file that has become shorter
// must not be followed by the form's end, which would make it look whole.
type exactly struct {
	file io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.file.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		return n, fmt.Errorf("file to upload is %d bytes shorter than it was: %w", e.left, io.ErrUnexpectedEOF)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
