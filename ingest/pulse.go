package ingest

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go"
)

// pulse keeps the scheduler's right to begin work alive: each heartbeat that the
// coordinator answers proves that nobody else is active for one session timeout
// since it was sent. kafka-go's own heartbeats tell nobody that they were
// answered, and notice only after the fact that they were not.
func (s *session) pulse(ctx context.Context) {
	lapsed := false
	for {
		err := s.vouch(ctx)
		if ctx.Err() == nil && lapsed != (err != nil) {
			lapsed = err != nil
			s.sayPulse(err)
		}
		if !pause(ctx, min(time.Second, s.cfg.SessionTimeout/6)) {
			return
		}
	}
}

// sayPulse is for the log of whoever asks why nothing begins; what stands still
// is said by the membership itself.
func (s *session) sayPulse(err error) {
	if err == nil {
		s.cfg.Log.Debug("the group's coordinator answers")
		return
	}
	s.cfg.Log.Debug("the group's coordinator does not answer a heartbeat: without one no work is begun when the session is over", "error", err)
}

// vouch sends a heartbeat and, when it was answered, lets work begin for as long
// as the broker keeps the session.
func (s *session) vouch(ctx context.Context) error {
	sent := s.cfg.Uptime()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.SessionTimeout)
	defer cancel()
	resp, err := s.links.client.Heartbeat(ctx, &kafka.HeartbeatRequest{
		GroupID: s.cfg.GroupID, GenerationID: s.generation.ID, MemberID: s.generation.MemberID,
	})
	if err == nil {
		err = answered(resp)
	}
	if err == nil {
		s.cfg.Scheduler.Renew(sent + s.cfg.SessionTimeout)
	}
	return err
}

// answered returns the error that an answer carries. kafka-go reads the two
// fields of it in the wrong order (version 1 on: throttle time, 4 bytes, then
// error code, 2): the code is in the lower half of its throttle time.
func answered(resp *kafka.HeartbeatResponse) error {
	if resp.Error != nil {
		return resp.Error
	}
	if code := int16(resp.Throttle.Milliseconds()); code != 0 {
		return kafka.Error(code)
	}
	return nil
}
