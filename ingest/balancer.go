package ingest

import (
	"encoding/json"
	"sync/atomic"

	"github.com/segmentio/kafka-go"
)

// protocolName is the group protocol: a consumer that does not speak it, such
// as the Python dispatcher, is refused by the broker, and refuses us.
const protocolName = "dispatcher-active-v1"

// balancer gives all partitions to one member: the one that has been active
// longest, so that a newcomer never takes over from a healthy process.
type balancer struct {
	identity string
	since    atomic.Int64 // Unix nanoseconds since when this process is active, 0: it is not
}

// member is what the members tell each other.
type member struct {
	Identity string `json:"identity"`
	Since    int64  `json:"active_since"`
}

func (b *balancer) ProtocolName() string { return protocolName }

func (b *balancer) UserData() ([]byte, error) {
	return json.Marshal(member{Identity: b.identity, Since: b.since.Load()})
}

func (b *balancer) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	all := make(kafka.GroupMemberAssignments)
	active := ""
	var best int64
	for _, m := range members {
		all[m.ID] = map[string][]int{}
		var told member
		_ = json.Unmarshal(m.UserData, &told) // whoever says nothing is not active
		switch since := told.Since; {
		case active == "":
			active, best = m.ID, since
		case since > 0 && (best == 0 || since < best):
			active, best = m.ID, since
		case since == best && m.ID < active:
			active = m.ID
		}
	}
	for _, p := range partitions {
		all[active][p.Topic] = append(all[active][p.Topic], p.ID)
	}
	return all
}
