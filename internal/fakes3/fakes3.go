// Package fakes3 is an embedded S3 (gofakes3) for tests and the demo, with what
// that one lacks: it checks the access key, and can be away.
package fakes3

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// The credentials that the server takes.
const (
	AccessKey = "access"
	SecretKey = "secret-key"
)

// Server is a running S3.
type Server struct {
	URL     string
	http    *httptest.Server
	backend *s3mem.Backend
	down    atomic.Bool
}

// Start runs a server with buckets.
func Start(buckets ...string) (*Server, error) {
	s := &Server{backend: s3mem.New()}
	for _, b := range buckets {
		if err := s.backend.CreateBucket(b); err != nil {
			return nil, fmt.Errorf("make bucket %s: %w", b, err)
		}
	}
	inner := gofakes3.New(s.backend).Server()
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.down.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case !knownKey(r):
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>InvalidAccessKeyId</Code><Message>The access key does not exist.</Message></Error>`))
		case expired(r):
			w.WriteHeader(http.StatusForbidden)
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	s.URL = s.http.URL
	return s, nil
}

// knownKey looks at the access key only: gofakes3 checks no signature.
func knownKey(r *http.Request) bool {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, after, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		credential = after
	}
	return strings.HasPrefix(credential, AccessKey+"/")
}

func expired(r *http.Request) bool {
	at, err := time.Parse("20060102T150405Z", r.URL.Query().Get("X-Amz-Date"))
	life, err2 := time.ParseDuration(r.URL.Query().Get("X-Amz-Expires") + "s")
	return err == nil && err2 == nil && time.Now().After(at.Add(life))
}

// Down makes every request answer 503.
func (s *Server) Down(down bool) { s.down.Store(down) }

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// Put stores an object, also while the server is down for others.
func (s *Server) Put(bucket, key string, content []byte) error {
	meta := map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}
	_, err := s.backend.PutObject(bucket, key, meta, bytes.NewReader(content), int64(len(content)), nil)
	return err
}

func (s *Server) client() (*minio.Client, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	return minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""), Region: "us-east-1"})
}

// Presign returns a URL that reads an object for a while.
func (s *Server) Presign(ctx context.Context, bucket, key string, life time.Duration) (string, error) {
	client, err := s.client()
	if err != nil {
		return "", err
	}
	signed, err := client.PresignedGetObject(ctx, bucket, key, life, nil)
	if err != nil {
		return "", err
	}
	return signed.String(), nil
}
