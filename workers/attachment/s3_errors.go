package attachment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"

	"dispatcher/jobs"
)

// refusedKey reports whether S3 does not accept the access key, or how requests
// are signed with it, rather than forbidding one object.
func refusedKey(code string) bool {
	switch code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidSecurity",
		"RequestTimeTooSkewed", "AuthorizationHeaderMalformed", "InvalidRegion", "NotSignedUp", "AccountProblem":
		return true
	}
	return false
}

// passing reports whether an answer of S3 may be another one the next time.
func passing(answer minio.ErrorResponse) bool {
	switch answer.StatusCode {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	switch answer.Code {
	case "RequestTimeout", "SlowDown", "SlowDownRead", "OperationAborted":
		return true
	}
	return answer.StatusCode >= 500
}

// classify tells what the message got wrong from what S3 did.
func (s *S3) classify(ctx context.Context, err error, what string) error {
	var failure *jobs.Failure
	var stranger *strangerError
	var answer minio.ErrorResponse
	switch {
	case errors.As(err, &failure):
		return err
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err()
	case errors.As(err, &stranger):
		return s.hold(s.origin, err)
	case errors.As(err, &answer) && refusedKey(answer.Code):
		return s.hold(s.origin, err)
	case errors.As(err, &answer) && !passing(answer):
		return missing(answer, what)
	}
	return s.suspicious(ctx, s.origin, answer.StatusCode, fmt.Errorf("fetch %s: %w", what, bare(err)))
}

// missing words an object that S3 does not give.
func missing(answer minio.ErrorResponse, what string) error {
	switch answer.Code {
	case "NoSuchBucket", "NoSuchKey":
		return jobs.Fail(jobs.CodeFileMissing, "%s does not exist (%s)", what, answer.Code).WithStatus(answer.StatusCode)
	case "AccessDenied", "AllAccessDisabled":
		return jobs.Fail(jobs.CodeFileMissing, "%s may not be read with this access key, or without one (%s)", what, answer.Code).WithStatus(answer.StatusCode)
	}
	return jobs.Fail(jobs.CodeFileMissing, "%s cannot be read: %s", what, bare(answer)).WithStatus(answer.StatusCode)
}

// bare words an error on one line, without the address that net/http puts into
// its errors (the query may be a credential) and without a proxy's page.
func bare(err error) error {
	var answer minio.ErrorResponse
	var wrapped *url.Error
	switch {
	case errors.As(err, &answer):
		return errors.New(cut(strings.Join(strings.Fields(answer.Code+" "+answer.Message), " "), 200))
	case errors.As(err, &wrapped):
		return wrapped.Err
	}
	return err
}

// hold marks an origin as away, until [S3.Ping] finds it back.
func (s *S3) hold(origin string, err error) error {
	s.mu.Lock()
	s.away[origin] = true
	s.mu.Unlock()
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && refusedKey(answer.Code) {
		if s.cfg.Refresh != nil {
			s.cfg.Refresh()
		}
		err = fmt.Errorf("S3 at %s refuses the access key: %w; check S3_ACCESS_KEY, S3_SECRET_KEY, S3_REGION and the clock", origin, bare(err))
	} else {
		err = fmt.Errorf("S3 at %s is away: %w; is S3_URL right?", origin, bare(err))
	}
	return jobs.Holding(jobs.HoldS3Down, err)
}

// suspicious asks whether an origin that did not serve one file is there at
// all: if not nobody's attempt is spent.
func (s *S3) suspicious(ctx context.Context, origin string, status int, err error) error {
	if awayErr := s.ask(context.WithoutCancel(ctx), origin); awayErr != nil {
		return s.hold(origin, awayErr)
	}
	return jobs.Transient(status, 0, err)
}

// onlyS3 lets through what S3 answers, and makes an error of refusals by
// somebody else: a proxy's 404 must not tell that a file is missing.
type onlyS3 struct{ http.RoundTripper }

// strangerError is a refusal that is not S3's.
type strangerError struct{ status string }

func (e *strangerError) Error() string { return e.status + " and a page that is not S3's" }

// RoundTrip implements [http.RoundTripper].
func (t onlyS3) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode < 300 || resp.StatusCode >= 500 || r.Method == http.MethodHead {
		return resp, err
	}
	h := resp.Header
	if h.Get("x-amz-request-id") != "" || h.Get("x-minio-error-code") != "" || strings.Contains(h.Get("Content-Type"), "xml") {
		return resp, nil
	}
	_ = resp.Body.Close()
	return nil, &strangerError{resp.Status}
}
