package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"dispatcher/jobs"
)

// partition is what memory holds of one Kafka partition.
type partition struct {
	state jobs.PartitionState
	runs  runs
}

// finish notes that the offsets from…to are finished.
func (c *change) finish(p jobs.Partition, from, to int64) {
	if from > to || p.Topic == "" {
		return
	}
	list := c.finished[p]
	if n := len(list); n > 0 && list[n-1].To+1 == from {
		list[n-1].To = to
		return
	}
	c.finished[p] = append(list, jobs.Interval{From: from, To: to})
}

// partition returns the state of p as this transaction sees it.
func (c *change) partition(l *Ledger, p jobs.Partition) jobs.PartitionState {
	if state, ok := c.states[p]; ok {
		return state
	}
	state, ok := l.Partition(p)
	if !ok {
		state = jobs.PartitionState{Partition: p, Replay: 1, Committed: -1}
	}
	return state
}

// storePartitions writes what the transaction changed of the partitions, and
// returns what memory must hold once it is stored.
func (l *Ledger) storePartitions(c *change) (map[jobs.Partition]*partition, error) {
	fresh := make(map[jobs.Partition]*partition)
	at := func(p jobs.Partition) *partition {
		if fresh[p] == nil {
			l.mu.Lock()
			known := l.partitions[p]
			l.mu.Unlock()
			if known == nil {
				known = &partition{state: jobs.PartitionState{Partition: p, Replay: 1, Committed: -1}}
			}
			fresh[p] = &partition{state: known.state, runs: slices.Clone(known.runs)}
		}
		return fresh[p]
	}
	for p, finished := range c.begun {
		if err := c.clearRuns(p); err != nil {
			return nil, err
		}
		at(p).runs = nil
		c.finished[p] = append(slices.Clone(finished), c.finished[p]...)
	}
	for p, state := range c.states {
		at(p).state = state
		if err := c.bucket(bPartitions).Put(partitionKey(p), encodePartition(&state)); err != nil {
			return nil, err
		}
	}
	for p, list := range c.finished {
		if err := c.addRuns(p, &at(p).runs, list); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

func (c *change) addRuns(p jobs.Partition, r *runs, list []jobs.Interval) error {
	b := c.bucket(bFinished)
	slices.SortFunc(list, func(a, b jobs.Interval) int { return int(max(-1, min(1, a.From-b.From))) })
	for i := 0; i < len(list); i++ {
		iv := list[i]
		for i+1 < len(list) && list[i+1].From <= iv.To+1 {
			i++
			iv.To = max(iv.To, list[i].To)
		}
		gone, merged := r.add(iv)
		for _, from := range gone {
			if from == merged.From {
				continue
			}
			if err := b.Delete(runKey(p, from)); err != nil {
				return err
			}
		}
		if err := b.Put(runKey(p, merged.From), key64(uint64(merged.To))); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) clearRuns(p jobs.Partition) error {
	prefix := runPrefix(p)
	cursor := c.bucket(bFinished).Cursor()
	for k, _ := cursor.Seek(prefix); hasPrefix(k, prefix); k, _ = cursor.Seek(prefix) {
		if err := cursor.Delete(); err != nil {
			return err
		}
	}
	return nil
}

func partitionKey(p jobs.Partition) []byte { return []byte(p.Topic + "\x00" + strconv.Itoa(int(p.ID))) }

func runPrefix(p jobs.Partition) []byte { return append(partitionKey(p), 0) }

// runKey orders runs by their first offset, which may be -1.
func runKey(p jobs.Partition, from int64) []byte {
	return binary.BigEndian.AppendUint64(runPrefix(p), uint64(from+1))
}

func encodePartition(s *jobs.PartitionState) []byte {
	var e jobs.Encoder
	e.Int(s.Cursor)
	e.Int(int64(s.Replay))
	e.Uint(s.StreamSeq)
	e.Int(s.Committed)
	e.Int(s.Expired)
	if s.Last != nil {
		e.Int(s.Last.Offset)
		e.Time(s.Last.Timestamp)
		e.Bytes(s.Last.Hash[:])
	}
	e.Seal(0)
	return e.B
}

func decodePartition(p jobs.Partition, raw []byte) (s jobs.PartitionState, err error) {
	d := jobs.OpenRecord(raw)
	s = jobs.PartitionState{
		Partition: p, Cursor: d.Int(), Replay: int(d.Int()), StreamSeq: d.Uint(), Committed: d.Int(), Expired: d.Int(),
	}
	if d.More() {
		s.Last = &jobs.Mark{Offset: d.Int(), Timestamp: d.Time()}
		copy(s.Last.Hash[:], d.Bytes())
	}
	if d.Err != nil {
		return s, fmt.Errorf("partition %s: %w", p, ErrDamaged)
	}
	return s, nil
}

func (l *Ledger) loadPartitions(tx *bolt.Tx) error {
	err := tx.Bucket(bPartitions).ForEach(func(k, v []byte) error {
		topic, number, _ := strings.Cut(string(k), "\x00")
		id, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("partition %q: %w", k, ErrDamaged)
		}
		p := jobs.Partition{Topic: topic, ID: int32(id)}
		state, err := decodePartition(p, v)
		l.partitions[p] = &partition{state: state}
		return err
	})
	if err != nil {
		return err
	}
	for p, part := range l.partitions {
		prefix := runPrefix(p)
		cursor := tx.Bucket(bFinished).Cursor()
		for k, v := cursor.Seek(prefix); hasPrefix(k, prefix); k, v = cursor.Next() {
			from := int64(binary.BigEndian.Uint64(k[len(prefix):])) - 1
			part.runs = append(part.runs, jobs.Interval{From: from, To: int64(binary.BigEndian.Uint64(v))})
		}
	}
	return nil
}

// Partition returns what is known of p.
func (l *Ledger) Partition(p jobs.Partition) (jobs.PartitionState, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	part := l.partitions[p]
	if part == nil {
		return jobs.PartitionState{}, false
	}
	return part.state, true
}

// Partitions returns all partitions that were ever read.
func (l *Ledger) Partitions() (list []jobs.PartitionState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, part := range l.partitions {
		list = append(list, part.state)
	}
	slices.SortFunc(list, func(a, b jobs.PartitionState) int {
		if a.Topic != b.Topic {
			return strings.Compare(a.Topic, b.Topic)
		}
		return int(a.ID - b.ID)
	})
	return list
}

// Begin starts a partition (again) at from: everything below, and the given
// runs, count as finished; what was known of its log is forgotten.
func (l *Ledger) Begin(ctx context.Context, p jobs.Partition, from int64, replay int, finished []jobs.Interval) error {
	return l.write(ctx, "begin "+p.String(), func(c *change) error {
		former := c.partition(l, p)
		c.states[p] = jobs.PartitionState{
			Partition: p, Cursor: from, Replay: max(replay, 1), Committed: -1, StreamSeq: former.StreamSeq, Expired: former.Expired,
		}
		c.begun[p] = append([]jobs.Interval{{From: -1, To: from - 1}}, finished...)
		return nil
	}, nil)
}

// Skip moves the cursor over offsets that Kafka does not hold (any more).
func (l *Ledger) Skip(ctx context.Context, p jobs.Partition, next, expired int64) error {
	return l.write(ctx, "skip in "+p.String(), func(c *change) error {
		state := c.partition(l, p)
		if next > state.Cursor {
			c.finish(p, state.Cursor, next-1)
			state.Cursor = next
		}
		state.Expired += expired
		c.states[p] = state
		return nil
	}, nil)
}

// Finish counts offsets as finished that another process has finished.
func (l *Ledger) Finish(ctx context.Context, p jobs.Partition, finished []jobs.Interval) error {
	return l.write(ctx, "finish offsets of "+p.String(), func(c *change) error {
		for _, iv := range finished {
			c.finish(p, iv.From, iv.To)
		}
		return nil
	}, nil)
}

// Watermark returns the lowest offset that is not finished (the cursor, if all
// are), and the finished runs above it.
func (l *Ledger) Watermark(p jobs.Partition) (low int64, above []jobs.Interval) {
	l.mu.Lock()
	defer l.mu.Unlock()
	part := l.partitions[p]
	if part == nil {
		return 0, nil
	}
	return part.runs.low(), part.runs.above()
}

// Committed remembers the offset that was committed to Kafka. It rides with the
// next commit of the ledger.
func (l *Ledger) Committed(_ context.Context, p jobs.Partition, offset int64) error {
	return l.enqueue("note commit", func(c *change) error {
		state := c.partition(l, p)
		state.Committed = offset
		c.states[p] = state
		return nil
	})
}

// Identity returns the random name of this ledger.
func (l *Ledger) Identity() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.identity
}

// CommitCounter returns the number of the last commit to Kafka.
func (l *Ledger) CommitCounter() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counter
}

