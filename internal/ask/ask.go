// Package ask puts questions to a person, on a terminal or through a pipe.
package ask

import (
	"errors"
	"fmt"
	"io"

	"github.com/charmbracelet/huh"

	"dispatcher/internal/quiet"
)

// Asker is who is asked, and how.
type Asker struct {
	In         io.Reader
	Out        io.Writer
	Accessible bool // line by line, for terminals that can do no more
	Terminal   bool // there is one: what is typed as a secret is not echoed
}

// Hidden is how a secret is echoed: a pipe echoes nothing anyway.
func (a Asker) Hidden() huh.EchoMode {
	if a.Terminal {
		return huh.EchoModePassword
	}
	return huh.EchoModeNormal
}

// Ask asks one group after the other. Each is made when its turn comes, so that
// it may follow from the answers before; nil is left out.
func (a Asker) Ask(groups ...func() *huh.Group) error {
	in := a.In
	if !a.Terminal {
		in = slowReader{in}
	} else if !a.Accessible {
		quiet.Background()
	}
	// One form per group: line by line, a form would ask its hidden groups too.
	for _, make := range groups {
		group := make()
		if group == nil {
			continue
		}
		err := huh.NewForm(group).WithInput(in).WithOutput(a.Out).WithAccessible(a.Accessible).Run()
		if errors.Is(err, huh.ErrUserAborted) {
			return errors.New("nothing was written: the questions were left")
		}
		if err != nil {
			return fmt.Errorf("ask for the settings: %w", err)
		}
	}
	return nil
}

// slowReader yields a byte at a time: each question reads ahead on its own, and
// would swallow the answers to the next ones of a pipe.
type slowReader struct{ io.Reader }

func (r slowReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }
