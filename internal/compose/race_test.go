//go:build race

package compose

// stride: with the race detector, which has nothing to find in a loader, only
// every seventh combination is loaded; `make test` loads all of them without it.
const stride = 7
