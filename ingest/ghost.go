package ingest

import (
	"context"
	"crypto/rand"
	"log/slog"

	"github.com/segmentio/kafka-go"
)

// remember keeps the member id, so that the next process can make its ghost
// leave instead of waiting for the session timeout.
func (g *Group) remember(ctx context.Context, member string) error {
	return g.cfg.Ledger.MetaSet(ctx, memberKey, []byte(member))
}

const memberKey = "kafka-member"

// placeKey is where the ledger remembers which directory it lives in.
const placeKey = "place"

// CheckPlace recognises a ledger that was copied from another directory: place
// names the one that it is in now. The lock of a copy proves nothing about the
// process of its original, whose membership and name it must not use.
func CheckPlace(ctx context.Context, ledger Ledger, place string, log *slog.Logger) error {
	known := string(ledger.MetaGet(placeKey))
	if known == place {
		return nil
	}
	if known != "" {
		if err := renounce(ctx, ledger, log); err != nil {
			return err
		}
	}
	return ledger.MetaSet(ctx, placeKey, []byte(place))
}

// renounce gives a copy a name of its own.
func renounce(ctx context.Context, ledger Ledger, log *slog.Logger) error {
	log.Warn("this data directory is a copy or an old backup: it works on under a new identity")
	if err := ledger.SetIdentity(ctx, rand.Text()); err != nil {
		return err
	}
	return ledger.MetaSet(ctx, memberKey, nil)
}

// leaveGhost makes our own former membership leave: the data directory's lock
// proves that its process is gone. The membership of a copy's original is alive,
// and left alone: [CheckPlace] knows copies by their place, the commits know those
// that have the same (a cloned disk).
func (g *Group) leaveGhost(ctx context.Context, ids []int32) error {
	if len(g.cfg.Ledger.MetaGet(memberKey)) == 0 {
		return nil
	}
	commits, err := g.log.commits(ctx, g.cfg.GroupID, g.cfg.Topic, ids)
	if err != nil {
		return err
	}
	if !isCopy(g.cfg.Ledger, commits) {
		g.leave()
		return nil
	}
	return renounce(ctx, g.cfg.Ledger, g.cfg.Log)
}

// isCopy recognises commits under the ledger's name that it has never made.
func isCopy(ledger Ledger, commits map[int32]kafka.OffsetFetchPartition) bool {
	for _, c := range commits {
		m, ours := decodeMetadata(c.Metadata, c.CommittedOffset)
		if ours && m.identity == ledger.Identity() && m.counter > ledger.CommitCounter() {
			return true
		}
	}
	return false
}

// leave makes a former membership of this data directory leave the group.
func (g *Group) leave() {
	member := string(g.cfg.Ledger.MetaGet(memberKey))
	if member == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_, err := g.links.client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{
		GroupID: g.cfg.GroupID, Members: []kafka.LeaveGroupRequestMember{{ID: member}},
	})
	if err != nil {
		g.cfg.Log.Debug("former membership does not leave", "member", member, "error", err)
		return
	}
	_ = g.cfg.Ledger.MetaSet(ctx, memberKey, nil) // at worst it is left once more
}
