package attachment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
)

// askTimeout bounds the question whether somebody is there.
const askTimeout = 10 * time.Second

// Ping asks those that were found away whether one of them is back, or S3 if
// none was. Its error is a [jobs.HoldError].
func (s *S3) Ping(ctx context.Context) error {
	s.mu.Lock()
	parties := slices.Sorted(maps.Keys(s.away))
	s.mu.Unlock()
	if len(parties) == 0 {
		parties = []string{s.origin}
	}
	var last error
	for _, origin := range parties {
		err := s.ask(ctx, origin)
		if err == nil {
			s.mu.Lock()
			delete(s.away, origin)
			s.mu.Unlock()
			return nil
		}
		last = s.hold(origin, err)
	}
	return last
}

// ask returns why an origin is of no use, nil if it serves. S3 itself is asked
// with the access key and with GET: an answer to HEAD cannot tell a refused key
// from a forbidden bucket.
func (s *S3) ask(ctx context.Context, origin string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if origin != s.origin {
		return s.askPlainly(ctx, origin)
	}
	body, _, _, err := s.core.GetObject(ctx, "dispatcher-probe", "probe", minio.GetObjectOptions{})
	if err == nil {
		return body.Close()
	}
	var answer minio.ErrorResponse
	if ctx.Err() == nil && errors.As(err, &answer) && !passing(answer) && !refusedKey(answer.Code) {
		return nil // it answers: that is all a probe can tell
	}
	return err
}

// askPlainly asks whether a web server is there.
func (s *S3) askPlainly(ctx context.Context, origin string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/", nil)
	if err != nil {
		return err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return bare(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= 500 {
		return fmt.Errorf("it answers HTTP %d", resp.StatusCode)
	}
	return nil
}
