package attachment

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"dispatcher/jobs"
)

// S3Config says where S3 is.
type S3Config struct {
	URL              string
	AccessKey        func() string // blank: the usual credential chain
	SecretKey        func() string
	Region           string
	CAFile           string
	PresignedOrigins []string
	Timeout          time.Duration // of one file, 2m
	Spool            Spool
}

// S3 fetches files by key and by presigned URL.
type S3 struct {
	cfg    S3Config
	core   *minio.Core
	http   *http.Client
	origin *url.URL
}

// NewS3 returns a client that has not talked to anybody yet.
func NewS3(cfg S3Config) (*S3, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("s3 address %q: not an address", cfg.URL)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Minute
	}
	transport, err := newTransport(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds:        credentials.New(&provider{cfg: cfg, chain: chain()}),
		Secure:       u.Scheme == "https",
		Transport:    transport,
		Region:       region(cfg.Region),
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   1, // trying again is the job's business
	})
	if err != nil {
		return nil, fmt.Errorf("s3 address %q: %w", cfg.URL, err)
	}
	return &S3{cfg: cfg, core: core, origin: u, http: &http.Client{Transport: transport, CheckRedirect: stay}}, nil
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

// provider reads the keys anew each time, because files may be rotated.
type provider struct {
	cfg   S3Config
	chain *credentials.Credentials
}

func chain() *credentials.Credentials {
	return credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
}

func (p *provider) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	if p.cfg.AccessKey != nil && p.cfg.AccessKey() != "" {
		return credentials.Value{AccessKeyID: p.cfg.AccessKey(), SecretAccessKey: p.cfg.SecretKey(), SignerType: credentials.SignatureV4}, nil
	}
	return p.chain.GetWithContext(cc)
}

func (p *provider) Retrieve() (credentials.Value, error) { return p.RetrieveWithCredContext(nil) }
func (p *provider) IsExpired() bool                      { return true }

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
	file, err := s.cfg.Spool.take(body)
	if err == nil && info.Size >= 0 && file.Size != info.Size {
		file.Remove()
		return nil, jobs.Transient(0, 0, fmt.Errorf("%s came cut: %d of %d bytes", what, file.Size, info.Size))
	}
	if err = refuse(file, err, what); err != nil {
		return nil, s.classify(ctx, err, what)
	}
	return file, nil
}

// Ping asks whether S3 is there and accepts the access key; a [jobs.HoldError]
// if not.
func (s *S3) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := s.core.BucketExists(ctx, "dispatcher-probe")
	var answer minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && errors.As(err, &answer) && answer.StatusCode < 500 && !refusedKey(answer.Code):
		return nil // it answers: that is all a probe can tell
	}
	return s.hold(err)
}

func (s *S3) hold(err error) error {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && refusedKey(answer.Code) {
		return jobs.Holding(jobs.HoldS3Down, fmt.Errorf("S3 at %s refuses the access key (%s); check S3_ACCESS_KEY and S3_SECRET_KEY", s.origin.Redacted(), answer.Code))
	}
	return jobs.Holding(jobs.HoldS3Down, fmt.Errorf("S3 at %s is away: %w; is S3_URL right?", s.origin.Redacted(), err))
}

// refusedKey reports whether S3 does not know the access key, rather than
// forbidding one object.
func refusedKey(code string) bool {
	switch code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed":
		return true
	}
	return false
}

// classify tells what the message got wrong from what S3 did.
func (s *S3) classify(ctx context.Context, err error, what string) error {
	var failure *jobs.Failure
	if errors.As(err, &failure) {
		return err
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		switch answer.Code {
		case "NoSuchBucket", "NoSuchKey", "InvalidBucketName", "InvalidObjectName":
			return jobs.Fail(jobs.CodeFileMissing, "%s does not exist (%s)", what, answer.Code).WithStatus(answer.StatusCode)
		case "AccessDenied", "AllAccessDisabled":
			return jobs.Fail(jobs.CodeFileMissing, "%s may not be read with this access key (%s)", what, answer.Code).WithStatus(answer.StatusCode)
		}
		if refusedKey(answer.Code) {
			return s.hold(err)
		}
	}
	var invalid minio.ErrorResponse
	if !errors.As(err, &invalid) && isArgument(err) {
		return jobs.Fail(jobs.CodeFileMissing, "%s: %s", what, err)
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	if pingErr := s.Ping(context.WithoutCancel(ctx)); pingErr != nil {
		return pingErr
	}
	return jobs.Transient(answer.StatusCode, 0, fmt.Errorf("fetch %s: %w", what, err))
}

// isArgument reports whether the client itself refused a bucket or key name.
func isArgument(err error) bool {
	code := minio.ToErrorResponse(err).Code
	return code == "InvalidBucketName" || code == "InvalidArgument" || code == "XMinioInvalidObjectName"
}
