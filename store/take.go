package store

import (
	"context"
	"encoding/binary"

	"dispatcher/jobs"
)

// Take stores the jobs of a batch and its cursor in one transaction and gives
// each new job its sequence. Jobs that were born failed go to the outbox.
func (l *Ledger) Take(ctx context.Context, in jobs.Intake) ([]jobs.TakeResult, error) {
	results := make([]jobs.TakeResult, len(in.Jobs))
	seqs := make([]uint64, len(in.Jobs))
	err := l.write(ctx, "take jobs", func(c *change) error {
		var unfinished []int64
		for i, job := range in.Jobs {
			seq, result, open, err := c.takeOne(job, payloadAt(in.Payloads, i))
			if err != nil {
				return err
			}
			if in.Audits != nil && result == jobs.Taken {
				if err := c.putAudit(seq, &in.Audits[i]); err != nil {
					return err
				}
			}
			seqs[i], results[i] = seq, result
			if open {
				unfinished = append(unfinished, job.Source.Offset)
			}
		}
		return l.advance(c, in, unfinished)
	}, func() {
		for i, job := range in.Jobs {
			job.Seq = seqs[i]
		}
	})
	return results, err
}

func payloadAt(payloads [][]byte, i int) []byte {
	if payloads == nil {
		return nil
	}
	return payloads[i]
}

// takeOne stores one job. open says that its offset is not finished.
func (c *change) takeOne(job *jobs.Job, payload []byte) (seq uint64, result jobs.TakeResult, open bool, err error) {
	id := []byte(job.ID)
	if _, known, ok := c.find(bIDs, id); ok {
		seq = binary.BigEndian.Uint64(known)
		result, open, err = c.takeKnown(seq, job)
		return seq, result, open, err
	}
	opened := c.bucket(bOpen)
	if seq, err = opened.NextSequence(); err != nil {
		return 0, 0, false, err
	}
	if err = c.bucket(bIDs).Put(id, key64(seq)); err != nil {
		return 0, 0, false, err
	}
	if err = c.noteReplay(job); err != nil {
		return 0, 0, false, err
	}
	c.counts.add(job, 1)
	if job.State.Ended() {
		stored := *job
		stored.Seq = seq
		return seq, jobs.Taken, job.State == jobs.Failed, c.putEnded(jobs.Ending{Job: stored, Payload: payload})
	}
	return seq, jobs.Taken, true, opened.Put(key64(seq), encodeJob(job, nil))
}

// takeKnown is for a job that is here already: an ended one is a duplicate, an
// unfinished one has its payload again.
func (c *change) takeKnown(seq uint64, job *jobs.Job) (jobs.TakeResult, bool, error) {
	raw := c.bucket(bOpen).Get(key64(seq))
	if raw == nil {
		pending := c.queued(bOutbox, key64(seq))
		return jobs.Duplicate, pending, nil
	}
	stored, _, err := decodeJob(seq, raw)
	if err != nil {
		return 0, false, err
	}
	stored.StreamSeq = job.StreamSeq
	return jobs.Reattached, true, c.bucket(bOpen).Put(key64(seq), encodeJob(&stored, nil))
}

// advance moves the partition's cursor and counts as finished the offsets of
// the batch that are no unfinished job.
func (l *Ledger) advance(c *change, in jobs.Intake, unfinished []int64) error {
	state := c.partition(l, in.Partition)
	if in.Partition.Topic == "" { // submitted messages have no offsets
		state.StreamSeq = max(state.StreamSeq, in.StreamSeq)
		c.states[in.Partition] = state
		return nil
	}
	if in.Next > state.Cursor {
		state.Cursor = in.Next
	}
	if in.Mark != nil {
		state.Last = in.Mark
	}
	if in.StreamSeq != 0 {
		state.StreamSeq = in.StreamSeq
	}
	c.states[in.Partition] = state
	from := in.From
	for _, offset := range unfinished { // ascending, as the jobs are
		c.finish(in.Partition, from, offset-1)
		from = offset + 1
	}
	c.finish(in.Partition, from, in.Next-1)
	return nil
}
