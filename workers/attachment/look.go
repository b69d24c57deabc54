package attachment

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

// Look is what a glance at S3 shows.
type Look struct {
	Origin    string
	Anonymous bool          // there is no access key: only presigned URLs and public buckets work
	Skew      time.Duration // of its clock against ours; 0 if it does not say
}

// Look asks S3 whether it is there and takes the access key. An error is a
// [jobs.HoldError], as a job that needs S3 would get it.
func (s *S3) Look(ctx context.Context) (look Look, err error) {
	look.Origin = s.origin
	keys, err := newProvider(&s.cfg).Retrieve()
	look.Anonymous = err != nil || keys.AccessKeyID == ""
	if look.Skew, err = s.skew(ctx); err != nil {
		return look, s.hold(s.origin, err)
	}
	if err := s.ask(ctx, s.origin); err != nil {
		return look, s.hold(s.origin, err)
	}
	return look, nil
}

// skew compares clocks: a signature is good for 15 minutes.
func (s *S3) skew(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.origin+"/", nil)
	if err != nil {
		return 0, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close()
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, nil // it does not say
	}
	return there.Sub(s.cfg.Clock()).Truncate(time.Second), nil
}

// LookInto tells whether objects of a bucket can be read, by reading one that
// is not there: sure is false if S3 does not let that be told.
func (s *S3) LookInto(ctx context.Context, bucket string) (sure bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	what := "s3://" + bucket
	body, _, _, err := s.core.GetObject(ctx, bucket, "dispatcher-probe", minio.GetObjectOptions{})
	if err == nil {
		return true, body.Close()
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		switch answer.Code {
		case "NoSuchKey":
			return true, nil
		case "AccessDenied", "AllAccessDisabled": // also said of a missing key to those who may not list
			return false, nil
		}
	}
	return true, s.classify(ctx, err, what)
}
