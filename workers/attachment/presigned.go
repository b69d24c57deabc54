package attachment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"dispatcher/jobs"
)

// FromURL fetches a presigned URL. Only allowed origins are asked, and the
// query, which is a credential, is shown nowhere.
func (s *S3) FromURL(ctx context.Context, raw string) (*File, error) {
	u, err := url.Parse(raw)
	if err != nil || originOf(u) == "" {
		return nil, jobs.Fail(jobs.CodeFileRefused, "file_s3_url is not an http address: send a presigned GET URL")
	}
	origin := originOf(u)
	switch {
	case u.User != nil:
		return nil, jobs.Fail(jobs.CodeFileRefused, "file_s3_url holds a user's name: send a presigned GET URL")
	case !slices.Contains(s.allowed, origin):
		return nil, jobs.Fail(jobs.CodeFileRefused, "file_s3_url points to %s, which is not allowed; add it to S3_PRESIGNED_ORIGINS", origin)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	what := u.Scheme + "://" + u.Host + u.EscapedPath()
	file, status, err := s.fetch(ctx, u, what)
	var failure *jobs.Failure
	var transient *jobs.TransientError
	switch {
	case err == nil || errors.As(err, &failure) || errors.As(err, &transient):
		return file, err
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, ctx.Err()
	}
	return nil, s.suspicious(ctx, origin, status, fmt.Errorf("fetch %s: %w", what, bare(err)))
}

// fetch carries out the request.
func (s *S3) fetch(ctx context.Context, u *url.URL, what string) (file *File, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, 0, jobs.Fail(jobs.CodeFileRefused, "file_s3_url is not an http address: send a presigned GET URL")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if err := urlStatus(resp, what); err != nil {
		return nil, resp.StatusCode, err
	}
	if resp.ContentLength > MaxBytes {
		return nil, 0, refuse(nil, errTooLarge, what)
	}
	file, err = s.cfg.Spool.take(resp.Body)
	if err = refuse(file, err, what); err != nil {
		return nil, 0, err
	}
	return file, 0, nil
}

// stay keeps a fetch on its origin.
func stay(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || originOf(req.URL) != originOf(via[0].URL) {
		return http.ErrUseLastResponse
	}
	req.Header.Del("Referer") // it would repeat the query
	return nil
}

// urlStatus tells what an answer means; an error without a kind leaves it open
// whether the server is there at all.
func urlStatus(resp *http.Response, what string) error {
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
		return nil
	case status >= 500 || status == http.StatusRequestTimeout:
		return fmt.Errorf("HTTP %d", status)
	case status == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0 if it is not a number
		return jobs.Transient(status, time.Duration(seconds)*time.Second, fmt.Errorf("fetch %s: HTTP %d", what, status))
	case status >= 300 && status < 400:
		return jobs.Fail(jobs.CodeFileRefused, "%s redirects elsewhere (HTTP %d): send the address of the file itself", what, status).WithStatus(status)
	case status == http.StatusForbidden:
		return jobs.Fail(jobs.CodeFileMissing, "%s answers HTTP 403: the presigned URL has expired or is not for this object", what).WithStatus(status)
	default:
		return jobs.Fail(jobs.CodeFileMissing, "%s answers HTTP %d", what, status).WithStatus(status)
	}
}
