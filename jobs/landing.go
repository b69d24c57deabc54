package jobs

import "strings"

// landing begins the names of rights to create.
const landing = "landing:"

// Landing names the right to create something under the lock of an object. A
// creation that got no answer may still land for as long as its object is in
// quarantine: unlike the object itself, which its own job may write again, this
// right is nobody's until then, or two would be made.
func Landing(object string) string { return landing + object }

// IsLanding reports whether a lock is a [Landing].
func IsLanding(lock string) bool { return strings.HasPrefix(lock, landing) }
