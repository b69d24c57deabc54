//go:build real

package realparts

import "context"

// Host is what the parts need of whoever runs them: a test, or a command.
type Host interface {
	Helper()
	TempDir() string
	Cleanup(func())
	Context() context.Context
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}
