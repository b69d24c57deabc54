package attachment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dispatcher/jobs"
)

// FromURL fetches a presigned URL. Only allowed origins are asked, and the
// query, which is a credential, is shown nowhere.
func (s *S3) FromURL(ctx context.Context, raw string) (*File, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, jobs.Fail(jobs.CodeFileRefused, "file_s3_url is not an http address")
	}
	origin := u.Scheme + "://" + u.Host
	allowed := slices.ContainsFunc(s.cfg.PresignedOrigins, func(o string) bool { return strings.EqualFold(strings.TrimSuffix(o, "/"), origin) })
	if !allowed || u.User != nil {
		return nil, jobs.Fail(jobs.CodeFileRefused, "file_s3_url points to %s, which is not allowed; add it to S3_PRESIGNED_ORIGINS", origin)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	what := origin + u.EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, raw, nil)
	if err != nil {
		return nil, jobs.Fail(jobs.CodeFileRefused, "file_s3_url is not an http address")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, s.urlError(ctx, err, what)
	}
	defer resp.Body.Close()
	if err := urlStatus(resp, what); err != nil {
		return nil, err
	}
	if resp.ContentLength > MaxBytes {
		return nil, refuse(nil, errTooLarge, what)
	}
	file, err := s.cfg.Spool.take(resp.Body)
	if err = refuse(file, err, what); err != nil {
		return nil, s.urlError(ctx, err, what)
	}
	return file, nil
}

// stay keeps a fetch on its origin.
func stay(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || req.URL.Scheme != via[0].URL.Scheme || req.URL.Host != via[0].URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

func urlStatus(resp *http.Response, what string) error {
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return jobs.Transient(resp.StatusCode, 0, fmt.Errorf("fetch %s: HTTP %d", what, resp.StatusCode))
	case resp.StatusCode == http.StatusForbidden:
		return jobs.Fail(jobs.CodeFileMissing, "%s answers HTTP 403: the presigned URL has expired or is not for this object", what).WithStatus(resp.StatusCode)
	}
	return jobs.Fail(jobs.CodeFileMissing, "%s answers HTTP %d", what, resp.StatusCode).WithStatus(resp.StatusCode)
}

// urlError classifies a fetch that broke, without the address that net/http
// puts into its errors.
func (s *S3) urlError(ctx context.Context, err error, what string) error {
	var failure *jobs.Failure
	if errors.As(err, &failure) {
		return err
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if strings.HasPrefix(what, s.origin.Scheme+"://"+s.origin.Host) {
		if pingErr := s.Ping(context.WithoutCancel(ctx)); pingErr != nil {
			return pingErr
		}
	}
	return jobs.Transient(0, 0, fmt.Errorf("fetch %s: %w", what, err))
}
