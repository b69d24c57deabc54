package jobs

import "fmt"

// State is where a job stands.
//
//	queued → running → succeeded | failed | canceled
//	         running → retrying → running
//	queued, retrying → released (another process carries it out)
type State uint8

// The zero State is none of these, so that a forgotten field is noticed.
const (
	Queued State = iota + 1
	Running
	Retrying
	Succeeded
	Failed
	Canceled
	Released
)

// stateNames is indexed by State.
var stateNames = [...]string{"", "queued", "running", "retrying", "succeeded", "failed", "canceled", "released"}

// States returns every state in the order in which people read them.
func States() []State {
	return []State{Queued, Running, Retrying, Succeeded, Failed, Canceled, Released}
}

// String returns the name that commands, JSON and metrics use.
func (s State) String() string {
	if int(s) < len(stateNames) && s > 0 {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Ended reports whether nothing more happens to the job by itself.
func (s State) Ended() bool { return s >= Succeeded }

// ParseState returns the state called name.
func ParseState(name string) (State, error) {
	for _, s := range States() {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("unknown state %q: one of queued, running, retrying, succeeded, failed, canceled, released", name)
}

// MarshalText implements [encoding.TextMarshaler].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *State) UnmarshalText(text []byte) error {
	parsed, err := ParseState(string(text))
	*s = parsed
	return err
}
