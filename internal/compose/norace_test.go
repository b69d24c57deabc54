//go:build !race

package compose

const stride = 1
