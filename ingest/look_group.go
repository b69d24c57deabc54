package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// GroupView is who is in a consumer group.
type GroupView struct {
	State     string
	Members   int
	Strangers []string // members that are no dispatcher of this kind; only a stable group tells
	Lag       int64    // records behind the commits, -1: nothing is committed
}

// Group looks at the members and commits of a group. A coordinator that is just
// being found, as on a fresh cluster, is asked again while ctx allows it.
func (v *View) Group(ctx context.Context, id string, topic Topic) (g GroupView, err error) {
	for {
		g, err = v.group(ctx, id, topic)
		passing := errors.Is(err, kafka.NotCoordinatorForGroup) || errors.Is(err, kafka.GroupCoordinatorNotAvailable) || errors.Is(err, kafka.GroupLoadInProgress)
		if !passing || !pause(ctx, retryFirst) {
			return g, err
		}
	}
}

func (v *View) group(ctx context.Context, id string, topic Topic) (g GroupView, err error) {
	g.Lag = -1
	resp, err := v.links.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{id}})
	if err != nil {
		return g, v.connection.explain(err)
	}
	for _, found := range resp.Groups {
		if found.Error != nil && !errors.Is(found.Error, kafka.GroupIdNotFound) {
			return g, v.connection.explain(found.Error)
		}
		g.State, g.Members = found.GroupState, len(found.Members)
		for _, m := range found.Members {
			var told member
			if found.GroupState == "Stable" && (json.Unmarshal(m.MemberMetadata.UserData, &told) != nil || told.Identity == "") {
				g.Strangers = append(g.Strangers, fmt.Sprintf("%s on %s", m.ClientID, m.ClientHost))
			}
		}
	}
	if len(topic.Partitions) == 0 {
		return g, nil
	}
	g.Lag, err = v.lag(ctx, id, topic)
	return g, err
}

// lag counts the records behind the commits of a group.
func (v *View) lag(ctx context.Context, group string, topic Topic) (lag int64, err error) {
	bounds, err := v.log.bounds(ctx, topic.Name, topic.Partitions)
	if err != nil {
		return -1, v.connection.explain(err)
	}
	commits, err := v.log.commits(ctx, group, topic.Name, topic.Partitions)
	if errors.Is(err, kafka.GroupIdNotFound) {
		return -1, nil
	}
	if err != nil {
		return -1, v.connection.explain(err)
	}
	none := true
	for id, b := range bounds {
		at := commits[id].CommittedOffset
		none = none && at < 0
		lag += b[1] - max(at, b[0])
	}
	if none {
		return -1, nil
	}
	return lag, nil
}
