package workers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"dispatcher/jobs"
	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// uploadValues is what an upload_attachment message asks for, checked.
type uploadValues struct {
	selector              ciso.Selector // nil: by name
	leftOut               bool          // ref_id was given beside another key
	name, fileName        string
	folder                string
	description           string
	observation           string
	controls, assessments ciso.Selector // nil: none
	source                fileSource
}

// fileSource is where the file is: exactly one of content, bucket and url.
type fileSource struct {
	content, bucket, key, url string
	empty                     bool // file_content is there, and empty
}

// uploadFields are the values that the message may have.
var uploadFields = []string{
	"file_name", "file_content", "file_s3_bucket", "file_s3_key", "file_s3_url", "applied_controls",
	"requirement_assessments", "name", "folder", "description", "observation",
}

func readUpload(m *jobs.Message) (*uploadValues, error) {
	for _, name := range slices.Sorted(maps.Keys(m.Values)) {
		if !slices.Contains(uploadFields, name) {
			return nil, jobs.Fail(jobs.CodeInvalidMessage, "values.%s is not known%s", name, jobs.Nearest(name, uploadFields))
		}
	}
	r := valueReader{values: m.Values}
	u := &uploadValues{
		name: r.text("name"), fileName: r.text("file_name"), folder: r.text("folder"),
		description: r.text("description"), observation: r.text("observation"),
		controls: r.selector("applied_controls"), assessments: r.selector("requirement_assessments"),
		source: fileSource{content: r.text("file_content"), bucket: r.text("file_s3_bucket"), key: r.text("file_s3_key"), url: r.text("file_s3_url")},
	}
	if r.failure != nil {
		return nil, r.failure
	}
	u.source.empty = m.Values["file_content"] == ""
	if err := u.complete(); err != nil {
		return nil, err
	}
	var err error
	if u.selector, u.leftOut, err = evidenceSelector(m.Selector); err != nil {
		return nil, err
	}
	if err := u.named(); err != nil {
		return nil, err
	}
	return u, attachment.CheckName(u.fileName)
}

// complete checks that there is one source and derives the names.
func (u *uploadValues) complete() error {
	sources := 0
	for _, given := range []string{u.source.content, u.source.bucket, u.source.url} {
		if given != "" {
			sources++
		}
	}
	switch {
	case sources == 0 && u.source.empty:
		return jobs.Fail(jobs.CodeFileRefused, "file_content is empty")
	case sources == 0:
		return jobs.Fail(jobs.CodeInvalidMessage, "the message has no file: give one of file_content, file_s3_bucket or file_s3_url")
	case sources > 1:
		return jobs.Fail(jobs.CodeInvalidMessage, "the message has %d files: give one of file_content, file_s3_bucket or file_s3_url", sources)
	case u.source.key != "" && u.source.bucket == "":
		return jobs.Fail(jobs.CodeInvalidMessage, "file_s3_key without file_s3_bucket: say in which bucket the file is")
	}
	if u.source.bucket != "" && u.source.key == "" {
		u.source.key = u.fileName
	}
	if u.fileName == "" && u.source.key != "" {
		u.fileName = attachment.BaseName(u.source.key)
	}
	if u.fileName == "" {
		return jobs.Fail(jobs.CodeInvalidMessage, "file_name is missing: say what the file is called")
	}
	return nil
}

// maxName is the API's limit of names (core/models.py).
const maxName = 200

// named decides what an evidence without a selector is called.
func (u *uploadValues) named() error {
	if u.name = strings.TrimSpace(u.name); u.name == "" {
		u.name = attachment.BaseName(u.fileName)
	}
	if n := utf8.RuneCountInString(u.name); n > maxName && u.selector == nil {
		return jobs.Fail(jobs.CodeInvalidMessage, "the evidence's name has %d characters, the API takes %d: give a shorter one as values.name", n, maxName)
	}
	return nil
}

// evidenceSelector drops ref_id beside another key: evidence has none, and the
// documented examples of the Python dispatcher send it. Alone it fails as the
// unknown key that it is, and so does a target alone. Exactly one evidence is
// meant, whatever the target.
func evidenceSelector(s map[string]any) (selector ciso.Selector, leftOut bool, err error) {
	if len(s) == 0 {
		return nil, false, nil
	}
	selector = maps.Clone(s)
	target := selector["target"]
	delete(selector, "target")
	if target != nil && target != "single" && target != "multiple" {
		return nil, false, ciso.Selector{"target": target}.Check(ciso.Evidences)
	}
	_, hasRef := selector["ref_id"]
	if leftOut = hasRef && len(selector) > 1; leftOut {
		delete(selector, "ref_id")
	}
	if len(selector) == 0 || hasRef && !leftOut {
		return nil, false, selector.Check(ciso.Evidences)
	}
	return selector, leftOut, nil
}

// fetch gets the file.
func (s fileSource) fetch(ctx context.Context, files Files) (*attachment.File, error) {
	switch {
	case s.content != "":
		return files.FromBase64(s.content)
	case s.bucket != "":
		return files.FromBucket(ctx, s.bucket, s.key)
	}
	return files.FromURL(ctx, s.url)
}

// valueReader reads values of the right kind and keeps the first failure.
type valueReader struct {
	values  map[string]any
	failure error
}

func (r *valueReader) text(name string) string {
	switch v := r.values[name].(type) {
	case nil:
	case string:
		return v
	default:
		r.fail("values.%s must be a text", name)
	}
	return ""
}

func (r *valueReader) selector(name string) ciso.Selector {
	switch v := r.values[name].(type) {
	case nil:
	case map[string]any:
		if len(v) == 0 {
			r.fail("values.%s is empty: say which objects, or leave it out", name)
		}
		return v
	default:
		r.fail("values.%s must be a selector such as {\"ref_id\": \"…\"}", name)
	}
	return nil
}

func (r *valueReader) fail(format, name string) {
	if r.failure == nil {
		r.failure = jobs.Fail(jobs.CodeInvalidMessage, format, name)
	}
}
