package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/jobs"
)

// pulse keeps the scheduler's right to begin work alive: each heartbeat that the
// coordinator answers proves that nobody else is active for one session timeout
// since it was sent. kafka-go's own heartbeats tell nobody that they were
// answered, and notice only after the fact that they were not.
func (s *session) pulse(ctx context.Context) {
	vouched := s.cfg.Uptime()
	for {
		began := s.cfg.Uptime()
		switch err := s.vouch(ctx); {
		case err == nil:
			vouched = began
			s.cfg.Holds.ClearHold(jobs.HoldKafkaDown, "all")
		case ctx.Err() == nil && s.cfg.Uptime()-vouched > s.cfg.SessionTimeout:
			s.hold(fmt.Errorf("no heartbeat was answered for longer than the session lasts, so no work is begun: %w", err))
		}
		if !pause(ctx, min(time.Second, s.cfg.SessionTimeout/6)) {
			return
		}
	}
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
