package join

import (
	"fmt"
	"regexp"
	"time"
)

// Role is what a credential is for.
type Role string

const (
	Worker   Role = "worker"   // claims jobs and reports on them
	Operator Role = "operator" // looks at jobs and steers them
)

// Subjects that those who come from other hosts may send to: each is followed by
// their public key and the name of a request.
const (
	WorkSubject    = "dispatcher.work"
	OperateSubject = "dispatcher.operate"
)

// Credential is somebody who may come from another host.
type Credential struct {
	Name   string    `json:"name"`
	Role   Role      `json:"role"`
	Public string    `json:"public_key"`
	MadeAt time.Time `json:"made_at"`
}

// Rights are the subjects that somebody may send to and listen on, nothing else.
type Rights struct{ Publish, Subscribe []string }

// Rights returns what the role of the credential allows.
func (c Credential) Rights() Rights {
	subject := WorkSubject
	if c.Role == Operator {
		subject = OperateSubject
	}
	return Rights{Publish: []string{subject + "." + c.Public + ".*"}, Subscribe: []string{InboxPrefix(c.Public) + ".>"}}
}

// InboxPrefix is where the answers to a credential go.
func InboxPrefix(public string) string { return "_INBOX." + public }

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName refuses a name that could be mistaken for something else.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%w %q: use letters, digits, . _ - and at most 64 of them", ErrName, name)
	}
	return nil
}
