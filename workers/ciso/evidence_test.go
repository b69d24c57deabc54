package ciso

import (
	"errors"
	"io"
)

func openNothing() (io.ReadCloser, error) { return nil, errors.New("no such file") }
