package schedule

import "slices"

// sortedNames returns the distinct names in order.
func sortedNames(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// mergeObjects appends to known those that are new, in order.
func mergeObjects(known, more []string) []string {
	for _, id := range more {
		if !slices.Contains(known, id) {
			known = append(known, id)
		}
	}
	return known
}
