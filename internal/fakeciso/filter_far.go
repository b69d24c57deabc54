package fakeciso

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// step is one field on the way to another object.
type step struct{ field, kind string }

var (
	toAudit     = step{"compliance_assessment", "compliance-assessments"}
	toNode      = step{"requirement", "requirement-nodes"}
	toFolder    = step{"folder", "folders"}
	toPerimeter = step{"perimeter", "perimeters"}
)

// farTexts are the filters on a text of an object that the fields lead to.
var farTexts = map[string]struct {
	way []step
	of  string
}{
	"compliance_assessment__ref_id":          {[]step{toAudit}, "ref_id"},
	"compliance_assessment__perimeter__name": {[]step{toAudit, toPerimeter}, "name"},
	"requirement__urn":                       {[]step{toNode}, "urn"},
	"requirement__ref_id":                    {[]step{toNode}, "ref_id"},
	"folder__name":                           {[]step{toFolder}, "name"},
}

// farFilter returns the filters that look at other objects.
func farFilter(name string) (f filterSpec, ok bool) {
	if text, is := farTexts[name]; is {
		return filterSpec{match: func(c *call, o *object, v []string) bool {
			for _, s := range text.way {
				if o = c.objects[s.kind][fmt.Sprint(o.fields[s.field])]; o == nil {
					return false
				}
			}
			return o.fields[text.of] == strings.TrimSpace(v[len(v)-1])
		}}, true
	}
	switch name {
	case "compliance_assessment__perimeter":
		return filterSpec{check: checkRelated("perimeters"), match: func(c *call, o *object, v []string) bool {
			ca := c.objects["compliance-assessments"][fmt.Sprint(o.fields["compliance_assessment"])]
			return ca != nil && slices.Contains(v, fmt.Sprint(ca.fields["perimeter"]))
		}}, true
	case "compliance_assessments": // those whose requirements the control is linked to
		return filterSpec{check: checkRelated("compliance-assessments"), match: func(c *call, o *object, v []string) bool {
			return slices.ContainsFunc(asList(o.fields["requirement_assessments"]), func(id any) bool {
				ra := c.objects["requirement-assessments"][fmt.Sprint(id)]
				return ra != nil && slices.Contains(v, fmt.Sprint(ra.fields["compliance_assessment"]))
			})
		}}, true
	case "requirement__assessable":
		return boolFilter(func(c *call, o *object) bool {
			node := c.objects["requirement-nodes"][fmt.Sprint(o.fields["requirement"])]
			return node != nil && node.fields["assessable"] == true
		}), true
	case "linked_models", "compliance_assessment__assets__ref_id": // nothing is linked, there are no assets
		return filterSpec{match: func(*call, *object, []string) bool { return false }}, true
	case "eta__year":
		return partOfDate(0, 4), true
	case "eta__month":
		return partOfDate(5, 7), true
	}
	return f, false
}

// partOfDate compares a number in the eta, YYYY-MM-DD.
func partOfDate(from, to int) filterSpec {
	return filterSpec{match: func(_ *call, o *object, v []string) bool {
		date, _ := o.fields["eta"].(string)
		if len(date) < to {
			return false
		}
		have, _ := strconv.Atoi(date[from:to])
		want, err := strconv.Atoi(v[len(v)-1])
		return err == nil && have == want
	}}
}