// SetCommitCounter stores the number of a commit before it is sent.
func (l *Ledger) SetCommitCounter(ctx context.Context, n uint64) error {
	return l.write(ctx, "set commit counter", func(c *change) error {
		return c.bucket(bMeta).Put([]byte("counter"), key64(n))
	}, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.counter = n
	})
}

// SetIdentity gives the ledger a new name: it turned out to be a copy.
func (l *Ledger) SetIdentity(ctx context.Context, id string) error {
	return l.write(ctx, "set identity", func(c *change) error {
		return c.bucket(bMeta).Put([]byte("identity"), []byte(id))
	}, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.identity = id
	})
}

// MetaGet returns a small value, nil if there is none.
func (l *Ledger) MetaGet(name string) (value []byte) {
	_ = l.db.View(func(tx *bolt.Tx) error {
		value = append(value, tx.Bucket(bMeta).Get([]byte("x-"+name))...)
		return nil
	})
	return value
}

// MetaSet stores a small value.
func (l *Ledger) MetaSet(ctx context.Context, name string, value []byte) error {
	return l.write(ctx, "set "+name, func(c *change) error {
		return c.bucket(bMeta).Put([]byte("x-"+name), value)
	}, nil)
}

// Quarantine returns the objects that only their own job may write for now.
func (l *Ledger) Quarantine() (list []jobs.Quarantined) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.quarantine {
		if q.Until.After(l.clock().Add(-time.Second)) {
			list = append(list, q)
		}
	}
	return list
}

// SetQuarantine adds objects to the quarantine and takes others out.
func (l *Ledger) SetQuarantine(ctx context.Context, add []jobs.Quarantined, removeObjects []string) error {
	return l.write(ctx, "set quarantine", func(c *change) error {
		b := c.bucket(bQuarantine)
		for _, q := range add {
			var e jobs.Encoder
			e.Uint(q.Seq)
			e.Time(q.Until)
			e.Seal(0)
			if err := b.Put([]byte(q.Object), e.B); err != nil {
				return err
			}
		}
		for _, name := range removeObjects {
			if err := b.Delete([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	}, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, q := range add {
			l.quarantine[q.Object] = q
		}
		for _, name := range removeObjects {
			delete(l.quarantine, name)
		}
	})
}
