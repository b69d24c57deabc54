package ciso

// Key is a selector key, for those who describe messages.
type Key struct {
	Many   bool // a list means any of its values
	Own    bool // the object's own id, which holds no comma
	Bool   bool // true or false in one of the API's spellings
	Hidden bool // accepted only if the connected server lists it
}

// Keys returns the selector keys of a resource.
func Keys(resource Resource) map[string]Key {
	keys := make(map[string]Key)
	for name, f := range filters(resource) {
		keys[name] = Key{Many: f.kind.many(), Own: f.kind == ownID, Bool: f.kind == boolKind, Hidden: f.sees == nil}
	}
	return keys
}

// BoolSpellings are the texts that the API takes for a boolean; anything else
// it ignores.
func BoolSpellings() []string { return []string{"true", "True", "1", "false", "False", "0"} }
