package attachment

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Config says where S3 is.
type S3Config struct {
	URL              string
	AccessKey        func() string // blank: the usual credential chain
	SecretKey        func() string
	Refresh          func() // reads the keys' files again, when S3 has refused them; may be nil
	Region           string
	CAFile           string
	PresignedOrigins []string
	Timeout          time.Duration // of one file, 2m
	Spool            Spool
	Clock            func() time.Time
}

// S3 fetches files by key and by presigned URL.
type S3 struct {
	cfg     S3Config
	core    *minio.Core
	http    *http.Client
	origin  string   // of cfg.URL
	allowed []string // origins of presigned URLs

	mu   sync.Mutex
	away map[string]bool // origins that did not answer when last asked
}

// NewS3 returns a client that has not talked to anybody yet.
func NewS3(cfg S3Config) (*S3, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || originOf(u) == "" {
		return nil, fmt.Errorf("s3 address %q: not an address such as https://s3.example.org", cfg.URL)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	transport, err := newTransport(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds:        credentials.New(newProvider(&cfg)),
		Secure:       u.Scheme == "https",
		Transport:    onlyS3{transport},
		Region:       region(cfg.Region),
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   1, // trying again is the job's business
	})
	if err != nil {
		return nil, fmt.Errorf("s3 address %q: %w", cfg.URL, err)
	}
	return &S3{
		cfg: cfg, core: core, origin: originOf(u), allowed: origins(cfg.PresignedOrigins),
		http: &http.Client{Transport: transport, CheckRedirect: stay}, away: make(map[string]bool),
	}, nil
}

// region avoids a request for the bucket's location.
func region(given string) string {
	if given == "" {
		return "us-east-1"
	}
	return given
}

func newTransport(caFile string) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	t.DisableCompression = true // the bytes as they are stored
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read S3 CA file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("S3 CA file %s: holds no certificate in PEM", caFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// FromBucket fetches an object.
func (s *S3) FromBucket(ctx context.Context, bucket, key string) (*File, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	what := fmt.Sprintf("s3://%s/%s", bucket, key)
	body, info, _, err := s.core.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, s.classify(ctx, err, what)
	}
	defer body.Close()
	if info.Size > MaxBytes {
		return nil, refuse(nil, errTooLarge, what)
	}
	file, err := s.cfg.Spool.take(body) // net/http reports a body that is cut
	if err = refuse(file, err, what); err != nil {
		return nil, s.classify(ctx, err, what)
	}
	return file, nil
}
