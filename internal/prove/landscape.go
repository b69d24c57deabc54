package main

import (
	"fmt"

	"dispatcher/internal/fakeciso"
)

// Sizes of what messages are about.
const (
	controls     = 8
	grouped      = 3
	requirements = 5
	evidences    = 2
	bucket       = "files"
)

// landscape is what stands in the API before the first message.
type landscape struct {
	control     []string // ids
	group       []string // ids of the controls of one folder
	requirement []string
	evidence    []string
	loose       string // a control that messages without a key write
}

func newLandscape(api *fakeciso.Server) *landscape {
	l := &landscape{}
	control := func(ref, folder string) string {
		fields := map[string]any{"ref_id": ref, "name": "Control " + ref}
		if folder != "" {
			fields["folder"] = folder
		}
		return api.AddControl(fields)
	}
	for i := range controls {
		l.control = append(l.control, control(fmt.Sprint("C", i), ""))
	}
	folder := api.AddFolder("Group", "")
	for i := range grouped {
		l.group = append(l.group, control(fmt.Sprint("G", i), folder))
	}
	l.loose = control("LOOSE", "")
	var refs []string
	for i := range requirements {
		refs = append(refs, fmt.Sprint("A.", i))
	}
	_, byRef := api.AddAudit("AUDIT", api.AddFramework("Framework", refs...), "")
	for _, ref := range refs {
		l.requirement = append(l.requirement, byRef[ref])
	}
	for i := range evidences {
		l.evidence = append(l.evidence, api.AddEvidence(map[string]any{"name": fmt.Sprint("Evidence ", i)}))
	}
	return l
}
