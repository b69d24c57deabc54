package ciso

import (
	"context"
	"net/http"
	"time"

	"dispatcher/internal/anyjson"
)

// maxJSONBody is the API's limit of a JSON body (DATA_UPLOAD_MAX_MEMORY_SIZE).
const maxJSONBody = 2_621_440

// request is one HTTP request in the making.
type request struct {
	method  string
	path    string // below the base, with its slash at the end
	query   string
	body    any // JSON; nil: none
	file    *multipartBody
	object  string   // "resource/id" that a write concerns
	want    []string // members of rows to decode; nil: all
	timeout time.Duration
	plain   bool // without a token, and without a second try after 401
	base    string
}

func (r *request) writes() bool { return r.method != http.MethodGet }

// probes reports whether r asks only whether somebody is there: such a request
// must not wait behind those that hang.
func (r *request) probes() bool { return r.plain || r.path == "/build/" }

// key tells requests apart that are about different objects.
func (r *request) key() string {
	if r.object != "" {
		return r.object
	}
	return r.path + "?" + r.query
}

// encode writes JSON without the escapes that make HTML-like text longer.
func encode(v any) ([]byte, error) { return anyjson.Append(nil, v) }

// jobKey is the context key of the job id.
type jobKey struct{}

// maxCorrelation keeps the id within what the audit log stores.
const maxCorrelation = 250

// WithJob returns a context whose requests carry the job's id, so that the
// API's audit log names it (core/custom_middleware.py).
func WithJob(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, jobKey{}, id[:min(len(id), maxCorrelation)])
}

func jobID(ctx context.Context) string {
	id, _ := ctx.Value(jobKey{}).(string)
	return id
}
