package ciso

// Trap is something that a version of the server does otherwise than one
// expects.
type Trap struct {
	What   string
	Broken bool // it cannot be worked around
}

// Traps returns what is known of a version, as [Client.Version] returns it.
func Traps(version string) (list []Trap) {
	for _, t := range []struct {
		from, until [3]int // versions that have it; a zero until: all since
		trap        Trap
	}{
		{until: [3]int{3, 0, 3}, trap: Trap{What: "evidence has no revisions: upload_attachment cannot add a file to one", Broken: true}},
		{until: [3]int{3, 15, 0}, trap: Trap{What: "requirement__urn is ignored as a filter and there are no light lists: more rows are read"}},
		{until: [3]int{3, 15, 6}, trap: Trap{What: "no add_m2m: links are made one object at a time"}},
		{from: [3]int{3, 12, 4}, trap: Trap{What: "upload/ destroys the file of an evidence: revisions are added instead"}},
		{from: [3]int{3, 15, 0}, trap: Trap{What: "requirement__ref_id is ignored as a filter: it is resolved here"}},
	} {
		if !older(version, t.from[0], t.from[1], t.from[2]) && (t.until == [3]int{} || older(version, t.until[0], t.until[1], t.until[2])) {
			list = append(list, t.trap)
		}
	}
	return list
}
